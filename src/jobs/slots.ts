/** Lets so many in at a time, the others in the order in which they came. */
export interface Slots {
  readonly count: number;
  /** Runs `work` when there is room. False when it was closed before: then `work` did not run. */
  within(work: () => Promise<void>): Promise<boolean>;
  /** Lets nobody in any more, and sends away who waits. */
  close(): void;
}

export function createSlots(count: number): Slots {
  const waiting: Array<() => void> = [];
  let free = count;
  let closed = false;
  return {
    count,
    within: async (work) => {
      if (free > 0) free -= 1;
      // Whoever leaves hands the place over to who waits.
      else if (!closed) await new Promise<void>((resolve) => waiting.push(resolve));
      if (closed) return false;
      try {
        await work();
      } finally {
        const next = waiting.shift();
        if (next === undefined) free += 1;
        else next();
      }
      return true;
    },
    close: () => {
      closed = true;
      for (const go of waiting.splice(0)) go();
    },
  };
}

/** Slots for each name, made when first asked for. */
export function createTurns(count: number): (name: string) => Slots {
  const all = new Map<string, Slots>();
  return (name) => {
    const slots = all.get(name) ?? createSlots(count);
    all.set(name, slots);
    return slots;
  };
}

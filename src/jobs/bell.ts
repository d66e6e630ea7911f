/** What one loop sleeps on and others wake it with. A ring that comes while nobody waits is kept. */
export interface Bell {
  ring(urgent?: boolean): void;
  /** Resolves at the next ring (an urgent one, if only those count), or after `ms`, or when `signal` is aborted. */
  wait(ms: number, signal: AbortSignal, onlyUrgent?: boolean): Promise<'rung' | 'urgent' | 'quiet'>;
}

export function createBell(): Bell {
  let rung: 'rung' | 'urgent' | undefined;
  let heard: (() => void) | undefined;
  return {
    ring: (urgent = false) => {
      if (rung !== 'urgent') rung = urgent ? 'urgent' : 'rung';
      heard?.();
    },
    wait: (ms, signal, onlyUrgent = false) =>
      new Promise((resolve) => {
        const end = () => {
          clearTimeout(timer);
          signal.removeEventListener('abort', end);
          heard = undefined;
          const was = rung ?? 'quiet';
          rung = undefined;
          resolve(was);
        };
        const timer = setTimeout(end, Math.max(0, ms));
        signal.addEventListener('abort', end);
        heard = () => {
          if (rung === 'urgent' || !onlyUrgent) end();
        };
        if (signal.aborted) end();
        else if (rung !== undefined) heard();
      }),
  };
}

import { setTimeout as sleep } from 'node:timers/promises';

/** What may be made to go wrong. Shares are between 0 and 1; all of it is finite and follows from the seed. */
export interface Faults {
  /** RESOURCE_EXHAUSTED before anything happens. */
  readonly rate: number;
  /** UNAVAILABLE before anything happens. */
  readonly unavailable: number;
  /** INTERNAL before anything happens. */
  readonly internal: number;
  /** The connection is cut before anything happens. */
  readonly drop: number;
  /** A write takes effect, then the connection is cut instead of an answer. */
  readonly lost: number;
  /** A page of a list is cut short, down to nothing, but has a cursor. */
  readonly short: number;
  /** Delay of every call, in milliseconds. */
  readonly slow: number;
  /** How far the simulator's clock is ahead, in milliseconds; may be negative. */
  readonly skew: number;
  readonly seed: number;
  /** After this many injected faults, all is well. Delays and skew don't count. */
  readonly max: number;
}

const SHARES = ['rate', 'unavailable', 'internal', 'drop', 'lost', 'short'] as const;
type Share = (typeof SHARES)[number];
const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

export const NO_FAULTS: Faults = {
  rate: 0,
  unavailable: 0,
  internal: 0,
  drop: 0,
  lost: 0,
  short: 0,
  slow: 0,
  skew: 0,
  seed: 1,
  max: 1000,
};

/** Reads `rate=0.1,lost=0.02,slow=20ms,skew=-1d,seed=7,max=100`. Throws an Error that names the bad part. */
export function parseFaults(text: string): Faults {
  const faults: Record<string, number> = { ...NO_FAULTS };
  for (const part of text
    .split(',')
    .map((p) => p.trim())
    .filter((p) => p !== '')) {
    const [name = '', value = ''] = part.split('=', 2);
    const parsed = (SHARES as readonly string[]).includes(name) ? share(value) : other(name, value);
    if (parsed === undefined) {
      throw new Error(
        `faults: "${part}" is not understood; known: ${SHARES.join(', ')} (0 to 1), slow, skew (20ms, -1d), seed, max`,
      );
    }
    faults[name] = parsed;
  }
  return faults as unknown as Faults;
}

function share(value: string): number | undefined {
  const number = Number(value);
  return value !== '' && number >= 0 && number <= 1 ? number : undefined;
}

function other(name: string, value: string): number | undefined {
  if (name === 'seed' || name === 'max') return /^\d{1,9}$/.test(value) ? Number(value) : undefined;
  const [, sign, count, unit] = /^(-?)(\d{1,9})(ms|s|m|h|d)$/.exec(value) ?? [];
  if (unit === undefined || (name !== 'slow' && name !== 'skew') || (name === 'slow' && sign === '-')) return undefined;
  return Number(`${sign}${count}`) * (UNITS[unit] ?? 1);
}

/** Numbers in [0, 1) that follow from a seed (mulberry32). */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

export interface Mischief {
  /** Does this fault strike now? */
  strikes(share: Share): boolean;
  /** How many of `count` items a page may hold. */
  shorten(count: number): number;
  /** Ends early, by an error, when the signal aborts. */
  delay(signal: AbortSignal): Promise<void>;
}

export function mischief(faults: Faults): Mischief {
  const random = randomFrom(faults.seed);
  let left = faults.max;
  const strikes = (name: Share): boolean => {
    if (faults[name] === 0 || left <= 0 || random() >= faults[name]) return false;
    left -= 1;
    return true;
  };
  return {
    strikes,
    shorten: (count) => (strikes('short') ? Math.floor(random() * count) : count),
    delay: async (signal) => {
      if (faults.slow > 0) await sleep(faults.slow, undefined, { signal });
    },
  };
}

import { Failure } from '../../model/failure.ts';

/** Published limits, calls a minute for each API key; half of them is left to other users of the key. */
export const PUBLISHED = { read: 5000, write: 500 } as const;
const SHARE = 0.5;
/** A burst may take what flows in within this time. */
const BURST_MS = 6_000;
/** Who would have to wait longer than this gives its place back: the queue waits better than an open call. */
const LONGEST_WAIT_MS = 15_000;

export type CallKind = 'read' | 'write';

/** What a `RateLimitMetadata` says, in plain numbers. */
export interface RateLimit {
  readonly limit: number;
  readonly remaining: number;
}

export interface Pace {
  /** Waits for a place. Throws a `retry` Failure when that would take long, or the signal's reason. */
  take(kind: CallKind, signal: AbortSignal): Promise<void>;
  /** Learns from an answer: the allowance follows the server's limit, and shrinks when little remains. */
  learn(kind: CallKind, rate: RateLimit): void;
  /** Allowance a minute at the moment, for tests and metrics. */
  perMinute(kind: CallKind): number;
}

interface Bucket {
  perMinute: number;
  /** Places left; negative when some are already waited for. */
  places: number;
  at: number;
  /** Ends the waits of those who have a place to come. */
  readonly waiting: Set<() => void>;
}

const burst = (bucket: Bucket): number => Math.max(1, (bucket.perMinute * BURST_MS) / 60_000);

function refill(bucket: Bucket, now: number): void {
  const flown = (Math.max(0, now - bucket.at) * bucket.perMinute) / 60_000;
  bucket.places = Math.min(burst(bucket), bucket.places + flown);
  bucket.at = now;
}

function fresh(limit: number, now: number): Bucket {
  const bucket: Bucket = { perMinute: limit * SHARE, places: 0, at: now, waiting: new Set() };
  bucket.places = burst(bucket);
  return bucket;
}

/** Waits for a place that is taken already; gives it back when the signal aborts. */
function waitFor(bucket: Bucket, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const end = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', aborted);
      bucket.waiting.delete(go);
    };
    const go = (): void => {
      end();
      resolve();
    };
    const aborted = (): void => {
      end();
      bucket.places += 1;
      reject(signal.reason as Error);
    };
    const timer = setTimeout(go, ms);
    signal.addEventListener('abort', aborted);
    bucket.waiting.add(go);
  });
}

/** Client-side pacing, one token bucket for reads and one for writes. `clock` gives milliseconds and never goes back. */
export function pacer(clock: () => number = () => performance.now()): Pace {
  const buckets = { read: fresh(PUBLISHED.read, clock()), write: fresh(PUBLISHED.write, clock()) };
  return {
    async take(kind, signal) {
      signal.throwIfAborted();
      const bucket = buckets[kind];
      refill(bucket, clock());
      const wait = bucket.places >= 1 ? 0 : Math.ceil(((1 - bucket.places) * 60_000) / bucket.perMinute);
      if (wait > LONGEST_WAIT_MS) {
        throw new Failure({ kind: 'retry', afterMs: wait }, `the ${kind} budget of this target is used up for now`);
      }
      bucket.places -= 1;
      if (wait === 0) return;
      await waitFor(bucket, wait, signal);
    },
    learn(kind, rate) {
      if (rate.limit <= 0) return;
      const bucket = buckets[kind];
      refill(bucket, clock());
      const scarce = rate.remaining < rate.limit / 10;
      const before = bucket.perMinute;
      bucket.perMinute = Math.max(1, rate.limit * SHARE * (scarce ? 0.5 : 1));
      if (bucket.perMinute <= before) {
        bucket.places = Math.min(bucket.places, burst(bucket));
        return;
      }
      bucket.places = Math.max(bucket.places, Math.min(burst(bucket), rate.remaining) - bucket.waiting.size);
      // Whoever waits was given a time by the old allowance. A place is kept for each of them above.
      if (bucket.places >= 0) for (const go of bucket.waiting) go();
    },
    perMinute: (kind) => buckets[kind].perMinute,
  };
}

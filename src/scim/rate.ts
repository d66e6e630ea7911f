import { ScimError } from './errors.ts';

/** `perSecond` requests in the long run, `burst` at once after a pause. */
export interface Rate {
  readonly perSecond: number;
  readonly burst: number;
}

interface Bucket {
  left: number;
  at: number;
}

/** What a limit says to one request: headers for its answer, whether it is refused or not. */
export interface Allowance {
  readonly allowed: boolean;
  readonly headers: Readonly<Record<string, string>>;
  /** Of the bucket: the emptiest of several decides what a client is told. */
  readonly left: number;
}

/**
 * Token buckets by key, of one endpoint. At most `most` keys are remembered; when there are more, those that were
 * used longest ago are forgotten, which only ever makes a limit milder. `now` is in milliseconds.
 */
export function createRates(most: number, now: () => number = () => performance.now()) {
  const buckets = new Map<string, Bucket>();
  const filled = (key: string, { perSecond, burst }: Rate): Bucket => {
    const at = now();
    const old = buckets.get(key);
    buckets.delete(key);
    const left = old === undefined ? burst : Math.min(burst, old.left + ((at - old.at) / 1000) * perSecond);
    const bucket = { left, at };
    buckets.set(key, bucket);
    if (buckets.size > most) buckets.delete(buckets.keys().next().value as string);
    return bucket;
  };
  return {
    /** Takes one, if there is one. */
    take(key: string, rate: Rate): Allowance {
      const bucket = filled(key, rate);
      const allowed = bucket.left >= 1;
      if (allowed) bucket.left -= 1;
      return { allowed, left: bucket.left, headers: headersOf(bucket.left, rate, allowed) };
    },
    /** Gives one back. */
    give(key: string): void {
      const bucket = buckets.get(key);
      if (bucket !== undefined) bucket.left += 1;
    },
    size: (): number => buckets.size,
  };
}

export type Rates = ReturnType<typeof createRates>;

/** In the form that SailPoint reads; `reset` is in seconds until all is there again. */
function headersOf(left: number, { perSecond, burst }: Rate, allowed: boolean): Record<string, string> {
  const wait = String(Math.max(1, Math.ceil((1 - left) / perSecond)));
  return {
    'x-rate-limit-limit': String(burst),
    'x-rate-limit-remaining': String(Math.floor(Math.max(0, left))),
    'x-rate-limit-reset': String(Math.ceil((burst - left) / perSecond)),
    ...(allowed ? {} : { 'retry-after': wait, 'x-rate-limit-retry-after-seconds': wait }),
  };
}

export const tooFast = (message: string, { headers }: Allowance): ScimError => new ScimError(429, message, { headers });

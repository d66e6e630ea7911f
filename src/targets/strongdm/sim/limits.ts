import { create } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import type { CallKind } from '../pace.ts';
import type { RateLimitMetadata } from '../proto/sdm_pb.gen.ts';
import { RateLimitMetadataSchema } from '../proto/sdm_pb.gen.ts';
import { Code } from '../wire.ts';
import { detail, Refusal } from './refusal.ts';

/** Calls a minute for each API key. Far above the vendor's by default, so that rehearsals need no patience. */
export interface Limits {
  readonly read: number;
  readonly write: number;
}

export const GENEROUS: Limits = { read: 100_000_000, write: 100_000_000 };

const MINUTE_MS = 60_000;

export interface Meter {
  /** Counts a call, and says what is left. Throws RESOURCE_EXHAUSTED with the same message when nothing is. */
  count(key: string, kind: CallKind): RateLimitMetadata;
  /** A refusal as if nothing were left. */
  refuse(kind: CallKind): Refusal;
  /** Another allowance from now on; buckets begin full. */
  set(limits: Limits): void;
}

/** Allowances refill continuously, as the vendor's do. */
export function meter(initial: Limits, now: () => Date): Meter {
  let limits = initial;
  const buckets = new Map<string, { left: number; at: number }>();
  const message = (kind: CallKind, left: number, at: number): RateLimitMetadata =>
    create(RateLimitMetadataSchema, {
      limit: BigInt(limits[kind]),
      remaining: BigInt(Math.floor(left)),
      resetAt: timestampFromMs(Math.ceil(at + ((limits[kind] - left) * MINUTE_MS) / limits[kind])),
      bucket: `${kind}s`,
    });
  const refusal = (rate: RateLimitMetadata): Refusal =>
    new Refusal(Code.RESOURCE_EXHAUSTED, 'rate limit exceeded', [detail(RateLimitMetadataSchema, rate)]);
  return {
    count(key, kind) {
      const at = now().getTime();
      const name = `${kind} ${key}`;
      const bucket = buckets.get(name) ?? { left: limits[kind], at };
      bucket.left = Math.min(limits[kind], bucket.left + (Math.max(0, at - bucket.at) * limits[kind]) / MINUTE_MS);
      bucket.at = at;
      buckets.set(name, bucket);
      if (bucket.left < 1) throw refusal(message(kind, 0, at));
      bucket.left -= 1;
      return message(kind, bucket.left, at);
    },
    // A short wait: an injected fault is to be felt, not to stop a rehearsal for a minute.
    refuse: (kind) => {
      const rate = message(kind, 0, now().getTime());
      rate.resetAt = timestampFromMs(now().getTime() + 250);
      return refusal(rate);
    },
    set(next) {
      limits = next;
      buckets.clear();
    },
  };
}

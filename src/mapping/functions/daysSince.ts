import type { ValueFunction } from './function.ts';

const DAY_MS = 86_400_000;

export const daysSince: ValueFunction = {
  name: 'daysSince',
  signature: 'google.protobuf.Timestamp.daysSince(google.protobuf.Timestamp): int',
  about:
    'Whole days (24 h) from the time in brackets to this one, rounded down; negative when that one is later. `now.daysSince(user.hired)` is how long ago somebody was hired.',
  examples: [
    { expression: 'timestamp("2030-03-01T12:00:00Z").daysSince(timestamp("2030-02-01T00:00:00Z"))', gives: 28n },
    { expression: 'timestamp("2030-01-01T23:00:00Z").daysSince(timestamp("2030-01-01T00:00:00Z"))', gives: 0n },
    { expression: 'timestamp("2030-01-01T00:00:00Z").daysSince(timestamp("2030-01-01T01:00:00Z"))', gives: -1n },
    { expression: 'now.daysSince(now)', gives: 0n },
  ],
  call: (later: Date, earlier: Date) => BigInt(Math.floor((later.getTime() - earlier.getTime()) / DAY_MS)),
};

import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { backoffMs } from './backoff.ts';

const BASE = 1_000;
const CAP = 300_000;

test('a wait is whole, below the doubled base and the cap, and never less than what the target asked for', () => {
  const unit = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 10_000 }), unit, fc.nat(1_000_000), (attempt, random, afterMs) => {
      const ms = backoffMs(attempt, () => random, { base: BASE, cap: CAP, afterMs });
      assert.ok(Number.isSafeInteger(ms));
      assert.ok(ms >= afterMs);
      assert.ok(ms <= Math.max(afterMs, CAP, 0));
      assert.ok(ms <= Math.max(afterMs, BASE * 2 ** Math.min(attempt - 1, 30)));
    }),
  );
});

test('the jitter is full: it spreads from nothing to the ceiling, which doubles up to the cap', () => {
  const highest = (attempt: number) => backoffMs(attempt, () => 0.999999, { base: BASE, cap: CAP });
  assert.deepEqual([1, 2, 3, 9, 10, 50].map(highest), [999, 1999, 3999, 255_999, 299_999, 299_999]);
  assert.equal(
    backoffMs(7, () => 0, { base: BASE, cap: CAP }),
    0,
  );
  assert.equal(
    backoffMs(1, () => 0, { base: BASE, cap: CAP, afterMs: 1500.2 }),
    1501,
  );
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { failure } from '../../../test/contracts/target.ts';
import { pacer } from './pace.ts';

const never = new AbortController().signal;

test('half of the published limits is used until the server tells its own', () => {
  const pace = pacer(() => 0);
  assert.deepEqual([pace.perMinute('read'), pace.perMinute('write')], [2500, 250]);
  pace.learn('write', { limit: 100, remaining: 90 });
  assert.equal(pace.perMinute('write'), 50);
  pace.learn('write', { limit: 100, remaining: 9 });
  assert.equal(pace.perMinute('write'), 25);
  pace.learn('write', { limit: 1_000_000, remaining: 999_999 });
  assert.deepEqual([pace.perMinute('read'), pace.perMinute('write')], [2500, 500_000]);
  pace.learn('write', { limit: 0, remaining: 0 });
  assert.equal(pace.perMinute('write'), 500_000);
});

test('over a minute no more calls pass than the allowance and its first burst', async () => {
  let now = 0;
  const pace = pacer(() => now);
  let passed = 0;
  for (; now < 60_000; now += 20) {
    // Who has to wait gives up at once.
    const impatient = new AbortController();
    const place = pace.take('write', impatient.signal).then(
      () => true,
      () => false,
    );
    impatient.abort();
    if (await place) passed += 1;
  }
  assert.ok(passed >= 250 && passed <= 275, `${passed} passed`);
});

test('who would wait long gets its place back, with the time to come again', async () => {
  let now = 0;
  const pace = pacer(() => now);
  pace.learn('write', { limit: 4, remaining: 4 });
  await pace.take('write', never);
  const busy = await failure(pace.take('write', never), 'retry');
  assert.ok(busy.verdict.kind === 'retry' && (busy.verdict.afterMs ?? 0) > 15_000);
  now += 30_001;
  await pace.take('write', never);
});

test('a wait ends with the reason of the abort', async () => {
  const pace = pacer(() => 0);
  pace.learn('write', { limit: 100, remaining: 100 });
  const controller = new AbortController();
  for (let n = 0; n < 5; n += 1) await pace.take('write', never);
  const waiting = pace.take('write', controller.signal);
  const reason = new Error('enough');
  controller.abort(reason);
  await assert.rejects(waiting, (error) => error === reason);
});

test('those who wait go at once when the server tells a larger allowance', { timeout: 5_000 }, async () => {
  const pace = pacer(() => 0);
  for (let n = 0; n < 25; n += 1) await pace.take('write', never);
  const waiting = Array.from({ length: 40 }, () => pace.take('write', never));
  pace.learn('write', { limit: 1_000_000, remaining: 999_999 });
  await Promise.all(waiting);
  await pace.take('write', never);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fuzz, summary } from './fuzz.ts';
import { requestOf } from './requests.ts';
import { fuzzService } from './service.ts';

test('a request comes the same way again by its seed and number', () => {
  for (let i = 0; i < 200; i++) assert.deepEqual(requestOf(7, i, ['a', 'b']), requestOf(7, i, ['a', 'b']));
  const some = Array.from({ length: 50 }, (_, i) => JSON.stringify(requestOf(7, i, [])));
  assert.ok(new Set(some).size > 45);
});

test('20 seconds of requests that nobody would send: none fails the service', async (t) => {
  const service = await fuzzService();
  try {
    // The same one each time: what passed once must not fail a change that has nothing to do with it.
    const seed = Number(process.env['FUZZ_SEED'] ?? 1);
    const { base, token, memory } = service;
    const result = await fuzz({ base, token, memory, seed, ms: 20_000, parallel: 8, slowest: 10_000 });
    t.diagnostic(`seed ${seed}: ${summary(result)}`);
    assert.deepEqual(result.failures, [], `npm run fuzz -- --seed ${seed}`);
    assert.ok(result.requests > 100);
    assert.ok(result.memory.end - result.memory.start < 300e6, summary(result));
    assert.doesNotMatch(service.bridge.err(), /"level":"(error|fatal)"/);
  } finally {
    await service.close();
  }
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import * as fc from 'fast-check';
import { coalesce } from './coalesce.ts';

class Away extends Error {}
const isAway = (error: unknown): boolean => error instanceof Away;

/** Doubles numbers; a negative one spoils the whole call. */
function doubling() {
  const calls: number[][] = [];
  const many = async (items: readonly number[]): Promise<number[]> => {
    calls.push([...items]);
    await sleep(0);
    const bad = items.find((item) => item < 0);
    if (bad !== undefined) throw new Error(`${bad} can't be doubled`);
    return items.map((item) => item * 2);
  };
  return { calls, many };
}

test('whoever asks, whenever, gets what they would get alone, be it an error', async () => {
  const asked = fc.array(fc.record({ item: fc.integer({ min: -2, max: 50 }), turn: fc.integer({ min: 0, max: 4 }) }));
  await fc.assert(
    fc.asyncProperty(asked, fc.integer({ min: 1, max: 7 }), async (questions, most) => {
      const { calls, many } = doubling();
      const ask = coalesce(many, { most, together: isAway });
      const results = await Promise.allSettled(
        questions.map(async ({ item, turn }) => {
          for (let i = 0; i < turn; i++) await sleep(0);
          return ask(item);
        }),
      );
      const alone = await Promise.allSettled(questions.map(async ({ item }) => (await many([item]))[0]));
      const shown = (all: Array<PromiseSettledResult<unknown>>) =>
        all.map((one) => (one.status === 'fulfilled' ? one.value : String(one.reason)));
      assert.deepEqual(shown(results), shown(alone));
      assert.ok(calls.every((call) => call.length <= most));
    }),
    { numRuns: 60 },
  );
});

test('what is asked for in one turn is one call, and what comes meanwhile the next one', async () => {
  const { calls, many } = doubling();
  const ask = coalesce(many, { most: 10, together: isAway });
  const first = Promise.all([ask(1), ask(2)]);
  await new Promise((resolve) => setImmediate(resolve));
  const second = Promise.all([ask(3), ask(4)]);
  assert.deepEqual(await Promise.all([first, second]), [
    [2, 4],
    [6, 8],
  ]);
  assert.deepEqual(calls, [
    [1, 2],
    [3, 4],
  ]);
});

test('where everybody is concerned nobody is tried again, and the next call is a new one', async () => {
  let calls = 0;
  const ask = coalesce(
    async (items: readonly number[]) => {
      calls += 1;
      if (calls === 1) throw new Away('the store is away');
      return items;
    },
    { most: 10, together: isAway },
  );
  const results = await Promise.allSettled([ask(1), ask(2), ask(3)]);
  assert.deepEqual([results.every((one) => one.status === 'rejected'), calls], [true, 1]);
  assert.equal(await ask(4), 4);
});

test('a call that does not answer everybody is an error, not a mix-up', async () => {
  const ask = coalesce(async () => [1], { most: 10, together: isAway });
  const results = await Promise.allSettled([ask(1), ask(2)]);
  assert.deepEqual(
    results.map((one) => one.status),
    ['fulfilled', 'fulfilled'],
  );
});

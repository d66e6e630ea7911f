import assert from 'node:assert/strict';
import { test } from 'node:test';
import { shareFresh } from './share.ts';

/** Runs that end when they are told to. */
function controlled(patience = 60_000) {
  const runs: Array<{ key: string; end(error?: Error): void }> = [];
  const shared = shareFresh(
    (key) =>
      new Promise<number>((resolve, reject) => {
        const nth = runs.length;
        runs.push({ key, end: (error) => (error === undefined ? resolve(nth) : reject(error)) });
      }),
    patience,
  );
  const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  return { runs, shared, settle };
}

test('who calls during a run gets the next one, together with all others who did', async () => {
  const { runs, shared, settle } = controlled();
  const first = shared('a');
  const later = [shared('a'), shared('a'), shared('a')];
  await settle();
  assert.equal(runs.length, 1);
  runs[0]?.end();
  assert.equal(await first, 0);
  await settle();
  assert.equal(runs.length, 2);
  const third = shared('a');
  runs[1]?.end();
  assert.deepEqual(await Promise.all(later), [1, 1, 1]);
  await settle();
  assert.equal(runs.length, 3);
  runs[2]?.end();
  assert.equal(await third, 2);
  await settle();
  const fourth = shared('a');
  assert.equal(runs.length, 4);
  runs[3]?.end();
  assert.equal(await fourth, 3);
});

test('keys have nothing to do with each other', async () => {
  const { runs, shared } = controlled();
  const [a, b] = [shared('a'), shared('b')];
  assert.deepEqual(
    runs.map((run) => run.key),
    ['a', 'b'],
  );
  runs[1]?.end();
  assert.equal(await b, 1);
  runs[0]?.end();
  assert.equal(await a, 0);
});

test('a run that fails is the failure of those who shared it, and of nobody else', async () => {
  const { runs, shared, settle } = controlled();
  const first = shared('a');
  const second = shared('a');
  runs[0]?.end(new Error('away'));
  await assert.rejects(first, /away/);
  await settle();
  runs[1]?.end();
  assert.equal(await second, 1);
});

test('a run that hangs holds nobody up who comes later', async () => {
  const { runs, shared } = controlled(0);
  const first = shared('a');
  await new Promise((resolve) => setTimeout(resolve, 2));
  const second = shared('a');
  assert.equal(runs.length, 2);
  runs[1]?.end();
  assert.equal(await second, 1);
  runs[0]?.end();
  assert.equal(await first, 0);
});

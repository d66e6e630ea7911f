import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { StoreRefused } from '../errors.ts';
import { withLock } from './lock.ts';
import { processOf, sleep } from './process.ts';

const folder = mkdtempSync(join(tmpdir(), 'drawbridge-lock-'));
after(() => rmSync(folder, { recursive: true }));

test('one at a time, also after an error, and nothing is left', async () => {
  const file = join(folder, 'a.lock');
  let inside = 0;
  let most = 0;
  const job = (fails: boolean) =>
    withLock(file, async () => {
      inside += 1;
      most = Math.max(most, inside);
      await sleep(5);
      inside -= 1;
      if (fails) throw new Error('failed inside');
    });
  const results = await Promise.allSettled([job(false), job(true), job(false), job(true), job(false)]);
  assert.equal(most, 1);
  assert.deepEqual(
    results.map((result) => result.status),
    ['fulfilled', 'rejected', 'fulfilled', 'rejected', 'fulfilled'],
  );
  assert.deepEqual(readdirSync(folder), []);
});

test('the lock of a dead process, or of one whose number was given out again, counts for nothing', async () => {
  const file = join(folder, 'b.lock');
  for (const stale of [{ pid: 2 ** 22 + 1, started: '5' }, { pid: process.pid, started: 'long ago' }, { odd: true }]) {
    writeFileSync(file, JSON.stringify(stale));
    assert.equal(await withLock(file, () => Promise.resolve('in'), 2_000), 'in');
  }
  assert.deepEqual(readdirSync(folder), []);
});

test('a living holder is waited for, and named when it takes too long', async () => {
  const file = join(folder, 'c.lock');
  writeFileSync(file, JSON.stringify({ ...processOf(process.pid), nonce: 'other' }));
  await assert.rejects(
    withLock(file, () => Promise.resolve(), 100),
    (error) => {
      assert.ok(error instanceof StoreRefused);
      assert.match(error.message, new RegExp(`held by process ${process.pid}`));
      return true;
    },
  );
  rmSync(file);
});

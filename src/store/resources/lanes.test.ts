import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { test } from 'node:test';
import { createLanes } from './lanes.ts';

test('works of one key follow each other, also after one that failed; other keys do not wait', async () => {
  const lane = createLanes();
  const log: string[] = [];
  const work = (key: string, name: string, ms: number, fails = false) =>
    lane(key, async () => {
      log.push(`${name} begins`);
      await sleep(ms);
      log.push(`${name} ends`);
      if (fails) throw new Error(name);
      return name;
    });
  const first = work('a', 'one', 20, true);
  const second = work('a', 'two', 1);
  const other = work('b', 'three', 1);
  await assert.rejects(first, /one/);
  assert.equal(await second, 'two');
  assert.equal(await other, 'three');
  assert.deepEqual(
    log.filter((entry) => !entry.startsWith('three')),
    ['one begins', 'one ends', 'two begins', 'two ends'],
  );
  assert.ok(log.indexOf('three ends') < log.indexOf('one ends'));
});

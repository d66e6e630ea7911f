import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clients, correlatorOf, key, seedMany } from '../../test/support/correlation.ts';
import { type TestDatabase, testDatabase } from '../../test/support/database.ts';
import { dbTest, until } from '../../test/support/jobs.ts';
import { createLog } from '../log.ts';
import { correlationState } from '../store/correlation/state.ts';
import { holdLock, LEADER } from '../store/lease.ts';
import { correlateBy, startCorrelation } from './correlation.ts';

const log = createLog({ write: () => undefined });
const wake = (): void => undefined;

dbTest(
  'stopped while records are looked at anew it goes on at the next start, and says when it is done',
  async (db) => {
    await seedMany(db, 'okta', 2_500);
    const wanted = correlatorOf();
    let pages = 0;
    let stop: (() => Promise<void>) | undefined;
    const first = await startCorrelation(wanted, {
      db,
      log,
      wake: () => {
        pages += 1;
        if (pages === 2) void stop?.();
      },
    });
    stop = () => first.close();
    await until(() => pages >= 2);
    await first.close();
    const broken = await correlationState(db);
    assert.equal(broken.signature, wanted.signature);
    assert.notEqual(broken.phase, 'done');
    assert.ok(broken.after > 0);
    const lines: string[] = [];
    const second = await startCorrelation(wanted, { db, log: createLog({ write: (line) => lines.push(line) }), wake });
    assert.equal(second.now(), wanted);
    await until(async () => (await correlationState(db)).phase === 'done');
    await until(() => lines.some((line) => line.includes('all records are correlated by the settings of now')));
    await second.close();
  },
);

dbTest('changed settings are followed without a stop, and open cases are looked at again', async (db) => {
  const it = await clients(db, correlatorOf({ keys: [key('userName')] }));
  await it.add('okta', 'ann', { emp: '1' });
  await it.add('ad', 'alee', { emp: '1' });
  const service = await startCorrelation(it.correlator, { db, log, wake, reviewEvery: 20 });
  const wanted = correlatorOf();
  service.follow(wanted);
  assert.equal(service.now(), wanted);
  it.correlator = service.now();
  await until(async () => (await it.open()).length === 1);
  assert.deepEqual(await it.open(), ['okta/ann twin']);
  const [first] = await it.cases({ field: 'state', like: 'open' });
  // What its record finds changes by what happens to another record.
  await db.rows({ text: `update record set gone_at = now(), evidence = 'explicit' where user_name = 'alee'` });
  await db.rows({
    text: `delete from correlation_key where record_key in (select key from record where user_name = 'alee')`,
  });
  await until(async () => (await it.open()).length === 0);
  const [done] = await it.cases({ field: 'id', like: first?.id ?? '' });
  assert.equal(done?.outcome, 'cleared');
  service.follow(undefined);
  assert.equal(service.now(), undefined);
  await until(
    async () => (await correlationState(db)).signature === '' && (await correlationState(db)).phase === 'done',
  );
  await service.close();
  assert.deepEqual(await db.rows({ text: 'select 1 from correlation_key' }), []);
});

test('a command correlates by its settings where nobody serves the store, and not against a running service', async () => {
  const database: TestDatabase = await testDatabase();
  const { db } = database;
  try {
    const wanted = correlatorOf();
    assert.equal(await correlateBy(db, undefined), true);
    assert.equal(await correlateBy(db, wanted), true);
    assert.deepEqual(await correlationState(db), { signature: wanted.signature, phase: 'done', after: 0 });
    const held = await holdLock(db, LEADER, async () => {
      assert.equal(await correlateBy(db, wanted), true, 'the same settings');
      assert.equal(await correlateBy(db, correlatorOf({ keys: [key('email')] })), false);
    });
    assert.equal(held, true);
    assert.equal((await correlationState(db)).signature, wanted.signature);
  } finally {
    await database.close();
  }
});

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type TestDatabase, testDatabase } from '../../test/support/database.ts';
import { ensureEventPartitions } from './partitions.ts';
import { openDb } from './pool.ts';

let database: TestDatabase;
before(async () => {
  database = await testDatabase();
});
after(() => database.close());

const partitions = async (): Promise<string[]> => {
  const rows = await database.db.rows<{ name: string }>({
    text: `select inhrelid::regclass::text as name from pg_inherits where inhparent = 'event'::regclass order by 1`,
  });
  return rows.map((row) => row.name);
};
const addAt = (at: string) =>
  database.db.row<{ where: string }>({
    text: `insert into event (at, actor, kind) values ($1, 'test', 'test') returning tableoid::regclass::text as "where"`,
    values: [at],
  });

test('this month and the next get a partition, across the turn of the year, in UTC', async () => {
  const before = await partitions();
  await ensureEventPartitions(database.db, new Date('2031-12-31T23:59:59.999Z'));
  const made = (await partitions()).filter((name) => !before.includes(name));
  assert.deepEqual(made, ['event_2031_12', 'event_2032_01']);
  assert.deepEqual(await addAt('2031-12-31T23:59:59.999Z'), { where: 'event_2031_12' });
  assert.deepEqual(await addAt('2032-01-01T00:00:00Z'), { where: 'event_2032_01' });
  assert.deepEqual(await addAt('2032-02-01T00:00:00Z'), { where: 'event_rest' });
});

test('again and from several processes at once it does nothing more', async () => {
  const others = [1, 2, 3].map(() => openDb(database.config));
  try {
    const now = new Date('2033-05-17T12:00:00Z');
    await Promise.all(others.map(({ db }) => ensureEventPartitions(db, now)));
    const made = await partitions();
    await ensureEventPartitions(database.db, now);
    assert.deepEqual(await partitions(), made);
    assert.equal(made.filter((name) => name.startsWith('event_2033')).length, 2);
  } finally {
    await Promise.all(others.map((other) => other.close()));
  }
});

test('a month whose entries lie in the default partition already stays there, and the next one is made', async () => {
  await addAt('2035-03-10T00:00:00Z');
  await ensureEventPartitions(database.db, new Date('2035-03-11T00:00:00Z'));
  const made = await partitions();
  assert.ok(!made.includes('event_2035_03'));
  assert.ok(made.includes('event_2035_04'));
  assert.deepEqual(await addAt('2035-03-12T00:00:00Z'), { where: 'event_rest' });
});

import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { type TestDatabase, testDatabase } from '../../test/support/database.ts';
import { StoreRefused } from './errors.ts';
import { migrate, pendingMigrations } from './migrate.ts';
import { MIGRATIONS } from './migrations/index.ts';
import { openDb } from './pool.ts';

let database: TestDatabase;
before(async () => {
  database = await testDatabase();
});
beforeEach(() => database.db.rows({ text: 'drop schema if exists drawbridge cascade' }));
after(() => database.close());

test('an empty database gets every migration, once', async () => {
  assert.deepEqual(await pendingMigrations(database.pool), Object.keys(MIGRATIONS));
  assert.deepEqual(await migrate(database.pool), Object.keys(MIGRATIONS));
  assert.deepEqual(await migrate(database.pool), []);
  assert.deepEqual(await pendingMigrations(database.pool), []);
  const tables = await database.db.rows<{ name: string }>({
    text: `select relname as name from pg_class where relnamespace = 'drawbridge'::regnamespace and relkind in ('r', 'p')`,
  });
  const names = new Set(tables.map((row) => row.name));
  for (const name of ['record', 'membership', 'person', 'ledger', 'plan', 'step', 'work', 'event', 'token', 'meta']) {
    assert.ok(names.has(name), name);
  }
});

test('of several processes that start at once, one migrates and the others wait for it', async () => {
  const pools = [1, 2, 3].map(() => openDb(database.config));
  try {
    const ran = await Promise.all(pools.map(({ pool }) => migrate(pool)));
    assert.deepEqual(ran.flat(), Object.keys(MIGRATIONS));
    assert.equal((await database.db.rows({ text: 'select 1 from record' })).length, 0);
  } finally {
    await Promise.all(pools.map((pool) => pool.close()));
  }
});

test('a store of a newer version is refused and left as it is', async () => {
  await migrate(database.pool);
  await database.db.rows({ text: `insert into kysely_migration (name, timestamp) values ('9999-later', 'now')` });
  for (const attempt of [migrate, pendingMigrations]) {
    await assert.rejects(attempt(database.pool), (error) => {
      assert.ok(error instanceof StoreRefused);
      assert.match(error.message, /newer version.*9999-later/);
      assert.match(error.remedy, /version that made it/);
      return true;
    });
  }
});

test('a user who may not create schemas can start on a schema that is there', async () => {
  await migrate(database.pool);
  const role = `plain_${process.pid}_${Date.now()}`;
  await database.db.rows({ text: `create role ${role}` });
  const plain = openDb({ ...database.config, options: `-c role=${role}` });
  try {
    await database.db.rows({ text: `grant usage on schema drawbridge to ${role}` });
    await database.db.rows({ text: `grant all on all tables in schema drawbridge to ${role}` });
    assert.deepEqual(await migrate(plain.pool), []);
  } finally {
    await plain.close();
    await database.db.rows({ text: `drop owned by ${role}` });
    await database.db.rows({ text: `drop role ${role}` });
  }
});

test('a user who may not create schemas is told what it lacks', async () => {
  const role = `plain_${process.pid}_${Date.now()}`;
  await database.db.rows({ text: `create role ${role}` });
  const plain = openDb({ ...database.config, options: `-c role=${role}` });
  try {
    await assert.rejects(migrate(plain.pool), (error) => {
      assert.ok(error instanceof StoreRefused);
      assert.match(error.message, /permission denied/);
      assert.match(error.remedy, /grant create on database/);
      return true;
    });
  } finally {
    await plain.close();
    await database.db.rows({ text: `drop role ${role}` });
  }
});

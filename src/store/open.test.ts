import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type TestDatabase, testDatabase } from '../../test/support/database.ts';
import { ground } from '../../test/support/embedded.ts';
import { embeddedOnly } from '../../test/support/server.ts';
import { StoreRefused, StoreUnavailable } from './errors.ts';
import { getMeta, metaOnce, setMeta } from './meta.ts';
import { openStore } from './open.ts';
import { openDb } from './pool.ts';

let database: TestDatabase;
before(async () => {
  database = await testDatabase();
});
after(() => database.close());

/** The test database's address as DATABASE_URL would have it. */
function url(): string {
  const { connectionString, host, port, user, database: name } = database.config;
  return connectionString ?? `postgres://${user}@localhost:${port}/${name}?host=${encodeURIComponent(String(host))}`;
}

test('a store by its address is migrated, has partitions and an id that stays', async () => {
  await database.db.rows({ text: 'drop schema drawbridge cascade' });
  const events: string[] = [];
  const log = (event: string): void => void events.push(event);
  await assert.rejects(openStore({ kind: 'postgres', url: url() }, { migrate: false }), (error) => {
    assert.ok(error instanceof StoreRefused);
    assert.match(error.message, /lacks the migrations 0001-init/);
    return true;
  });
  const first = await openStore({ kind: 'postgres', url: url() }, { log, service: true });
  const second = await openStore({ kind: 'postgres', url: url() }, { log, migrate: false });
  try {
    assert.deepEqual(events, ['store.migrated']);
    assert.match(first.instance, /^db_[\w-]{12}$/);
    assert.equal(second.instance, first.instance);
    const month = `event_${new Date().toISOString().slice(0, 7).replace('-', '_')}`;
    assert.deepEqual(
      await first.db.rows({
        text: `insert into event (actor, kind) values ('t', 't') returning tableoid::regclass::text as "where"`,
      }),
      [{ where: month }],
    );
    const own = openDb(first.config);
    assert.equal((await own.db.rows({ text: 'select 1 from event' })).length, 1);
    await own.close();
  } finally {
    await first.close();
    await second.close();
  }
});

test(
  'an embedded store opens, is refused to a second service, and leaves no server when closed',
  { skip: embeddedOnly },
  async () => {
    const at = ground();
    const settings = { kind: 'embedded', folder: at.data } as const;
    try {
      const store = await openStore(settings, { service: true });
      assert.deepEqual(await store.db.rows({ text: 'select 1 from record' }), []);
      await assert.rejects(openStore(settings, { service: true }), StoreRefused);
      const command = await openStore(settings);
      assert.equal(command.instance, store.instance);
      await store.close();
      assert.notEqual(at.pid(), undefined);
      await command.close();
      assert.equal(at.pid(), undefined);
    } finally {
      await at.clear();
    }
  },
);

test('a store that is away or wrong is StoreUnavailable, and nothing is left open', async () => {
  for (const bad of ['postgres://ann:word@127.0.0.1:1/x', 'postgres://ann:word@nowhere.invalid/x']) {
    await assert.rejects(openStore({ kind: 'postgres', url: bad }), (error) => {
      assert.ok(error instanceof StoreUnavailable);
      assert.doesNotMatch(error.message, /word/);
      return true;
    });
  }
});

test('meta keeps values, and what is made once stays as it was first made', async () => {
  const { db } = database;
  assert.equal(await getMeta(db, 'a'), undefined);
  await setMeta(db, 'a', { n: 1 });
  await setMeta(db, 'a', { n: 2 });
  assert.deepEqual(await getMeta(db, 'a'), { n: 2 });
  const made = await Promise.all([1, 2, 3].map((n) => metaOnce(db, 'once', () => n)));
  assert.equal(new Set(made).size, 1);
  assert.equal(await metaOnce(db, 'once', () => 99), made[0]);
});

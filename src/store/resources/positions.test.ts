import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import * as fc from 'fast-check';
import { type TestDatabase, testDatabase } from '../../../test/support/database.ts';
import type { Db } from '../db.ts';
import { migrate, runMigrations } from '../migrate.ts';
import { openDb } from '../pool.ts';
import { createResources } from '../resources.ts';
import { countLive } from './positions.ts';
import { listResources } from './read.ts';
import type { RecordFields, ResourceKind } from './types.ts';

const writer = { source: 'okta', actor: 'scim:okta/test' };
const SOURCES = ['okta', 'entra'] as const;
const KINDS = ['user', 'group'] as const;

const fields = (name: string): RecordFields => ({
  resource: { userName: name },
  userName: name,
  nameKey: name,
  displayName: name,
  externalId: undefined,
  emails: [],
  emailKeys: [],
  active: true,
  attributes: {},
});

/** Records in bulk, as a restore or a reading makes them. */
const fill = (db: Db, source: string, kind: ResourceKind, count: number): Promise<unknown> =>
  db.rows({
    text: `insert into record (source, anchor, kind, name_key, resource)
      select $1, gen_random_uuid()::text, $2, gen_random_uuid()::text, '{}' from generate_series(1, $3::int)`,
    values: [source, kind, count],
  });

/** The next keys lie in a later block. */
const skipKeys = (db: Db, by: number): Promise<unknown> =>
  db.rows({
    text: `select setval('record_key_seq', (select last_value from record_key_seq) + $1::bigint)`,
    values: [by],
  });

/** What lists say, against counting and passing over rows, in one snapshot. */
async function assertExact(db: Db, offsets: readonly number[], limit: number): Promise<void> {
  await db.tx(
    async (tx) => {
      for (const source of SOURCES) {
        for (const kind of KINDS) {
          const keys = await tx.rows<{ key: number }>({
            text: `select key from record where source = $1 and kind = $2 and gone_at is null order by key`,
            values: [source, kind],
          });
          assert.equal(await countLive(tx, source, kind), keys.length);
          for (const share of offsets) {
            const offset = Math.floor(share * (keys.length + 2));
            const { total, page } = await listResources(tx, source, kind, { offset, limit, links: false });
            const expected = keys.slice(offset, offset + limit).map(({ key }) => key);
            const got = page.map(({ key }) => key);
            assert.deepEqual(got, expected, `${source} ${kind} from ${offset}, ${limit} of ${keys.length}`);
            assert.equal(total, keys.length);
          }
        }
      }
    },
    { isolation: 'repeatable read' },
  );
}

describe('places in a list', () => {
  let database: TestDatabase;
  before(async () => {
    database = await testDatabase();
  });
  beforeEach(() => database.db.rows({ text: 'truncate record cascade' }));
  after(() => database.close());

  const source = fc.constantFrom(...SOURCES);
  const kind = fc.constantFrom(...KINDS);
  const share = fc.double({ min: 0, max: 1, noNaN: true });
  const act = fc.oneof(
    { weight: 3, arbitrary: fc.record({ type: fc.constant('fill' as const), source, kind, count: fc.nat(40) }) },
    {
      weight: 2,
      arbitrary: fc.record({ type: fc.constant('skip' as const), by: fc.integer({ min: 1, max: 20_000 }) }),
    },
    { weight: 2, arbitrary: fc.record({ type: fc.constant('remove' as const), share }) },
    {
      weight: 1,
      arbitrary: fc.record({ type: fc.constant('leave' as const), source, modulo: fc.integer({ min: 2, max: 5 }) }),
    },
    { weight: 1, arbitrary: fc.record({ type: fc.constant('return' as const), source }) },
    {
      weight: 1,
      arbitrary: fc.record({ type: fc.constant('delete' as const), modulo: fc.integer({ min: 2, max: 9 }) }),
    },
    { weight: 1, arbitrary: fc.record({ type: fc.constant('undone' as const), source, kind }) },
  );
  type Act = typeof act extends fc.Arbitrary<infer T> ? T : never;

  async function run(db: Db, step: Act): Promise<void> {
    switch (step.type) {
      case 'fill':
        await fill(db, step.source, step.kind, step.count);
        return;
      case 'skip':
        await skipKeys(db, step.by);
        return;
      case 'remove': {
        const [one] = await db.rows<{ id: string }>({
          text: `select anchor as id from record where source = 'okta' and kind = 'user' and gone_at is null
            order by key offset $1::int limit 1`,
          values: [Math.floor(step.share * 20)],
        });
        if (one !== undefined) await createResources(db).remove(writer, 'user', one.id);
        return;
      }
      case 'leave':
        await db.rows({
          text: 'update record set gone_at = now() where source = $1 and key % $2::bigint = 0',
          values: [step.source, step.modulo],
        });
        return;
      case 'return':
        await db.rows({ text: 'update record set gone_at = null where source = $1', values: [step.source] });
        return;
      case 'delete':
        await db.rows({ text: 'delete from record where key % $1::bigint = 0', values: [step.modulo] });
        return;
      case 'undone':
        await db
          .tx(async (tx) => {
            await fill(tx, step.source, step.kind, 7);
            throw new Error('undone');
          })
          .catch(() => undefined);
    }
  }

  test('are what counting and passing over rows gives, whatever was written', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(act, { minLength: 1, maxLength: 12 }),
        fc.array(share, { minLength: 4, maxLength: 4 }),
        async (steps, offsets) => {
          await database.db.rows({ text: 'truncate record cascade' });
          for (const step of steps) await run(database.db, step);
          await assertExact(database.db, [0, 1, ...offsets], 7);
        },
      ),
      { numRuns: 40 },
    );
  });

  test('are right at every moment while others write', async () => {
    const { db } = database;
    const resources = createResources(db);
    const ids: string[] = [];
    let writing = true;
    const write = async (n: number): Promise<void> => {
      for (let i = 0; i < 25; i++) {
        const written = await resources.create(writer, 'user', fields(`w${n}-${i}`));
        assert.equal(written.outcome, 'done');
        if (written.outcome === 'done') ids.push(written.stored.id);
        if (i % 5 === 0) await skipKeys(db, 3_000);
        if (i % 3 === 0) await resources.remove(writer, 'user', ids.splice(Math.floor(ids.length / 2), 1)[0] ?? '');
        if (i % 10 === n) {
          // Two bulk writes over all blocks in opposite orders, in transactions that stay open for a while.
          await db.tx(async (tx) => {
            await fill(tx, n % 2 === 0 ? 'okta' : 'entra', 'group', 30);
            await fill(tx, n % 2 === 0 ? 'entra' : 'okta', 'group', 30);
          });
        }
      }
    };
    const read = async (): Promise<number> => {
      let looks = 0;
      for (; writing; looks++) await assertExact(db, [0, 0.3, 0.9], 5);
      return looks;
    };
    const readers = [read(), read()];
    await Promise.all(Array.from({ length: 8 }, (_, n) => write(n))).finally(() => (writing = false));
    for (const looks of await Promise.all(readers)) assert.ok(looks > 0);
    await assertExact(db, [0, 0.1, 0.5, 0.99, 1], 11);
  });

  test('no writer waits for another one that has not committed', async () => {
    const other = openDb(database.config);
    try {
      await fill(database.db, 'okta', 'user', 3);
      await database.db.tx(async (tx) => {
        await fill(tx, 'okta', 'user', 1);
        // The same block, while its count is held: would wait for ever if it waited.
        await other.db.tx(async (second) => {
          await second.rows({ text: `set local lock_timeout = '2s'` });
          await fill(second, 'okta', 'user', 1);
        });
      });
      await assertExact(database.db, [0, 1], 10);
      const [rows] = await database.db.rows<{ n: number }>({ text: 'select count(*) as n from record_count' });
      assert.ok((rows?.n ?? 0) <= 4);
    } finally {
      await other.close();
    }
  });

  test('a transaction on a snapshot counts too, and is not broken off', async () => {
    const { db } = database;
    await fill(db, 'okta', 'user', 3);
    await db.tx(
      async (tx) => {
        await tx.rows({ text: 'select 1' });
        await fill(db, 'okta', 'user', 2);
        await fill(tx, 'okta', 'user', 2);
      },
      { isolation: 'repeatable read' },
    );
    assert.equal(await countLive(db, 'okta', 'user'), 7);
  });
});

test('a store from before gets its counts', async () => {
  const database = await testDatabase();
  try {
    const { db } = database;
    await db.rows({ text: 'drop schema drawbridge cascade' });
    await db.rows({ text: 'create schema drawbridge' });
    await db.connection((client) => runMigrations(client, { to: '0001-init' }));
    await fill(db, 'okta', 'user', 300);
    await skipKeys(db, 30_000);
    await fill(db, 'okta', 'user', 200);
    await fill(db, 'entra', 'group', 20);
    await db.rows({ text: 'update record set gone_at = now() where key % 3 = 0' });
    await migrate(database.pool);
    await fill(db, 'okta', 'user', 10);
    await assertExact(db, [0, 0.5, 0.7, 1], 100);
  } finally {
    await database.close();
  }
});

import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import * as fc from 'fast-check';
import { sql } from 'kysely';
import { addGroup, addUser } from '../../../test/support/command-line.ts';
import { type TestDatabase, testDatabase } from '../../../test/support/database.ts';
import { holdLock, LEADER } from '../lease.ts';
import { StoreRefused } from '../errors.ts';
import { migrate } from '../migrate.ts';
import { MIGRATIONS } from '../migrations/index.ts';
import { instanceId } from '../meta.ts';
import { authenticate, createToken } from '../tokens.ts';
import { copyLines } from './lines.ts';
import { type ReadCopyOptions, readCopy } from './read.ts';
import { writeCopy } from './write.ts';

let from: TestDatabase;
let into: TestDatabase;
before(async () => {
  from = await testDatabase();
  await instanceId(from.db);
});
beforeEach(async () => {
  await into?.close();
  into = await testDatabase();
});
after(async () => {
  await into.close();
  await from.close();
});

async function written(database = from): Promise<Buffer> {
  const chunks: Buffer[] = [];
  await writeCopy(database.db, { version: '0.1.0' }, (chunk) => Promise.resolve(void chunks.push(chunk)));
  return Buffer.concat(chunks);
}

/** In pieces of an awkward size, so that lines and characters are cut anywhere. */
async function* pieces(bytes: Buffer, size = 777): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

const read = (bytes: Buffer, options: Partial<ReadCopyOptions> = {}) =>
  readCopy(into.db, copyLines('copy.ndjson', pieces(bytes)), { replace: false, ...options });

/** Everything in a store, as text, but what only says where it lies. */
async function content({ db }: TestDatabase): Promise<Record<string, string[]>> {
  const tables = await db.rows<{ name: string }>({
    text: `select relname::text as name from pg_class where relnamespace = 'drawbridge'::regnamespace
      and relkind in ('r', 'p') and relname not like 'kysely%' and not relispartition order by 1`,
  });
  const all: Record<string, string[]> = {};
  for (const { name } of tables) {
    const rows = await db.rows<{ row: string }>({ text: `select t::text as row from ${name} t order by 1` });
    all[name] = rows.map(({ row }) => row);
  }
  const sequences = await db.rows<{ row: string }>({
    text: `select sequencename || ' ' || coalesce(last_value::text, '-') as row from pg_sequences
      where schemaname = 'drawbridge' order by 1`,
  });
  all['sequences'] = sequences.map(({ row }) => row);
  return all;
}

const refused =
  (message: RegExp, remedy = /./) =>
  (error: unknown) => {
    assert.ok(error instanceof StoreRefused, String(error));
    assert.match(error.message, message);
    assert.match(error.remedy, remedy);
    return true;
  };

test('what was written is read back to the last bit: ids, tokens, ledger, history, numbers to come', async () => {
  const { db } = from;
  const ann = await addUser(db, 'okta', 'ann@example.com', { nickName: 'A\\B "c"\t\n\u0001 é 😀' });
  await addGroup(db, 'okta', 'DBA', [ann]);
  const { token } = await createToken(db, { source: 'okta', name: 'first', createdBy: 'test' });
  await db.rows({
    text: `insert into event (actor, kind, at, detail) values ('t', 'old', '2020-02-29 23:59:59.999999+00', 'null'),
      ('t', 'edge', 'infinity', '[1.0, 1e400, null]')`,
  });
  await db.rows({ text: `insert into meta (key, value) values ('null', 'null')` });
  await db.rows({
    text: `insert into ledger (target, person, item, created, plan, object_id)
      values ('sdm', 'p_1', 'account', true, 'h', 'a-1'), ('sdm', 'p_1', 'role:\\N', true, 'h', null)`,
  });
  const { rows, header, migrated } = await read(await written());
  assert.deepEqual(await content(into), await content(from));
  assert.deepEqual([rows['token'], rows['ledger'], migrated], [1, 2, []]);
  assert.equal(header.store, await instanceId(into.db));
  assert.notEqual(await authenticate(into.db, token, new Date()), undefined, 'tokens hold');
  await addUser(into.db, 'okta', 'new@example.com');
  const { n } = (await into.db.row<{ n: number }>({ text: 'select count(distinct id) as n from event' })) ?? { n: 0 };
  const all = await into.db.rows({ text: 'select 1 from event' });
  assert.equal(all.length, n, 'numbers go on where they were');
  const month = `event_${new Date().toISOString().slice(0, 7).replace('-', '_')}`;
  const parts = await into.db.rows({ text: `select 1 from ${month}` });
  assert.ok(parts.length > 0, 'the history lies in its months');
});

test('any text comes through as it was', async () => {
  const text = fc.string({ unit: 'binary' }).filter((s) => !s.includes('\0') && s.isWellFormed());
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(text, fc.option(text)), { minLength: 100, maxLength: 300, size: 'max' }),
      async (pairs) => {
        await from.db.rows({ text: `delete from finding` });
        await from.db.rows({
          text: `insert into finding (kind, object, message, remedy)
          select 'k' || n, o, o, r from unnest($1::text[], $2::text[]) with ordinality as u(o, r, n)`,
          values: [pairs.map(([o]) => o), pairs.map(([, r]) => r)],
        });
        await read(await written(), { replace: true });
        const rows = await into.db.rows<{ o: string; r: string | null }>({
          text: `select object as o, remedy as r from finding order by substr(kind, 2)::int`,
        });
        assert.deepEqual(
          rows.map(({ o, r }) => [o, r]),
          pairs,
        );
      },
    ),
    { numRuns: 3 },
  );
});

test('a file that is cut off anywhere, or changed, is refused, and nothing of it is there', async () => {
  const bytes = await written();
  await into.db.rows({ text: `insert into meta (key, value) values ('mine', '1')` });
  const before = await content(into);
  const lines = bytes.toString('utf8').split('\n').slice(0, -1);
  const cuts = lines.map((_, i) =>
    Buffer.from(
      lines
        .slice(0, i)
        .map((l) => `${l}\n`)
        .join(''),
    ),
  );
  const some = cuts.filter((_, i) => i === 3 || i > lines.length - 3);
  for (const cut of [...some, bytes.subarray(0, -1), bytes.subarray(0, -40), bytes.subarray(0, bytes.length >> 1)]) {
    await assert.rejects(read(cut), refused(/cut off|damaged/, /Fetch the file again/));
  }
  const changed = (find: string, by: string): Buffer => {
    const text = bytes.toString('utf8');
    assert.ok(text.includes(find), find);
    return Buffer.from(text.replace(find, by));
  };
  const wrong: ReadonlyArray<readonly [Buffer, RegExp]> = [
    [changed('ann@example.com', 'eve@example.com'), /check sum/],
    [changed('{"table":"ledger"}', '{"table":"legder"}'), /damaged at line/],
    [changed('"1", "2', '1, "2'), /damaged at line/],
    [changed('"infinity"', '"some day"'), /row \d+ of event was refused \(22007\)/],
    [Buffer.concat([bytes, Buffer.from('["more"]\n')]), /damaged at line/],
    [Buffer.from('{"users":[]}\n'), /no copy of a store/],
    [Buffer.from(''), /no copy of a store/],
    [Buffer.from('\u0000\u0001\n'), /no copy of a store/],
    [changed('"format":1', '"format":2'), /newer version of Drawbridge \(format 2\)/],
  ];
  for (const [file, message] of wrong) await assert.rejects(read(file), refused(message));
  await assert.rejects(
    read(changed('"migrations":["0001-init"', '"migrations":["0001-init","0999-later"')),
    (error) => {
      assert.ok(refused(/newer version .*0999-later/, /Use that version/)(error));
      return true;
    },
  );
  assert.deepEqual(await content(into), before);
});

test('a copy of an older schema is brought up to date, in the same transaction', async () => {
  const bytes = await written();
  const migrations = {
    ...MIGRATIONS,
    '0900-flag': {
      up: async (db: Parameters<(typeof MIGRATIONS)[string]['up']>[0]) => {
        await sql`alter table drawbridge.person add column flag boolean not null default true`.execute(db);
      },
    },
  };
  const { migrated, rows } = await read(bytes, { migrations });
  assert.deepEqual(migrated, ['0900-flag']);
  const people = await into.db.rows({ text: 'select flag from person' });
  assert.deepEqual([people.length, people[0]], [rows['person'], { flag: true }]);
  await assert.rejects(migrate(into.pool), refused(/newer version of Drawbridge/));
  const newer = await written(into);
  await into.close();
  into = await testDatabase();
  await assert.rejects(read(newer), refused(/newer version of Drawbridge .*0900-flag/, /Use that version/));
});

test('a store with people or tokens is replaced only when told so, and all or nothing of it', async () => {
  const bytes = await written();
  await addUser(into.db, 'okta', 'mine@example.com');
  const before = await content(into);
  await assert.rejects(read(bytes), refused(/not empty \(rows: 1 in record\)/, /--replace --yes/));
  await assert.rejects(read(bytes.subarray(0, -9), { replace: true }), refused(/cut off/));
  await assert.rejects(
    read(bytes, { replace: true, finish: () => Promise.reject(new Error('at the very end')) }),
    /at the very end/,
  );
  assert.deepEqual(await content(into), before);
  await read(bytes, { replace: true });
  assert.deepEqual(await content(into), await content(from));
});

test('a store on which a service runs is not touched', async () => {
  const bytes = await written();
  await holdLock(into.db, LEADER, async () => {
    await assert.rejects(read(bytes, { replace: true }), refused(/A Drawbridge service runs on this store/, /Stop it/));
  });
  await read(bytes);
});

test('a copy shows one moment, whatever is written meanwhile', async () => {
  const { db } = from;
  const chunks: Buffer[] = [];
  let more = 0;
  await writeCopy(db, { version: '0.1.0' }, async (chunk) => {
    chunks.push(chunk);
    await addUser(db, 'okta', `meanwhile${++more}@example.com`);
  });
  assert.ok(more > 10);
  const { rows } = await read(Buffer.concat(chunks));
  const users = await into.db.rows({ text: `select 1 from record where user_name like 'meanwhile%'` });
  assert.ok(users.length <= 1, `${users.length} of ${more} came in`);
  assert.equal(rows['person'], (await into.db.rows({ text: 'select 1 from person' })).length);
  await addUser(into.db, 'okta', 'after@example.com');
});

test('many rows and a slow disk: every row arrives as it was', async () => {
  const { db } = from;
  await db.rows({
    text: `insert into finding (kind, object, message) select 'many', n::text, repeat(n::text, 1 + n % 40)
      from generate_series(1, 20000) n`,
  });
  const chunks: Buffer[] = [];
  const { rows } = await writeCopy(db, { version: '0.1.0' }, async (chunk) => {
    chunks.push(chunk);
    await new Promise((resolve) => setTimeout(resolve, 1));
  });
  await read(Buffer.concat(chunks));
  const sum = `select count(*) as n, md5(string_agg(object || message, '' order by kind, object)) as sum from finding`;
  const [was] = await db.rows<{ n: number }>({ text: sum });
  assert.deepEqual(await into.db.row({ text: sum }), was);
  assert.equal(rows['finding'], was?.n);
});

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createServer } from 'node:net';
import { Client } from 'pg';
import { type TestDatabase, testDatabase } from '../../test/support/database.ts';
import { StoreUnavailable } from './errors.ts';
import { openDb } from './pool.ts';
import { asUnavailable } from './unavailable.ts';

let database: TestDatabase;
before(async () => {
  database = await testDatabase();
  await database.db.rows({ text: 'create table note (id bigint primary key, text text)' });
});
after(() => database.close());

const notes = async (): Promise<number> =>
  (await database.db.row<{ n: number }>({ text: 'select count(*) as n from note' }))?.n ?? -1;
const insert = (id: number) => ({ name: 'note-add', text: 'insert into note (id) values ($1)', values: [id] });

test('statements are not compiled by the server, whatever its settings: that would cost a second for each', async () => {
  assert.deepEqual(await database.db.rows({ text: 'show jit' }), [{ jit: 'off' }]);
});

test('bigint and its arrays come as numbers, null stays null, and what a number cannot hold is an error', async () => {
  const row = await database.db.row({
    text: `select 7::bigint as a, array[1, null]::bigint[] as b, null::bigint as c`,
  });
  assert.deepEqual(row, { a: 7, b: [1, null], c: null });
  await assert.rejects(database.db.row({ text: 'select 9007199254740993::bigint' }), /does not fit/);
  assert.equal((await database.db.row<{ n: number }>({ text: 'select 1::bigint as n' }))?.n, 1);
});

test('row gives the row or undefined, and refuses more than one', async () => {
  assert.equal(await database.db.row({ text: 'select 1 where false' }), undefined);
  await assert.rejects(database.db.row({ text: 'select generate_series(1, 2)' }), /at most one row gave 2/);
});

test('a named statement is prepared once for a connection and runs again', async () => {
  const pool = openDb({ ...database.config, max: 1 });
  try {
    const statement = (n: number) => ({ name: 'plus', text: 'select $1::int + 1 as n', values: [n] });
    assert.deepEqual(await pool.db.rows(statement(1)), [{ n: 2 }]);
    assert.deepEqual(await pool.db.rows(statement(2)), [{ n: 3 }]);
    const prepared = await pool.db.rows({ text: `select name from pg_prepared_statements where name = 'plus'` });
    assert.equal(prepared.length, 1);
  } finally {
    await pool.close();
  }
});

test('a transaction holds whole or not at all, and an inner one is part of it', async () => {
  const { db } = database;
  await db.tx(async (tx) => {
    await tx.rows(insert(1));
    await tx.tx((inner) => inner.rows(insert(2)));
  });
  assert.equal(await notes(), 2);
  await assert.rejects(
    db.tx(async (tx) => {
      await tx.rows(insert(3));
      throw new Error('no');
    }),
    /^Error: no$/,
  );
  assert.equal(await notes(), 2);
});

test('an inner transaction that failed takes the outer one with it, also where its error was caught', async () => {
  const { db } = database;
  const half = db.tx(async (tx) => {
    await tx
      .tx(async (inner) => {
        await inner.rows(insert(10));
        throw new Error('half way');
      })
      .catch(() => undefined);
    await tx.rows(insert(11));
  });
  await assert.rejects(half, /half way/);
  const swallowed = db.tx(async (tx) => {
    await tx.rows(insert(12));
    await tx.rows({ text: 'select 1 / 0' }).catch(() => undefined);
  });
  await assert.rejects(swallowed, /rolled back/);
  assert.equal((await db.rows({ text: 'select 1 from note where id >= 10' })).length, 0);
});

test('repeatable read does not see what others commit meanwhile', async () => {
  const { db } = database;
  await db.tx(
    async (tx) => {
      const before = await tx.rows({ text: 'select id from note' });
      await db.rows(insert(20));
      assert.deepEqual(await tx.rows({ text: 'select id from note' }), before);
    },
    { isolation: 'repeatable read' },
  );
});

test('a connection of its own leaves no lock, setting or subscription behind', async () => {
  const pool = openDb({ ...database.config, max: 1 });
  try {
    const pid = async (): Promise<unknown> =>
      (await pool.db.row<{ p: number }>({ text: 'select pg_backend_pid() p' }))?.p;
    const first = await pool.db.connection(async (client) => {
      await client.query(`select pg_advisory_lock(5); listen x; set search_path = public`);
      return (await client.query('select pg_backend_pid() p')).rows[0].p as number;
    });
    assert.equal(await pid(), first);
    const locks = `select 1 from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()`;
    assert.deepEqual(await pool.db.rows({ text: locks }), []);
    assert.deepEqual(await pool.db.rows({ text: 'select pg_listening_channels()' }), []);
    assert.deepEqual(await pool.db.rows({ text: 'show search_path' }), [{ search_path: 'drawbridge' }]);
    await assert.rejects(
      pool.db.connection(() => Promise.reject(new Error('broken off'))),
      /broken off/,
    );
    assert.notEqual(await pid(), first);
    await assert.rejects(
      pool.db.tx((tx) => tx.connection(() => Promise.resolve())),
      /inside a transaction/,
    );
  } finally {
    await pool.close();
  }
});

test('connections that the server ends, idle or at work, do not end the process, and the pool goes on', async () => {
  const pool = openDb({ ...database.config, max: 3 });
  const end = `select pg_terminate_backend(pid) from pg_stat_activity
    where datname = current_database() and application_name = 'drawbridge' and pid <> pg_backend_pid()`;
  try {
    await Promise.all([1, 2, 3].map(() => pool.db.rows({ text: 'select pg_sleep(0.05)' })));
    const atWork = assert.rejects(pool.db.rows({ text: 'select pg_sleep(20)' }), (error) => {
      assert.ok(error instanceof StoreUnavailable);
      assert.equal(error.code, '57P01');
      return true;
    });
    const inTransaction = assert.rejects(
      pool.db.tx(async (tx) => {
        await tx.rows({ text: 'select 1' });
        await new Promise((resolve) => setTimeout(resolve, 300));
        await tx.rows({ text: 'select 1' });
      }),
      StoreUnavailable,
    );
    await new Promise((resolve) => setTimeout(resolve, 100));
    const killer = new Client(database.config);
    await killer.connect();
    await killer.query(end);
    await killer.end();
    await Promise.all([atWork, inTransaction]);
    assert.deepEqual(await pool.db.rows({ text: 'select 1 as one' }), [{ one: 1 }]);
  } finally {
    await pool.close();
  }
});

test('a server that is not there is StoreUnavailable, without the password', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  const url = `postgres://ann:s3cret-word@127.0.0.1:${port}/bridge`;
  const pool = openDb({ connectionString: url });
  try {
    for (const attempt of [
      () => pool.db.rows({ text: 'select 1' }),
      () => pool.db.tx((tx) => tx.rows({ text: 'select 1' })),
      () => pool.db.connection(() => Promise.resolve()),
    ]) {
      await assert.rejects(attempt(), (error) => {
        assert.ok(error instanceof StoreUnavailable);
        assert.match(error.message, new RegExp(`ann@127\\.0\\.0\\.1:${port}/bridge .*ECONNREFUSED`));
        assert.ok(error.remedy.length > 10);
        assert.doesNotMatch(`${error.message} ${error.remedy} ${JSON.stringify(error)}`, /s3cret/);
        return true;
      });
    }
  } finally {
    await pool.close();
  }
});

test('what goes wrong elsewhere inside a transaction is not taken for a lost store', async () => {
  const elsewhere = Object.assign(new Error('connect ECONNREFUSED 192.0.2.1:443'), { code: 'ECONNREFUSED' });
  await assert.rejects(
    database.db.tx(() => Promise.reject(elsewhere)),
    elsewhere,
  );
  await assert.rejects(
    database.db.connection(() => Promise.reject(elsewhere)),
    elsewhere,
  );
});

test('a database that is not there says so', async () => {
  const pool = openDb({ ...database.config, ...elsewhere(database.config, 'no_such_database') });
  try {
    await assert.rejects(pool.db.rows({ text: 'select 1' }), (error) => {
      assert.ok(error instanceof StoreUnavailable);
      assert.equal(error.code, '3D000');
      assert.match(error.remedy, /Create the database/);
      return true;
    });
  } finally {
    await pool.close();
  }
});

test('what is wrong with a statement is not taken for a lost store', async () => {
  await assert.rejects(database.db.rows({ text: 'select nothing' }), (error) => !(error instanceof StoreUnavailable));
  for (const code of ['23505', '42P01', '40001', '40P01', '55P03', 'ERR_INVALID_ARG_TYPE']) {
    assert.equal(asUnavailable(Object.assign(new Error('x'), { code }), {}), undefined, code);
  }
  for (const code of ['ECONNREFUSED', '57P01', '57P03', '53300', '28P01', '28000', '3D000', '08006', 'ENOTFOUND']) {
    assert.equal(asUnavailable(Object.assign(new Error('x'), { code }), { host: 'h' })?.code, code);
  }
  assert.ok(asUnavailable(new Error('Connection terminated unexpectedly'), {}));
});

function elsewhere(config: TestDatabase['config'], name: string): TestDatabase['config'] {
  if (config.connectionString === undefined) return { database: name };
  const url = new URL(config.connectionString);
  url.pathname = `/${name}`;
  return { connectionString: url.href };
}

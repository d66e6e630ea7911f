import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type TestDatabase, testDatabase } from '../../test/support/database.ts';
import type { Db } from './db.ts';
import { openDb } from './pool.ts';
import { authenticate, createToken, listTokens, revokeToken } from './tokens.ts';

let database: TestDatabase;
before(async () => {
  database = await testDatabase();
});
after(() => database.close());

const by = 'local:test';
const info = ({ token: _secret, ...rest }: Awaited<ReturnType<typeof createToken>>) => rest;

test('a token opens its source, is shown once, and only its hash is stored', async () => {
  const { db } = database;
  const made = await createToken(db, { source: 'okta', name: 'scim', createdBy: by });
  assert.match(made.token, /^dbr_[A-Za-z0-9_-]{43}$/);
  const found = await authenticate(db, made.token, new Date());
  assert.deepEqual(found, info(made));
  assert.equal(found?.source, 'okta');
  const stored = await db.rows({ text: 'select t::text from token t' });
  assert.ok(!JSON.stringify(stored).includes(made.token.slice(4)));
  assert.ok((await listTokens(db)).some((token) => token.id === made.id));
  assert.ok(!JSON.stringify(await listTokens(db)).includes(made.token));
});

test('what is not a valid token opens nothing', async () => {
  const { db } = database;
  const { token } = await createToken(db, { source: 'okta', name: 'x', createdBy: by });
  const last = token.at(-1) === 'A' ? 'B' : 'A';
  for (const wrong of [
    '',
    'dbr_',
    token.slice(0, -1),
    token.slice(0, -1) + last,
    `${token}A`,
    ` ${token}`,
    'x'.repeat(1e6),
  ]) {
    assert.equal(await authenticate(db, wrong, new Date()), undefined, wrong.slice(0, 60));
  }
});

test('an expired token is refused from the moment of its expiry', async () => {
  const { db } = database;
  const expiresAt = new Date('2030-01-01T00:00:00Z');
  const { token } = await createToken(db, { scopes: ['read'], name: 'x', createdBy: by, expiresAt });
  assert.deepEqual((await authenticate(db, token, new Date(expiresAt.getTime() - 1)))?.scopes, ['read']);
  assert.equal(await authenticate(db, token, expiresAt), undefined);
});

test('what another process makes or revokes holds at the next request', async () => {
  const other = openDb(database.config);
  try {
    const made = await createToken(other.db, { source: 'entra', name: 'x', createdBy: by });
    assert.equal((await authenticate(database.db, made.token, new Date()))?.id, made.id);
    assert.equal(await revokeToken(other.db, made.id), true);
    assert.equal(await authenticate(database.db, made.token, new Date()), undefined);
    assert.equal(await revokeToken(other.db, made.id), false);
    assert.equal(await revokeToken(other.db, 'tok_none'), false);
  } finally {
    await other.close();
  }
});

test('requests at the same time share reads, and none gets an answer from before it came', async () => {
  const made = await createToken(database.db, { source: 'okta', name: 'x', createdBy: by });
  let reads = 0;
  const db: Db = {
    ...database.db,
    row: (statement) => {
      if (statement.name === 'token-by-hash') reads += 1;
      return database.db.row(statement);
    },
  };
  const all = Array.from({ length: 50 }, () => authenticate(db, made.token, new Date()));
  assert.ok((await Promise.all(all)).every((token) => token?.id === made.id));
  // The first one's, and one for all who came meanwhile; more only where a look-up took very long.
  assert.ok(reads >= 2 && reads < 50, `${reads} reads`);
  // One read is under way while the token is revoked; who asks after that must not get its answer.
  const before = authenticate(db, made.token, new Date());
  await revokeToken(database.db, made.id);
  const after = [1, 2, 3].map(() => authenticate(db, made.token, new Date()));
  await before;
  assert.deepEqual(await Promise.all(after), [undefined, undefined, undefined]);
});

test('the last use is noted at most once a minute', async () => {
  const { db } = database;
  const made = await createToken(db, { source: 'okta', name: 'used', createdBy: by });
  const lastUse = async (): Promise<Date | null | undefined> =>
    (await listTokens(db)).find((token) => token.id === made.id)?.lastUsedAt;
  const noted = async (now: Date): Promise<Date | null | undefined> => {
    await authenticate(db, made.token, now);
    // The note is written beside the request.
    for (let i = 0; i < 50 && (await lastUse())?.getTime() !== now.getTime(); i += 1) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    return lastUse();
  };
  const start = new Date('2030-06-01T10:00:00Z');
  const at = (seconds: number): Date => new Date(start.getTime() + seconds * 1000);
  assert.deepEqual(await noted(start), start);
  assert.deepEqual(await noted(at(59)), start);
  assert.deepEqual(await noted(at(60)), at(60));
});

test('a token is for one source or has scopes, and not both or neither', async () => {
  const { db } = database;
  await assert.rejects(createToken(db, { name: 'x', createdBy: by }), RangeError);
  await assert.rejects(createToken(db, { name: 'x', createdBy: by, source: 's', scopes: ['read'] }), RangeError);
});

test('two processes that make the first tokens at once share one key', async () => {
  const { db } = database;
  await db.rows({ text: `delete from meta where key = 'token-key'` });
  const others = [openDb(database.config), openDb(database.config)];
  try {
    const made = await Promise.all(others.map((o) => createToken(o.db, { source: 's', name: 'x', createdBy: by })));
    const fresh = openDb(database.config);
    others.push(fresh);
    for (const { token, id } of made) assert.equal((await authenticate(fresh.db, token, new Date()))?.id, id);
  } finally {
    await Promise.all(others.map((other) => other.close()));
  }
});

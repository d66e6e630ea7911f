import assert from 'node:assert/strict';
import { test } from 'node:test';
import { testDatabase } from '../../test/support/database.ts';
import { dbTest } from '../../test/support/jobs.ts';
import type { Observed } from '../model/accounts.ts';
import { accountsWithAlias, keepAliases, keptAliases } from './aliases.ts';
import type { Db } from './db.ts';
import { oldestDirty, removeDirty } from './dirty.ts';
import { claimItems, doubtItems, ledgerOf, releaseItems } from './ledger.ts';
import { aliasClaimants, claimantsOf, type LoginName, replaceLogins } from './logins.ts';
import { migrate, runMigrations } from './migrate.ts';
import { clock, forgetAccount, saveAccounts, savePage, sweepUnseen } from './observations.ts';

const account = (id: string, ...aliases: string[]): Observed => ({
  id,
  profile: { login: id, displayName: id },
  active: true,
  roles: new Set(),
  aliases: new Set(aliases),
});
const name = (key: string, item: LoginName['item'] = 'alias:linux'): LoginName => ({ target: 'sdm', item, key });
const claim = (person: string, objectId: string) =>
  ({ target: 'sdm', person, item: 'alias:linux', created: true, plan: 'h', causes: [], objectId }) as const;

async function woken(db: Db): Promise<string[]> {
  const rows = await oldestDirty(db, 100);
  await removeDirty(
    db,
    rows.map((r) => r.id),
  );
  return [...new Set(rows.flatMap((r) => r.person ?? []))].toSorted();
}

dbTest('who has an alias and who wants it is one answer; who lets go of it wakes who wants it', async (db) => {
  await replaceLogins(
    db,
    ['p_a', 'p_b', 'p_c'],
    [
      { ...name('lee'), person: 'p_a' },
      { ...name('lee', 'account'), person: 'p_b' },
      { ...name('lee', 'alias:windows'), person: 'p_b' },
      { ...name('lee'), person: 'p_c' },
    ],
  );
  await claimItems(db, [claim('p_c', 'LEE'), claim('p_d', 'kim')]);
  assert.deepEqual(await aliasClaimants(db, [name('lee'), name('kim'), name('may')]), [
    { ...name('kim'), person: 'p_d', owner: true },
    { ...name('lee'), person: 'p_a', owner: false },
    { ...name('lee'), person: 'p_c', owner: true },
  ]);
  assert.deepEqual(
    (await claimantsOf(db, [name('lee', 'account')])).map((c) => c.person),
    ['p_b'],
  );
  // What an alias was claimed for may change; what a claim says nothing of stays.
  await claimItems(db, [claim('p_d', 'may')]);
  assert.deepEqual(
    (await ledgerOf(db, ['p_d'])).map((r) => [r.objectId, r.confirmed]),
    [['may', false]],
  );
  await doubtItems(db, [{ target: 'sdm', person: 'p_d', item: 'alias:linux' }]);
  await woken(db);
  await releaseItems(db, [{ target: 'sdm', person: 'p_c', item: 'alias:linux' }]);
  assert.deepEqual(await woken(db), ['p_a']);
  await replaceLogins(db, ['p_c'], []);
  assert.deepEqual(await woken(db), ['p_a']);
});

dbTest(
  'what an account shows is found however it is spelt, and its coming and going wakes who wants it',
  async (db) => {
    await replaceLogins(
      db,
      ['p_a', 'p_b'],
      [
        { ...name('lee'), person: 'p_a' },
        { ...name('a=b'), person: 'p_b' },
      ],
    );
    const shown = async () =>
      (await accountsWithAlias(db, [name('lee'), name('a=b')])).map((a) => [a.key, a.accountId]);
    const since = await clock(db);
    await savePage(db, 'sdm', [account('1', 'linux=Lee ', 'windows=a=b'), account('2')], since, true);
    assert.deepEqual(await shown(), [['lee', '1']]);
    assert.deepEqual(await woken(db), ['p_a']);
    await saveAccounts(db, [{ target: 'sdm', person: 'p_z', account: account('1', 'linux=A=b') }]);
    assert.deepEqual(await shown(), [['a=b', '1']]);
    assert.deepEqual(await woken(db), ['p_a', 'p_b']);
    await saveAccounts(db, [{ target: 'sdm', person: 'p_b', account: account('1', 'linux=A=b') }]);
    assert.deepEqual(await woken(db), [], 'nothing changed');
    await forgetAccount(db, 'sdm', '1');
    assert.deepEqual(await woken(db), ['p_b']);
    await savePage(db, 'sdm', [account('3', 'linux=lee')], await clock(db), false);
    assert.deepEqual(await woken(db), []);
    await sweepUnseen(db, 'sdm', await clock(db));
    assert.deepEqual([await shown(), await woken(db)], [[], ['p_a']]);
  },
);

dbTest('an alias is kept for whom it was taken from, until its time is over, and then forgotten', async (db) => {
  const at = (day: number): Date => new Date(Date.UTC(2030, 0, day));
  const keep = (person: string, until: Date, now = at(1)) => keepAliases(db, [{ ...name('lee'), person, until }], now);
  const kept = async (now: Date) =>
    (await keptAliases(db, [name('lee'), name('kim')], now)).map((k) => [k.person, k.until]);
  await keep('p_a', at(10));
  await keep('p_a', at(5));
  await keep('p_b', at(20));
  assert.deepEqual(await kept(at(9)), [
    ['p_b', at(20)],
    ['p_a', at(10)],
  ]);
  assert.deepEqual(await kept(at(10)), [['p_b', at(20)]]);
  await keep('p_c', at(30), at(20));
  assert.deepEqual(await db.rows({ text: 'select person from kept_alias' }), [{ person: 'p_c' }]);
});

test('a store from before keeps who wants which login', async () => {
  const database = await testDatabase();
  try {
    const { db } = database;
    await db.rows({ text: 'drop schema drawbridge cascade' });
    await db.rows({ text: 'create schema drawbridge' });
    await db.connection((client) => runMigrations(client, { to: '0016-pauses' }));
    await db.rows({
      text: `insert into wanted_login (target, person, login_key) values ('sdm', 'p_a', 'lee'), ('sdm', 'p_b', 'lee')`,
    });
    await db.rows({
      text: `insert into ledger (target, person, item, created, confirmed, object_id, plan)
        values ('sdm', 'p_a', 'account', true, true, '1', 'h'), ('sdm', 'p_a', 'role:db', true, true, 'r-1', 'h')`,
    });
    await db.rows({
      text: `insert into observed (target, account_id, login_key, account) values ('sdm', '1', 'lee', $1::jsonb)`,
      values: [JSON.stringify({ ...account('1'), roles: ['r-1'], aliases: [] })],
    });
    await migrate(database.pool);
    assert.deepEqual(await claimantsOf(db, [name('lee', 'account')]), [
      { ...name('lee', 'account'), person: 'p_a', owner: true },
      { ...name('lee', 'account'), person: 'p_b', owner: false },
    ]);
    assert.deepEqual((await ledgerOf(db, ['p_a'])).length, 2);
    assert.deepEqual(await accountsWithAlias(db, [name('lee')]), []);
    await replaceLogins(db, ['p_a'], [{ ...name('lee'), person: 'p_a' }]);
    assert.deepEqual(await woken(db), ['p_b'], 'p_a wants an alias instead of the login');
  } finally {
    await database.close();
  }
});

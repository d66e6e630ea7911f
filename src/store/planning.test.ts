import assert from 'node:assert/strict';
import { dbTest, seed } from '../../test/support/jobs.ts';
import type { Observed } from '../model/accounts.ts';
import type { Db } from './db.ts';
import { advanceDirty, markAll, markAllIfNew, oldestDirty, removeDirty } from './dirty.ts';
import { dropMemberships, groupsAbove, markBelow } from './groups.ts';
import { claimItems, confirmItems, ledgerOf } from './ledger.ts';
import { claimantsOf, replaceLogins } from './logins.ts';
import { accountsNamed, accountsOf, clock, saveAccounts, savePage, sweepUnseen } from './observations.ts';
import { loadPeople } from './people.ts';

const account = (id: string, login: string, mark?: string): Observed => ({
  id,
  profile: { login, displayName: login },
  active: true,
  roles: new Set(['b', 'a']),
  aliases: new Set(),
  ...(mark === undefined ? {} : { mark }),
});

async function drain(db: Db): Promise<string[]> {
  const rows = await oldestDirty(db, 100);
  await removeDirty(
    db,
    rows.map((r) => r.id),
  );
  return rows.flatMap((r) => r.person ?? []).toSorted();
}

async function keyOf(db: Db, anchor: string): Promise<number> {
  const row = await db.row<{ key: number }>({ text: 'select key from record where anchor = $1', values: [anchor] });
  return row?.key ?? 0;
}

dbTest('persons come with their records and groups; deleted groups are nobody’s any more', async (db) => {
  for (const group of ['Out', 'In', 'Gone']) await seed.group(db, group);
  await seed.user(db, 'ann', { department: 'SRE' });
  await seed.join(db, 'Out', 'In');
  await seed.join(db, 'In', 'ann', 'Out');
  await seed.join(db, 'Gone', 'ann');
  await seed.deleteGroup(db, 'Gone');
  const [ann, ...others] = await loadPeople(db, ['p_ann', 'p_nobody']);
  assert.deepEqual(others, []);
  assert.deepEqual(ann?.records[0]?.memberOf, ['okta/In']);
  assert.equal(ann.records[0]?.attributes['department'], 'SRE');
  assert.ok(!('gone' in (ann.records[0] ?? {})));
  const graph = await groupsAbove(db, ['p_ann']);
  assert.deepEqual([...graph.names.keys()].toSorted(), ['okta/In', 'okta/Out']);
  assert.deepEqual(graph.parents.get('okta/In'), ['okta/Out']);
  assert.deepEqual(graph.parents.get('okta/Out'), ['okta/In']);
  await seed.leave(db, 'ann', 'deleted');
  assert.equal((await loadPeople(db, ['p_ann']))[0]?.records[0]?.gone, 'explicit');
});

dbTest('a group marks whom it reaches; only a deleted one loses its memberships, in chunks', async (db) => {
  for (const group of ['Out', 'In', 'Cut']) await seed.group(db, group);
  for (const user of ['ann', 'bob', 'cat']) await seed.user(db, user);
  await seed.join(db, 'Out', 'In', 'Cut', 'ann');
  await seed.join(db, 'In', 'bob');
  await seed.join(db, 'Cut', 'cat');
  await seed.deleteGroup(db, 'Cut');
  await drain(db);
  const [out, cut] = [await keyOf(db, 'Out'), await keyOf(db, 'Cut')];
  assert.equal(await markBelow(db, out, false), 2);
  assert.deepEqual(await drain(db), ['p_ann', 'p_bob']);
  assert.equal(await dropMemberships(db, out, 10), 0);
  assert.equal(await markBelow(db, cut, true), 1);
  assert.deepEqual(await drain(db), ['p_cat']);
  assert.equal(await dropMemberships(db, cut, 10), 1);
});

dbTest('urgent rows come first and alone; rows that another planner took are noticed', async (db) => {
  await seed.user(db, 'ann');
  await seed.user(db, 'bob');
  await seed.leave(db, 'bob', 'disabled');
  const urgent = await oldestDirty(db, 10);
  assert.deepEqual(
    urgent.map((r) => [r.kind, r.person, r.urgent]),
    [['user', 'p_bob', true]],
  );
  assert.equal(
    await removeDirty(
      db,
      urgent.map((r) => r.id),
    ),
    true,
  );
  assert.equal(
    await removeDirty(
      db,
      urgent.map((r) => r.id),
    ),
    false,
  );
  await drain(db);
  await markAll(db);
  await markAll(db);
  const [all, ...more] = await oldestDirty(db, 10);
  assert.ok(all);
  assert.deepEqual(more, []);
  assert.equal(await advanceDirty(db, all, 'p_ann'), true);
  assert.equal(await advanceDirty(db, all, 'p_bob'), false);
  await drain(db);
  assert.equal(await markAllIfNew(db, 'x'), true);
  assert.equal(await markAllIfNew(db, 'x'), false);
});

dbTest('who takes up or lets go of a login wakes whoever else wants it', async (db) => {
  const want = (person: string, key: string) => ({ target: 'sdm', item: 'account' as const, person, key });
  await replaceLogins(db, ['p_a'], [want('p_a', 'x')]);
  assert.deepEqual(await drain(db), []);
  await replaceLogins(db, ['p_b'], [want('p_b', 'x')]);
  assert.deepEqual(await drain(db), ['p_a']);
  await replaceLogins(db, ['p_b'], [want('p_b', 'x')]);
  assert.deepEqual(await drain(db), []);
  const claim = { target: 'sdm', person: 'p_a', item: 'account', created: true, plan: 'h', causes: [] } as const;
  await claimItems(db, [claim]);
  assert.deepEqual(await claimantsOf(db, [{ target: 'sdm', item: 'account', key: 'x' }]), [
    { ...want('p_a', 'x'), owner: true },
    { ...want('p_b', 'x'), owner: false },
  ]);
  await replaceLogins(db, ['p_a'], []);
  assert.deepEqual(await drain(db), ['p_b']);
});

dbTest(
  'an observation does not overwrite what a change confirmed meanwhile, and takes only the unseen for gone',
  async (db) => {
    await savePage(
      db,
      'sdm',
      [account('1', 'Ann'), account('2', 'bob'), account('3', 'cat', 'p_c')],
      await clock(db),
      false,
    );
    await seed.user(db, 'c');
    await claimItems(db, [
      {
        target: 'sdm',
        person: 'p_a',
        item: 'account',
        created: true,
        plan: 'h',
        causes: [],
        objectId: '1',
      },
    ]);
    await confirmItems(db, [{ target: 'sdm', person: 'p_a', item: 'account' }]);
    await drain(db);
    await new Promise((resolve) => setTimeout(resolve, 3));
    const since = await clock(db);
    await new Promise((resolve) => setTimeout(resolve, 3));
    await saveAccounts(db, [{ target: 'sdm', person: 'p_a', account: { ...account('1', 'ann'), active: false } }]);
    await savePage(db, 'sdm', [account('1', 'Ann'), account('2', 'bob')], since, true);
    assert.deepEqual(await drain(db), []);
    assert.equal(await sweepUnseen(db, 'sdm', since), 1);
    assert.deepEqual(await drain(db), ['p_c'], 'by the mark of the account that went');
    const [seen, ...none] = await accountsOf(db, ['p_a', 'p_c']);
    assert.deepEqual([seen?.account.active, none], [false, []]);
    assert.deepEqual([...(seen?.account.roles ?? [])], ['a', 'b']);
    assert.equal((await accountsNamed(db, [{ target: 'sdm', key: 'ann' }]))[0]?.account.id, '1');
    assert.deepEqual(
      (await ledgerOf(db, ['p_a'])).map((r) => [r.confirmed, r.objectId]),
      [[true, '1']],
    );

    await savePage(db, 'sdm', [{ ...account('1', 'ann'), active: true }], await clock(db), true);
    assert.deepEqual(await drain(db), ['p_a'], 'by the ledger');
  },
);

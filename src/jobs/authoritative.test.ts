import assert from 'node:assert/strict';
import { fakeTarget } from '../../test/support/fake-target.ts';
import { dbTest, groupRule, jobsOptions, seed, settled, start, world } from '../../test/support/jobs.ts';
import type { Db } from '../store/db.ts';
import { listUnmanaged, roleShares } from '../store/unmanaged.ts';

/** Ann has the role db by a rule, and an administrator gave her prod and extra; a stranger has prod too. */
async function scene(db: Db, managedBy?: string) {
  await seed.group(db, 'DBA');
  await seed.user(db, 'ann');
  await seed.join(db, 'DBA', 'ann');
  const target = fakeTarget('sdm', { roles: ['db', 'prod', 'extra'] });
  if (managedBy !== undefined) target.roleList.set('r-prod', { id: 'r-prod', name: 'prod', managedBy });
  const profile = { login: 'stranger@example.com', displayName: 'Stranger' };
  target.accounts.set('x-1', { id: 'x-1', profile, active: true, roles: new Set(['r-prod']) });
  const of = world([target], groupRule('dba', 'DBA', 'sdm', 'db'));
  const first = await start(db, of);
  await settled(first, db);
  await first.close();
  const [ann] = [...target.accounts.values()].slice(1);
  for (const role of ['r-prod', 'r-extra']) ann?.roles.add(role);
  of.roles = { prod: { authoritative: true } };
  return { target, of };
}

const rolesOf = (target: ReturnType<typeof fakeTarget>): Record<string, string[]> =>
  Object.fromEntries(
    Object.entries(target.state()).map(([login, { roles }]) => [login.split('@')[0], roles.toSorted()]),
  );

dbTest(
  'another hand’s attachment of an authoritative role goes from an account of ours, and from no other',
  async (db) => {
    const { target, of } = await scene(db);
    const jobs = await start(db, of);
    try {
      await settled(jobs, db);
      assert.deepEqual(rolesOf(target), { ann: ['db', 'extra'], stranger: ['prod'] });
      const rows = await listUnmanaged(db, { terms: [], limit: 10 });
      assert.deepEqual(
        rows.map(({ role, login, person }) => [role, login, person]),
        [
          ['extra', 'ann@example.com', 'p_ann'],
          ['prod', 'stranger@example.com', null],
        ],
      );
      const [first, second] = rows;
      assert.deepEqual(await listUnmanaged(db, { terms: [], limit: 10, ...(first && { after: first }) }), [second]);
      assert.deepEqual(await listUnmanaged(db, { terms: [{ field: 'account', like: 'foreign' }], limit: 10 }), [
        second,
      ]);
      assert.deepEqual(await roleShares(db), [
        { target: 'sdm', role: 'db', ours: 1, others: 0, foreign: 0 },
        { target: 'sdm', role: 'extra', ours: 0, others: 1, foreign: 0 },
        { target: 'sdm', role: 'prod', ours: 0, others: 0, foreign: 1 },
      ]);
    } finally {
      await jobs.close();
    }
  },
);

dbTest('it stays while the rules are lost', async (db) => {
  const { target, of } = await scene(db);
  const lost = () => ({ ...jobsOptions(db, of).views(), rules: { revision: 'none', rules: [] }, withheld: true });
  const jobs = await start(db, of, { views: lost });
  try {
    await settled(jobs, db);
    assert.deepEqual(rolesOf(target)['ann'], ['db', 'extra', 'prod']);
  } finally {
    await jobs.close();
  }
});

dbTest('a role that something else manages at the target is left alone', async (db) => {
  const { target, of } = await scene(db, 'scim');
  const jobs = await start(db, of);
  try {
    await settled(jobs, db);
    assert.deepEqual(rolesOf(target)['ann'], ['db', 'extra', 'prod']);
  } finally {
    await jobs.close();
  }
});

import assert from 'node:assert/strict';
import { fakeTarget } from '../../test/support/fake-target.ts';
import { dbTest, groupRule, jobsOptions, seed, settled, until, world } from '../../test/support/jobs.ts';
import type { Recovery } from '../model/recovery.ts';
import { endRecovery } from '../store/recovery.ts';
import { startJobs } from './index.ts';
import { applyPlan } from './apply-plan.ts';
import { planFull } from './full.ts';

const RECOVERY: Recovery = { because: 'it is old', since: '2026-11-25T00:00:00Z' };

dbTest(
  'a ledger older than the target: nothing is given or taken but from a leaver, then all is claimed',
  async (db) => {
    const target = fakeTarget('sdm', { roles: ['db', 'ops'] });
    const of = world([target], groupRule('dba', 'DBA', 'sdm', 'db'), groupRule('ops', 'OPS', 'sdm', 'ops'));
    for (const name of ['DBA', 'OPS']) await seed.group(db, name);
    for (const name of ['ann', 'bob', 'cid', 'dan']) await seed.user(db, name);
    await seed.join(db, 'DBA', 'ann', 'bob', 'cid');
    const options = jobsOptions(db, of);
    const first = await startJobs(options);
    await settled(first, db);
    // What an older copy of the store does not know: ops for ann and bob, dan's account, and that cid is out of DBA.
    const old = await db.rows<{ row: object }>({ text: 'select to_jsonb(l) as row from ledger l' });
    await seed.join(db, 'OPS', 'ann', 'bob');
    await seed.join(db, 'DBA', 'dan');
    await first.idle();
    await settled(first, db);
    await first.close();
    const given = target.state();
    assert.deepEqual(given['bob@example.com'], { active: true, roles: ['db', 'ops'] });
    await db.rows({ text: `delete from ledger` });
    await db.rows({
      text: `insert into ledger select r.* from jsonb_array_elements($1::jsonb) e, jsonb_populate_record(null::ledger, e) r`,
      values: [JSON.stringify(old.map(({ row }) => row))],
    });
    await seed.leaveGroup(db, 'DBA', 'cid');
    await seed.join(db, 'OPS', 'cid');

    let recovery: Recovery | undefined = RECOVERY;
    target.calls.length = 0;
    const jobs = await startJobs({
      ...jobsOptions(db, of),
      views: () => ({ ...options.views(), ...(recovery === undefined ? {} : { recovery }) }),
    });
    try {
      await settled(jobs, db);
      assert.deepEqual(target.state(), given);
      assert.equal(target.calls.length, 0, 'the target was not called');
      await seed.leave(db, 'bob', 'deleted');
      await seed.leave(db, 'dan', 'disabled');
      jobs.wake(true);
      await settled(jobs, db);
      const blocked = {
        ...given,
        'bob@example.com': { active: false, roles: [] },
        'dan@example.com': { active: false, roles: ['db'] },
      };
      assert.deepEqual(target.state(), blocked, 'who leaves is blocked, also where only our mark says that it is ours');

      const deps = {
        ...jobsOptions(db, of),
        views: () => ({ ...options.views(), recovery: RECOVERY }),
        now: () => new Date(),
      };
      const after = await planFull({ ...deps, views: options.views }, { actor: 'test' });
      assert.ok((after.counts['steps'] ?? 0) > 0);
      const applied = await applyPlan(deps, after.hash, 'test');
      assert.equal(applied?.applied, 0, 'what was planned as if it had ended can not be applied before');

      target.calls.length = 0;
      recovery = undefined;
      assert.equal(await endRecovery(db, 'test', 'none was noted'), undefined);
      await jobs.rulesChanged();
      await settled(jobs, db);
      await until(async () => (await db.rows({ text: 'select 1 from dirty' })).length === 0);
      assert.deepEqual(target.state(), { ...blocked, 'cid@example.com': { active: true, roles: ['ops'] } });
      assert.deepEqual(
        target.calls
          .filter((c) => c.effect)
          .map((c) => `${c.op} ${c.item} ${c.person}`)
          .toSorted(),
        ['grant role:ops p_cid', 'revoke role:db p_cid'],
        'what was there already was claimed',
      );
      const ann = await db.rows<{ item: string; confirmed: boolean }>({
        text: `select item, confirmed from ledger where person = 'p_ann' order by item`,
      });
      assert.deepEqual(
        ann,
        ['account', 'role:db', 'role:ops'].map((item) => ({ item, confirmed: true })),
      );
    } finally {
      await jobs.close();
    }
  },
);

dbTest('what was due when a recovery begins is not carried out, but for a block', async (db) => {
  const target = fakeTarget('sdm', { roles: ['db'] });
  const of = world([target], groupRule('dba', 'DBA', 'sdm', 'db'));
  await seed.group(db, 'DBA');
  for (const name of ['ann', 'bob', 'cid']) await seed.user(db, name);
  await seed.join(db, 'DBA', 'ann', 'cid');
  const options = jobsOptions(db, of);
  const first = await startJobs(options);
  await settled(first, db);
  await db.rows({
    text: `insert into target_state (target, paused_at, paused_because) values ('sdm', now(), '{"by":"operator","message":"x","leavers":true}')
    on conflict (target) do update set paused_at = excluded.paused_at, paused_because = excluded.paused_because`,
  });
  await seed.join(db, 'DBA', 'bob');
  await seed.leaveGroup(db, 'DBA', 'ann');
  await seed.leave(db, 'cid', 'disabled');
  await first.idle();
  await first.close();
  const due = await db.rows({ text: `select 1 from work where state = 'pending'` });
  assert.equal(due.length, 3);
  await db.rows({ text: `update target_state set paused_at = null, paused_because = null` });
  const jobs = await startJobs({ ...jobsOptions(db, of), views: () => ({ ...options.views(), recovery: RECOVERY }) });
  try {
    await settled(jobs, db);
    assert.deepEqual(target.state(), {
      'ann@example.com': { active: true, roles: ['db'] },
      'cid@example.com': { active: false, roles: ['db'] },
    });
  } finally {
    await jobs.close();
  }
});

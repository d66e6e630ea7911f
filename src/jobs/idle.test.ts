import assert from 'node:assert/strict';
import { fakeTarget } from '../../test/support/fake-target.ts';
import { dbTest, groupRule, seed, settled, start, until, world } from '../../test/support/jobs.ts';
import { GUARD_LIMITS } from '../model/guard.ts';
import type { Db } from '../store/db.ts';
import { storeParts } from '../store/parts.ts';
import type { Jobs } from './index.ts';

const DAY = 86_400_000;

/** Some people who have the role db, a clock, and a target that lets idle accounts be for thirty days. */
async function scene(db: Db, names: readonly string[]) {
  await seed.group(db, 'DBA');
  for (const name of names) await seed.user(db, name);
  await seed.join(db, 'DBA', ...names);
  const target = fakeTarget('sdm', { roles: ['db', 'other'] });
  const of = world([target], groupRule('dba', 'DBA', 'sdm', 'db'));
  of.idleAfter = 30 * DAY;
  const clock = { now: new Date('2030-01-01T00:00:00Z') };
  const open = (): Promise<Jobs> => start(db, of, { now: () => clock.now });
  const pass = (ms: number): void => void (clock.now = new Date(clock.now.getTime() + ms));
  const active = (): string[] =>
    Object.entries(target.state()).flatMap(([login, account]) => (account.active ? [login.split('@')[0] ?? ''] : []));
  return { target, of, open, pass, active };
}

dbTest(
  'an account on which nothing is left is blocked after thirty days, over a restart, and given back on return',
  async (db) => {
    const { open, pass, active } = await scene(db, ['ann', 'bob']);
    let jobs = await open();
    await settled(jobs, db);
    await seed.leaveGroup(db, 'DBA', 'ann');
    jobs.wake();
    await settled(jobs, db);
    pass(29 * DAY);
    jobs.wake();
    await settled(jobs, db);
    assert.deepEqual(active(), ['ann', 'bob']);
    await jobs.close();
    jobs = await open();
    try {
      await settled(jobs, db);
      assert.deepEqual(active(), ['ann', 'bob']);
      pass(DAY);
      jobs.wake();
      await until(() => active().length === 1);
      await settled(jobs, db);
      assert.deepEqual(active(), ['bob']);
      const [step] = await db.rows<{ changes: Array<{ op: string; evidence: string }> }>({
        text: 'select changes from step order by id desc limit 1',
      });
      assert.deepEqual(
        step?.changes.map((c) => [c.op, c.evidence]),
        [['block', 'removed']],
        'it counts as inferred',
      );
      await seed.join(db, 'DBA', 'ann');
      jobs.wake();
      await settled(jobs, db);
      assert.deepEqual(active(), ['ann', 'bob']);
      assert.deepEqual(await storeParts.idle.idleOf(db, ['p_ann', 'p_bob']), []);
    } finally {
      await jobs.close();
    }
  },
);

dbTest('who got something meanwhile begins anew; what another hand attached or lifted keeps an account', async (db) => {
  const { target, open, pass, active } = await scene(db, ['ann', 'bob', 'cid']);
  const jobs = await open();
  // What comes due is found at the planner's next turn, which nothing waits for.
  const are = (...names: string[]): Promise<void> => until(() => active().join() === names.join());
  const goOn = async (ms: number): Promise<void> => {
    pass(ms);
    await jobs.refreshTarget('sdm');
    jobs.wake();
    await settled(jobs, db);
  };
  try {
    await settled(jobs, db);
    for (const name of ['ann', 'bob', 'cid']) await seed.leaveGroup(db, 'DBA', name);
    jobs.wake();
    await settled(jobs, db);
    target.accounts
      .get([...target.accounts.values()].find((a) => a.profile.login.startsWith('bob'))?.id ?? '')
      ?.roles.add('r-other');
    await goOn(20 * DAY);
    await seed.join(db, 'DBA', 'cid');
    await goOn(DAY);
    await seed.leaveGroup(db, 'DBA', 'cid');
    await goOn(0);
    await goOn(10 * DAY);
    // Bob has a role of another hand, Cid is idle for ten days.
    await are('bob', 'cid');
    const ann = [...target.accounts.values()].find((a) => a.profile.login.startsWith('ann'));
    assert.ok(ann);
    ann.active = true;
    await goOn(DAY);
    assert.ok(active().includes('ann'), 'lifted by another hand it is let be for as long again');
    await goOn(21 * DAY);
    await are('ann', 'bob');
    await goOn(10 * DAY);
    await are('bob');
  } finally {
    await jobs.close();
  }
});

dbTest('many idle accounts at once are held by the guard', async (db) => {
  const names = Array.from({ length: 10 }, (_, i) => `u${i}`);
  const { of, open, pass, active } = await scene(db, names);
  const anything = { abs: 1000, pct: 0, from: 0 };
  of.limits = { ...GUARD_LIMITS, attachments: anything, role: anything, emptyFrom: 1000, creations: anything };
  const jobs = await open();
  try {
    await settled(jobs, db);
    for (const name of names) await seed.leaveGroup(db, 'DBA', name);
    jobs.wake();
    await settled(jobs, db);
    pass(30 * DAY);
    jobs.wake();
    await until(async () => (await storeParts.holds.countHolds(db)).some(({ n }) => n === 10));
    assert.equal(active().length, 10);
  } finally {
    await jobs.close();
  }
});

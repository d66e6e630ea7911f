import assert from 'node:assert/strict';
import { fakeTarget } from '../../test/support/fake-target.ts';
import { dbTest, groupRule, jobsOptions, ruleSet, seed, settled, start, world } from '../../test/support/jobs.ts';
import { GUARD_LIMITS } from '../model/guard.ts';
import type { Db } from '../store/db.ts';
import { storeParts } from '../store/parts.ts';
import { decide } from './decide.ts';
import { applyPlan } from './apply-plan.ts';
import { planFull } from './full.ts';
import type { Jobs } from './index.ts';

const NAMES = Array.from({ length: 12 }, (_, i) => `u${i}`);
const dba = groupRule('dba', 'DBA', 'sdm', 'db');
const all = groupRule('all', 'Staff', 'sdm', 'staff');

/** Twelve people with two roles each, under the limits of the product. */
async function company(db: Db, ...rules: ReturnType<typeof groupRule>[]) {
  const target = fakeTarget('sdm', { roles: ['db', 'staff'] });
  const of = { ...world([target], ...(rules.length > 0 ? rules : [dba, all])), limits: GUARD_LIMITS };
  await seed.group(db, 'DBA');
  await seed.group(db, 'Staff');
  for (const name of NAMES) await seed.user(db, name);
  await seed.join(db, 'DBA', ...NAMES);
  await seed.join(db, 'Staff', ...NAMES);
  const having = (role: string): number =>
    Object.values(target.state()).filter((account) => account.roles.includes(role)).length;
  return { target, of, having };
}

async function removeAll(db: Db, group: string, names: readonly string[], jobs: Jobs): Promise<void> {
  await db.tx(async (tx) => {
    for (const name of names) await seed.leaveGroup(tx, group, name);
  });
  jobs.wake();
  await settled(jobs, db);
}

const held = (db: Db) => storeParts.holds.listHolds(db, { terms: [{ field: 'state', like: 'held' }], limit: 100 });
const word = (state: 'approved' | 'rejected', ...names: string[]) =>
  ({ state, names, terms: [], actor: 'local:root', reason: 'asked' }) as const;

dbTest('one membership goes, a group emptied is held, approved it goes', async (db) => {
  const { of, having } = await company(db);
  const jobs = await start(db, of);
  try {
    await settled(jobs, db);
    assert.equal(having('db'), 12);
    await removeAll(db, 'DBA', ['u0'], jobs);
    assert.equal(having('db'), 11);
    assert.deepEqual(await held(db), []);

    await seed.deleteGroup(db, 'DBA');
    jobs.wake();
    await settled(jobs, db);
    assert.equal(having('db'), 11, 'nobody loses it without a word');
    assert.equal(having('staff'), 12);
    const holds = await held(db);
    assert.equal(holds.length, 11);
    assert.match(
      holds[0]?.because ?? '',
      /^11 attachments .* would be taken, after 1 before; 2 of 11 may be within 24 h/,
    );

    await storeParts.dirty.markDirty(
      db,
      NAMES.map((name) => `p_${name}`),
    );
    jobs.wake();
    await settled(jobs, db);
    const again = await held(db);
    assert.deepEqual(
      again.map(({ id, since }) => [id, since]),
      holds.map(({ id, since }) => [id, since]),
      'planned again they are the same holds',
    );

    const decided = await decide(storeParts, db, word('approved', again[0]?.plan ?? ''));
    assert.equal(decided.holds.length, 11);
    jobs.wake();
    await settled(jobs, db);
    assert.equal(having('db'), 0);
    assert.equal(having('staff'), 12);
    assert.deepEqual(await storeParts.holds.listHolds(db, { terms: [], limit: 100 }), []);
    const events = await db.rows({ text: `select kind from event where kind like 'hold.%'` });
    assert.equal(events.length, 11);
  } finally {
    await jobs.close();
  }
});

dbTest('what goes one by one adds up within the window, and counts are exact', async (db) => {
  const { of, having } = await company(db);
  const jobs = await start(db, of);
  try {
    await settled(jobs, db);
    for (const name of NAMES.slice(0, 6)) await removeAll(db, 'DBA', [name], jobs);
    assert.equal(having('db'), 10, 'a role of more than eight loses a quarter, and the quarter shrinks with it');
    assert.equal((await held(db)).length, 4);
    const counted = await db.rows({
      text: 'select sum(n)::int as n from owned_count where target = $1',
      values: ['sdm'],
    });
    const real = await db.rows({ text: 'select count(*)::int as n from ledger' });
    assert.deepEqual(counted, real);

    await db.rows({ text: `update guarded set at = at - interval '25 hours'` });
    await storeParts.dirty.markAll(db);
    jobs.wake();
    await settled(jobs, db);
    assert.equal((await held(db)).length, 4, 'four at once are more than two of ten');
  } finally {
    await jobs.close();
  }
});

dbTest('a rejected removal stays through new plans, until its reason is another', async (db) => {
  const { of, having } = await company(db);
  const jobs = await start(db, of);
  try {
    await settled(jobs, db);
    await removeAll(db, 'DBA', NAMES.slice(0, 4), jobs);
    const [first, ...rest] = await held(db);
    assert.equal(rest.length, 3);
    await decide(storeParts, db, word('rejected', first?.id ?? ''));
    await decide(storeParts, db, word('approved', ...rest.map((hold) => hold.id)));
    jobs.wake();
    await settled(jobs, db);
    assert.equal(having('db'), 9);
    await storeParts.dirty.markAll(db);
    jobs.wake();
    await settled(jobs, db);
    assert.equal(having('db'), 9);
    assert.deepEqual(await held(db), []);

    of.rules = ruleSet('r2', dba, all);
    await jobs.rulesChanged();
    await settled(jobs, db);
    assert.equal(having('db'), 8, 'under other rules one removal alone is within the budget');
  } finally {
    await jobs.close();
  }
});

dbTest('an emptied rules set takes nothing from many, and everything from who left', async (db) => {
  const { target, of, having } = await company(db);
  const jobs = await start(db, of);
  try {
    await settled(jobs, db);
    of.rules = ruleSet('r2');
    await jobs.rulesChanged();
    await settled(jobs, db);
    assert.equal(having('db'), 12);
    assert.equal((await held(db)).length, 24);
    await seed.leave(db, 'u3', 'deleted');
    jobs.wake(true);
    await settled(jobs, db);
    assert.deepEqual(target.state()['u3@example.com'], { active: false, roles: [] });
    assert.equal((await held(db)).length, 22);
  } finally {
    await jobs.close();
  }
});

dbTest('a protected role is held for a single person, in the open step of a plan too', async (db) => {
  const { of, having } = await company(db, { ...dba, protected: true }, all);
  of.limits = { ...GUARD_LIMITS, protectedGrants: { abs: 100, pct: 0, from: 0 } };
  const jobs = await start(db, of);
  try {
    await settled(jobs, db);
    await seed.leaveGroup(db, 'Staff', 'u0');
    await removeAll(db, 'DBA', ['u0'], jobs);
    assert.equal(having('db'), 12);
    assert.equal(having('staff'), 11);
    const [hold] = await held(db);
    assert.match(hold?.because ?? '', /the role db is protected/);
    const plan = await planFull({ ...jobsOptions(db, of), now: () => new Date() }, { actor: 'test' });
    assert.equal(plan.counts['steps'], 0);
    assert.deepEqual(
      plan.holds.map((h) => h.id),
      [hold?.id],
    );
    const deps = { ...jobsOptions(db, of), now: () => new Date() };
    assert.deepEqual(await applyPlan(deps, plan.hash, 'test'), { hash: plan.hash, applied: 0, moved: [], held: 1 });
  } finally {
    await jobs.close();
  }
});

dbTest('another budget has everybody planned again: what it allows is not held any more', async (db) => {
  const { target, of } = await company(db);
  of.limits = { ...GUARD_LIMITS, creations: { abs: 5, pct: 0, from: 0 } };
  const jobs = await start(db, of);
  try {
    await settled(jobs, db);
    assert.equal((await held(db)).length, 12);
    of.limits = { ...GUARD_LIMITS, creations: { abs: 12, pct: 0, from: 0 } };
    await jobs.rulesChanged();
    await settled(jobs, db);
    assert.deepEqual(await held(db), []);
    assert.equal(Object.keys(target.state()).length, 12);
  } finally {
    await jobs.close();
  }
});

dbTest('many accounts at once wait; where nothing is done without an approval, the approval is for all', async (db) => {
  const { target, of } = await company(db);
  of.limits = { ...GUARD_LIMITS, creations: { abs: 5, pct: 0, from: 0 } };
  const jobs = await start(db, of);
  try {
    await settled(jobs, db);
    assert.deepEqual(target.state(), {});
    assert.equal((await held(db)).length, 12);

    of.mode = 'observe';
    await jobs.rulesChanged();
    await settled(jobs, db);
    assert.deepEqual(await held(db), []);
    const deps = { ...jobsOptions(db, of), now: () => new Date() };
    const plan = await planFull(deps, { actor: 'test' });
    assert.equal(plan.counts['steps'], 12);
    of.mode = 'full';
    await jobs.rulesChanged();
    await settled(jobs, db);
    await applyPlan(
      deps,
      (await planFull({ ...deps, views: () => ({ ...deps.views(), guard: open }) }, SAVE)).hash,
      'test',
    );
    await settled(jobs, db);
    assert.equal(
      Object.keys(target.state()).length,
      12,
      'what was applied by hand is not held when it is planned again',
    );
    assert.deepEqual(await held(db), []);
  } finally {
    await jobs.close();
  }
});

const SAVE = { actor: 'test' };
const open = {
  limits: { ...GUARD_LIMITS, creations: { abs: 1000, pct: 0, from: 0 } },
  rehearsals: new Set<string>(),
};

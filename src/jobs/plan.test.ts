import assert from 'node:assert/strict';
import { fakeTarget } from '../../test/support/fake-target.ts';
import {
  dbTest,
  groupRule,
  jobsOptions,
  ruleSet,
  seed,
  settled,
  start,
  until,
  world,
} from '../../test/support/jobs.ts';
import type { Db } from '../store/db.ts';
import { storeParts } from '../store/parts.ts';
import type { Step } from '../model/plan.ts';
import { digest } from '../plan/canonical.ts';
import { applyPlan } from './apply-plan.ts';
import { planFull } from './full.ts';

async function groups(db: Db, ...names: string[]): Promise<void> {
  for (const name of names) await seed.group(db, name);
}

const planDeps = (db: Db, of: ReturnType<typeof world>) => ({ ...jobsOptions(db, of), now: () => new Date() });
const states = (db: Db) =>
  db.rows<{ state: string; kind: string }>({
    text: 'select s.state, p.kind from step s join plan p on p.id = s.plan_id order by s.id',
  });

dbTest('two persons on one login get no account; when one lets go of it the other gets theirs', async (db) => {
  await groups(db, 'DBA');
  const target = fakeTarget('sdm', { roles: ['db'] });
  await seed.user(db, 'ann', { userName: 'Same@example.com' });
  await seed.user(db, 'bob', { userName: 'same@example.com' });
  await seed.join(db, 'DBA', 'ann', 'bob');
  const jobs = await start(db, world([target], groupRule('dba', 'DBA', 'sdm', 'db')));
  try {
    await settled(jobs, db);
    assert.deepEqual(target.state(), {});
    const found = await storeParts.findings.listFindings(db);
    assert.deepEqual(found.map((f) => [f.kind, f.person]).toSorted(), [
      ['login-collision', 'p_ann'],
      ['login-collision', 'p_bob'],
    ]);
    await seed.rename(db, 'ann', 'ann@example.com');
    jobs.wake();
    await settled(jobs, db);
    assert.deepEqual(Object.keys(target.state()), ['ann@example.com', 'same@example.com']);
    assert.deepEqual(await storeParts.findings.listFindings(db), []);

    await seed.user(db, 'cat', { userName: 'ann@example.com' });
    await seed.join(db, 'DBA', 'cat');
    jobs.wake();
    await settled(jobs, db);
    assert.equal(Object.keys(target.state()).length, 2, 'who has the account keeps it');
    const late = await storeParts.findings.listFindings(db, { person: 'p_cat' });
    assert.deepEqual(
      late.map((f) => f.kind),
      ['login-collision'],
    );
    await seed.leaveGroup(db, 'DBA', 'cat');
    jobs.wake();
    await settled(jobs, db);
    assert.deepEqual(await storeParts.findings.listFindings(db), []);
  } finally {
    await jobs.close();
  }
});

dbTest(
  'an account that is there already is not taken over, and what it keeps back comes when it is gone',
  async (db) => {
    await groups(db, 'DBA');
    const target = fakeTarget('sdm', { roles: ['db'] });
    const there = { id: 'x-1', profile: { login: 'ANN@example.com', displayName: 'Ann' }, active: true };
    target.accounts.set('x-1', { ...there, roles: new Set() });
    await seed.user(db, 'ann');
    await seed.join(db, 'DBA', 'ann');
    const jobs = await start(db, world([target], groupRule('dba', 'DBA', 'sdm', 'db')));
    try {
      await settled(jobs, db);
      assert.deepEqual(target.calls, []);
      const [finding] = await storeParts.findings.listFindings(db);
      assert.equal(finding?.kind, 'adoption');
      await storeParts.dirty.markDirty(db, ['p_ann']);
      jobs.wake();
      await settled(jobs, db);
      assert.deepEqual(await storeParts.findings.listFindings(db), [finding], 'it keeps the time since when it is so');

      target.accounts.clear();
      await jobs.refreshTarget('sdm');
      await settled(jobs, db);
      assert.deepEqual(target.state(), { 'ann@example.com': { active: true, roles: ['db'] } });
    } finally {
      await jobs.close();
    }
  },
);

dbTest('nested groups count; a deleted group takes along what came by it, and its memberships', async (db) => {
  await groups(db, 'Outer', 'Inner', 'Deep');
  const target = fakeTarget('sdm', { roles: ['db'] });
  await seed.user(db, 'ann');
  await seed.user(db, 'bob');
  await seed.join(db, 'Outer', 'Inner', 'bob');
  await seed.join(db, 'Inner', 'Deep', 'Inner');
  await seed.join(db, 'Deep', 'ann', 'Outer');
  const jobs = await start(db, world([target], groupRule('out', 'Outer', 'sdm', 'db')));
  try {
    await settled(jobs, db);
    assert.deepEqual(target.state(), {
      'ann@example.com': { active: true, roles: ['db'] },
      'bob@example.com': { active: true, roles: ['db'] },
    });
    await seed.deleteGroup(db, 'Inner');
    jobs.wake();
    await settled(jobs, db);
    assert.deepEqual(target.state()['ann@example.com'], { active: true, roles: [] });
    assert.deepEqual(target.state()['bob@example.com'], { active: true, roles: ['db'] });
    const left = await db.row({
      text: `select count(*) as n from membership m join record g on g.key = m.group_key where g.anchor = 'Inner'`,
    });
    assert.deepEqual(left, { n: 0 });
  } finally {
    await jobs.close();
  }
});

dbTest('observe: steps are proposed only; apply carries out those that still hold and names the others', async (db) => {
  await groups(db, 'DBA');
  const target = fakeTarget('sdm', { roles: ['db'] });
  await seed.user(db, 'ann');
  await seed.user(db, 'bob');
  await seed.join(db, 'DBA', 'ann', 'bob');
  const of = world([target], groupRule('dba', 'DBA', 'sdm', 'db'));
  of.needBaseline = true;
  const jobs = await start(db, of);
  const deps = planDeps(db, of);
  try {
    await settled(jobs, db);
    assert.deepEqual(target.calls, []);
    assert.deepEqual(await storeParts.lanes.listWork(db), []);
    assert.deepEqual(await states(db), [
      { state: 'proposed', kind: 'partial' },
      { state: 'proposed', kind: 'partial' },
    ]);

    const plan = await planFull(deps, { actor: 'local:test' });
    assert.equal(plan.counts['steps'], 2);
    assert.equal((await planFull(deps, { actor: 'local:test' })).hash, plan.hash, 'same input, same hash');
    await seed.rename(db, 'bob', 'robert@example.com');
    jobs.wake();
    await settled(jobs, db);

    // A failure half-way must not lose the approval of the rest, also where nothing is done without one.
    of.mode = 'observe';
    await jobs.rulesChanged();
    await settled(jobs, db);
    target.trouble({ when: (c) => c.op === 'grant', verdict: { kind: 'retry' }, times: 1 });
    const applied = await applyPlan(deps, plan.hash.slice(0, 12), 'local:test');
    assert.deepEqual(applied, { hash: plan.hash, applied: 1, moved: [{ target: 'sdm', person: 'p_bob' }], held: 0 });
    jobs.wake(true);
    await until(() => target.calls.length >= 2);
    await settled(jobs, db);
    assert.deepEqual(target.state()['ann@example.com'], { active: true, roles: ['db'] });
    assert.ok((await storeParts.targets.targetStates(db)).get('sdm')?.baselineAt instanceof Date);
    assert.equal(await applyPlan(deps, 'deadbeefdeadbeef', 'local:test'), undefined);

    assert.deepEqual(Object.keys(target.state()), ['ann@example.com']);

    // With its baseline the target's own mode holds: what moved is planned again and done.
    of.mode = 'full';
    await jobs.rulesChanged();
    await until(() => target.calls.length >= 4);
    await settled(jobs, db);
    assert.deepEqual(Object.keys(target.state()), ['ann@example.com', 'robert@example.com']);
  } finally {
    await jobs.close();
  }
});

dbTest('a full plan sees rivals in all chunks, also where nothing was ever planned before', async (db) => {
  await groups(db, 'DBA');
  const target = fakeTarget('sdm', { roles: ['db'] });
  await db.tx(async (tx) => {
    const all = Array.from({ length: 520 }, (_, i) => `u${String(i).padStart(3, '0')}`);
    for (const [i, anchor] of all.entries()) {
      await seed.user(tx, anchor, i === 0 || i === 519 ? { userName: 'same@example.com' } : {});
    }
    await seed.join(tx, 'DBA', ...all);
  });
  await storeParts.targets.markObserved(db, 'sdm');
  const deps = planDeps(db, world([target], groupRule('dba', 'DBA', 'sdm', 'db')));
  const plan = await planFull(deps, { actor: 'local:test' });
  assert.equal(plan.findings.filter((f) => f.kind === 'login-collision').length, 2);
  assert.equal(plan.findings.filter((f) => f.kind === 'role-missing').length, 518, 'its roles were not read');
  assert.equal(plan.counts['steps'], 518);
  assert.deepEqual(await db.rows({ text: 'select count(*) as n from step' }), [{ n: 518 }], 'and so many are kept');
  const { firstSteps, orderedSteps, tallyOf } = storeParts.plans;
  assert.deepEqual(await tallyOf(db, plan.id), [{ target: 'sdm', op: 'create', item: 'account', n: 518 }]);
  assert.deepEqual(
    (await firstSteps(db, plan.id, 2)).map((step) => step.person),
    ['p_u001', 'p_u002'],
  );
  await db.tx(async (tx) => {
    const steps: Step[] = [];
    for await (const page of orderedSteps(tx, plan.id)) steps.push(...page);
    const whole = steps.map(({ target: at, person, basis, changes }) => ({ target: at, person, basis, changes }));
    assert.equal(digest(whole), plan.hash, 'the hash is that of the canonical JSON of its steps');
  });
});

dbTest('a newer plan supersedes what waits, and the same one is not written again', async (db) => {
  await groups(db, 'DBA', 'Web');
  const target = fakeTarget('sdm', { roles: ['db', 'web'] });
  await seed.user(db, 'ann');
  await seed.join(db, 'DBA', 'ann');
  const of = world([target], groupRule('dba', 'DBA', 'sdm', 'db'), groupRule('web', 'Web', 'sdm', 'web'));
  target.trouble({ verdict: { kind: 'retry', afterMs: 60_000 }, times: 1 });
  const jobs = await start(db, of);
  try {
    await until(async () => (await storeParts.lanes.listWork(db))[0]?.attempts === 1);
    await storeParts.dirty.markDirty(db, ['p_ann']);
    jobs.wake();
    await settled(jobs, db);
    assert.deepEqual(await states(db), [{ state: 'pending', kind: 'partial' }]);

    await seed.join(db, 'Web', 'ann');
    jobs.wake();
    await settled(jobs, db);
    assert.deepEqual(
      (await states(db)).map((s) => s.state),
      ['superseded', 'pending'],
    );
    const [lane] = await storeParts.lanes.listWork(db);
    assert.ok((lane?.notBefore.getTime() ?? 0) > Date.now() + 30_000, 'it keeps its back-off');
    await storeParts.lanes.retryWork(db, { target: 'sdm' });
    jobs.wake(true);
    await settled(jobs, db);
    assert.deepEqual(target.state(), { 'ann@example.com': { active: true, roles: ['db', 'web'] } });
  } finally {
    await jobs.close();
  }
});

dbTest('changed rules have everybody planned again, in batches; a restart without a change has nobody', async (db) => {
  await groups(db, 'DBA');
  const target = fakeTarget('sdm', { roles: ['db', 'web'] });
  const all = Array.from({ length: 30 }, (_, i) => `u${i}`);
  for (const anchor of all) await seed.user(db, anchor);
  await seed.join(db, 'DBA', ...all);
  const of = world([target], groupRule('dba', 'DBA', 'sdm', 'db'));
  const first = await start(db, of);
  await settled(first, db);
  await first.close();
  const again = await start(db, of);
  assert.equal(await storeParts.dirty.anyDirty(db), false);
  await again.close();

  of.rules = ruleSet('r2', groupRule('dba', 'DBA', 'sdm', 'web'));
  const second = await start(db, of);
  try {
    await settled(second, db);
    assert.ok(Object.values(target.state()).every((a) => a.roles.join() === 'web'));
    assert.equal(Object.keys(target.state()).length, 30);
  } finally {
    await second.close();
  }
});

dbTest('missing roles are made where the settings allow, and the name is pinned to the id', async (db) => {
  await groups(db, 'DBA');
  const target = fakeTarget('sdm');
  for (const anchor of ['ann', 'bob']) await seed.user(db, anchor);
  await seed.join(db, 'DBA', 'ann', 'bob');
  const of = world([target], groupRule('dba', 'DBA', 'sdm', 'db'));
  const jobs = await start(db, of);
  try {
    await settled(jobs, db);
    assert.deepEqual(
      (await storeParts.findings.listFindings(db)).map((f) => f.kind),
      ['role-missing', 'role-missing'],
    );
    of.createRoles = true;
    await jobs.rulesChanged();
    await settled(jobs, db);
    assert.ok(Object.values(target.state()).every((a) => a.roles.join() === 'db'));
    assert.deepEqual(await db.rows({ text: 'select target, name, role_id from role_pin' }), [
      { target: 'sdm', name: 'db', role_id: 'r-db' },
    ]);
    // Renamed at the target: the id decides.
    target.roleList.set('r-db', { id: 'r-db', name: 'databases' });
    assert.equal(await jobs.refreshTarget('sdm'), true);
    await settled(jobs, db);
    assert.deepEqual(await storeParts.findings.listFindings(db), []);
  } finally {
    await jobs.close();
  }
});

dbTest('an observation shows what another hand did: it is reported and left alone', async (db) => {
  await groups(db, 'DBA');
  const target = fakeTarget('sdm', { roles: ['db', 'other'] });
  await seed.user(db, 'ann');
  await seed.join(db, 'DBA', 'ann');
  const jobs = await start(db, world([target], groupRule('dba', 'DBA', 'sdm', 'db')));
  try {
    await settled(jobs, db);
    for (const account of target.accounts.values()) account.roles = new Set(['r-other']);
    const calls = target.calls.length;
    assert.equal(await jobs.refreshTarget('sdm'), true);
    await settled(jobs, db);
    assert.equal(target.calls.length, calls);
    assert.deepEqual(
      (await storeParts.findings.listFindings(db)).map((f) => [f.kind, f.object]),
      [['foreign-removal', 'role:db']],
    );
  } finally {
    await jobs.close();
  }
});

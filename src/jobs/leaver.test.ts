import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { fakeTarget } from '../../test/support/fake-target.ts';
import { dbTest, groupRule, seed, settled, start, until, world } from '../../test/support/jobs.ts';
import { storeParts } from '../store/parts.ts';

const dba = groupRule('dba', 'DBA', 'sdm', 'db');

dbTest('somebody who is disabled is blocked and keeps the rest, and comes back as they were', async (db) => {
  const target = fakeTarget('sdm', { roles: ['db'] });
  await seed.group(db, 'DBA');
  await seed.user(db, 'ann');
  await seed.join(db, 'DBA', 'ann');
  const jobs = await start(db, world([target], dba));
  try {
    await settled(jobs, db);
    await seed.leave(db, 'ann', 'disabled');
    jobs.wake(true);
    await settled(jobs, db);
    assert.deepEqual(target.state(), { 'ann@example.com': { active: false, roles: ['db'] } });

    await seed.leave(db, 'ann', 'enabled');
    jobs.wake();
    await settled(jobs, db);
    assert.deepEqual(target.state(), { 'ann@example.com': { active: true, roles: ['db'] } });
    assert.deepEqual(
      target.calls.filter((c) => c.effect).map((c) => c.op),
      ['create', 'grant', 'block', 'enable'],
    );
  } finally {
    await jobs.close();
  }
});

dbTest('a block of another hand is not lifted', async (db) => {
  const target = fakeTarget('sdm', { roles: ['db'] });
  await seed.group(db, 'DBA');
  await seed.user(db, 'ann');
  await seed.join(db, 'DBA', 'ann');
  const jobs = await start(db, world([target], dba));
  try {
    await settled(jobs, db);
    for (const account of target.accounts.values()) account.active = false;
    await seed.leave(db, 'ann', 'disabled');
    jobs.wake(true);
    await settled(jobs, db);
    await seed.leave(db, 'ann', 'enabled');
    jobs.wake();
    await settled(jobs, db);
    assert.deepEqual(target.state(), { 'ann@example.com': { active: false, roles: ['db'] } });
    assert.deepEqual(
      (await storeParts.findings.listFindings(db)).map((f) => f.kind),
      ['foreign-block'],
    );
  } finally {
    await jobs.close();
  }
});

dbTest('a leaver is blocked before a thousand waiting steps, and then loses every role', async (db) => {
  const target = fakeTarget('sdm', { roles: ['db', 'own'] });
  await seed.group(db, 'DBA');
  await seed.user(db, 'ann');
  await seed.join(db, 'DBA', 'ann');
  const jobs = await start(db, world([target], dba));
  try {
    await settled(jobs, db);
    for (const account of target.accounts.values()) account.roles.add('r-own');
    target.gate = () => sleep(5);
    await db.tx(async (tx) => {
      for (let i = 0; i < 1_000; i++) await seed.user(tx, `u${i}`);
      await seed.join(tx, 'DBA', ...Array.from({ length: 1_000 }, (_, i) => `u${i}`));
    });
    jobs.wake();
    await until(() => target.calls.length >= 100);
    const before = target.calls.length;
    await seed.leave(db, 'ann', 'deleted');
    jobs.wake(true);
    await until(() => target.calls.some((c) => c.op === 'block'));
    const passed = target.calls.findIndex((c) => c.op === 'block') - before;
    assert.ok(passed < 300, `${passed} other calls came first`);
    const ann = () => target.state()['ann@example.com'];
    await until(() => (ann()?.roles.length ?? 0) === 0);
    assert.deepEqual(ann(), { active: false, roles: [] });
    assert.ok(target.calls.length < 2_000, 'the others are still waiting');
    assert.deepEqual(
      target.calls
        .filter((c) => c.person === 'p_ann')
        .map((c) => c.op)
        .slice(0, 3),
      ['create', 'grant', 'block'],
    );
  } finally {
    await jobs.close();
  }
});

dbTest('a leaver gets nothing more from a step that is running', async (db) => {
  const target = fakeTarget('sdm', { roles: ['a', 'b', 'c'] });
  await seed.group(db, 'DBA');
  await seed.user(db, 'ann');
  await seed.join(db, 'DBA', 'ann');
  let open = () => {};
  const opened = new Promise<void>((resolve) => (open = resolve));
  let reached = () => {};
  const running = new Promise<void>((resolve) => (reached = resolve));
  target.gate = async (change) => {
    if (change.op !== 'grant') return;
    reached();
    await opened;
  };
  const jobs = await start(db, world([target], groupRule('all', 'DBA', 'sdm', 'a', 'b', 'c')));
  try {
    await running;
    await seed.leave(db, 'ann', 'deleted');
    jobs.wake(true);
    open();
    await settled(jobs, db);
    assert.deepEqual(target.state(), { 'ann@example.com': { active: false, roles: [] } });
    const ops = target.calls.map((c) => c.op);
    assert.equal(ops.filter((op) => op === 'grant').length, 1, ops.join());
    assert.ok(ops.indexOf('block') < ops.indexOf('revoke'), ops.join());
    assert.ok(ops.lastIndexOf('grant') < ops.indexOf('block'), ops.join());
  } finally {
    await jobs.close();
  }
});

dbTest('a refused block does not keep the roles', async (db) => {
  const target = fakeTarget('sdm', { roles: ['db'] });
  await seed.group(db, 'DBA');
  await seed.user(db, 'ann');
  await seed.join(db, 'DBA', 'ann');
  const jobs = await start(db, world([target], dba));
  try {
    await settled(jobs, db);
    target.trouble({ when: (change) => change.op === 'block', verdict: { kind: 'refused' } });
    await seed.leave(db, 'ann', 'deleted');
    jobs.wake(true);
    await settled(jobs, db);
    assert.deepEqual(target.state(), { 'ann@example.com': { active: true, roles: [] } });
    const [lane] = await storeParts.lanes.listWork(db);
    assert.equal(lane?.state, 'parked');
    assert.equal(lane?.lastError?.remedy, 'Wait.');
  } finally {
    await jobs.close();
  }
});

dbTest(
  'whose account could not be made, since another has the login: a leave leaves that account alone',
  async (db) => {
    const target = fakeTarget('sdm', { roles: ['db'] });
    await seed.group(db, 'DBA');
    await seed.user(db, 'ann');
    const jobs = await start(db, world([target], dba));
    try {
      await settled(jobs, db);
      // Made by another hand after the target was observed.
      const profile = { login: 'ann@example.com', displayName: 'Another Ann' };
      target.accounts.set('a-other', { id: 'a-other', profile, active: true, roles: new Set() });
      await seed.join(db, 'DBA', 'ann');
      jobs.wake();
      for (let i = 0; i < 1_000 && (await storeParts.lanes.listWork(db, { state: 'parked' })).length === 0; i++)
        await sleep(5);
      await seed.leave(db, 'ann', 'deleted');
      jobs.wake(true);
      await settled(jobs, db);
      assert.deepEqual(target.state(), { 'ann@example.com': { active: true, roles: [] } });
      assert.deepEqual(await db.rows({ text: 'select item from ledger' }), [], 'nothing there is ours');
    } finally {
      await jobs.close();
    }
  },
);

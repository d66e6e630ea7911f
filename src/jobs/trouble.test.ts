import assert from 'node:assert/strict';
import { type FakeTarget, fakeTarget } from '../../test/support/fake-target.ts';
import { dbTest, dying, groupRule, jobsOptions, seed, settled, start, until, world } from '../../test/support/jobs.ts';
import { Failure } from '../model/failure.ts';
import type { Db } from '../store/db.ts';
import { storeParts } from '../store/parts.ts';
import { startJobs } from './index.ts';
import { inlineQueue } from './inline.ts';

/** Ann, in the group DBA, and a target with the role db. */
async function scene(db: Db): Promise<{ target: FakeTarget; of: ReturnType<typeof world> }> {
  const target = fakeTarget('sdm', { roles: ['db', 'web'] });
  await seed.group(db, 'DBA');
  await seed.user(db, 'ann');
  await seed.join(db, 'DBA', 'ann');
  return { target, of: world([target], groupRule('dba', 'DBA', 'sdm', 'db', 'web')) };
}

const DONE = { 'ann@example.com': { active: true, roles: ['db', 'web'] } };
const effects = (target: FakeTarget) => target.calls.filter((c) => c.effect).map((c) => `${c.op} ${c.item}`);
const ONCE = ['create account', 'grant role:db', 'grant role:web'];

dbTest('retry: tried again with growing waits, also in the middle of a step, and given once', async (db) => {
  const { target, of } = await scene(db);
  target.trouble({ verdict: { kind: 'retry' }, times: 3 });
  target.trouble({ when: (c) => c.item === 'role:web', verdict: { kind: 'retry', afterMs: 30 }, times: 2 });
  const jobs = await start(db, of);
  try {
    await until(() => target.calls.length === 3);
    await settled(jobs, db);
    assert.deepEqual(target.state(), DONE);
    assert.deepEqual(effects(target), ONCE);
    const steps = await db.rows<{ state: string }>({ text: 'select state from step order by id' });
    assert.deepEqual(steps, [{ state: 'done' }], 'the step went on as the rest of itself');
    const [lane] = await storeParts.lanes.listWork(db);
    assert.deepEqual([lane?.state, lane?.attempts, lane?.lastError], ['done', 0, null]);
  } finally {
    await jobs.close();
  }
});

dbTest('retry: the wait that the target asks for is kept, and the attempt counted', async (db) => {
  const { target, of } = await scene(db);
  target.trouble({ verdict: { kind: 'retry', afterMs: 60_000 } });
  const jobs = await start(db, of);
  try {
    await until(async () => (await storeParts.lanes.listWork(db))[0]?.attempts === 1);
    await settled(jobs, db);
    const [lane] = await storeParts.lanes.listWork(db);
    assert.equal(lane?.lastError?.kind, 'retry');
    const wait = (lane?.notBefore.getTime() ?? 0) - Date.now();
    assert.ok(wait > 50_000 && wait <= 60_000, `waits ${wait} ms`);
    await storeParts.lanes.retryWork(db, { person: 'p_ann' });
    await until(async () => (await storeParts.lanes.listWork(db))[0]?.attempts === 1);
  } finally {
    await jobs.close();
  }
});

dbTest('refused: parked with the remedy, the rest given; another plan takes it up again', async (db) => {
  const { target, of } = await scene(db);
  target.trouble({ when: (c) => c.op === 'grant' && c.item === 'role:db', verdict: { kind: 'refused' } });
  const jobs = await start(db, of);
  try {
    await settled(jobs, db);
    assert.deepEqual(target.state(), { 'ann@example.com': { active: true, roles: ['web'] } });
    const [parked] = await storeParts.lanes.listWork(db);
    assert.deepEqual([parked?.state, parked?.lastError?.remedy], ['parked', 'Wait.']);

    of.rules = { ...of.rules, revision: 'r2', rules: [groupRule('dba', 'DBA', 'sdm', 'web')] };
    await jobs.rulesChanged();
    await settled(jobs, db);
    const [free] = await storeParts.lanes.listWork(db);
    assert.equal(free?.state, 'done', 'what was refused is not wanted any more');
  } finally {
    await jobs.close();
  }
});

dbTest('broken: the target is paused with one event, and goes on by itself when it works again', async (db) => {
  const { target, of } = await scene(db);
  const failure = new Failure({ kind: 'broken' }, 'the key was revoked', { remedy: 'Make a new key.' });
  target.trouble({ verdict: { kind: 'broken' }, times: 1 });
  const jobs = await start(db, of);
  try {
    target.broken = undefined;
    await until(async () => (await jobs.status()).targets[0]?.state?.observedAt != null);
    target.broken = failure;
    await until(async () => (await jobs.status()).targets[0]?.state?.pausedAt != null);
    await settled(jobs, db);
    const { targets } = await jobs.status();
    assert.deepEqual([targets[0]?.pending, targets[0]?.state?.pausedBecause?.by], [1, 'broken']);
    assert.deepEqual(target.calls, []);
    target.broken = undefined;
    await until(() => target.calls.length === 3);
    await settled(jobs, db);
    assert.deepEqual(target.state(), DONE);
    const events = await db.rows({ text: `select kind from event where kind like 'target.%' order by id` });
    assert.deepEqual(events, [{ kind: 'target.paused' }, { kind: 'target.resumed' }]);
  } finally {
    await jobs.close();
  }
});

dbTest('moved: looked at, planned again, and not in a hurry', async (db) => {
  const { target, of } = await scene(db);
  const jobs = await start(db, of);
  try {
    await settled(jobs, db);
    target.accounts.clear();
    await seed.rename(db, 'ann', 'ann.b@example.com');
    jobs.wake();
    await settled(jobs, db);
    assert.deepEqual(target.state(), {});
    const findings = await storeParts.findings.listFindings(db);
    assert.deepEqual(
      findings.map((f) => f.kind),
      ['foreign-removal'],
    );
    assert.deepEqual(await db.rows({ text: `select state, count(*) as n from step group by state order by state` }), [
      { state: 'done', n: 1 },
      { state: 'moved', n: 1 },
    ]);
  } finally {
    await jobs.close();
  }
});

dbTest('doubtful: what was done although no answer came is seen, and not done twice', async (db) => {
  const { target, of } = await scene(db);
  target.trouble({ verdict: { kind: 'doubtful' }, times: 1, after: true });
  target.trouble({ when: (c) => c.item === 'role:web', verdict: { kind: 'doubtful' }, times: 1 });
  const jobs = await start(db, of);
  try {
    await until(() => target.calls.length === 3);
    await settled(jobs, db);
    assert.deepEqual(target.state(), DONE);
    assert.deepEqual(effects(target), ONCE);
    const [first] = await db.rows<{ answer: string }>({
      text: `select detail->>'answer' as answer from event where kind = 'change.applied' order by id limit 1`,
    });
    assert.match(first?.answer ?? '', /^read back/);
  } finally {
    await jobs.close();
  }
});

dbTest('a call that never answers ends at its deadline', async (db) => {
  const { target, of } = await scene(db);
  let hang = true;
  target.gate = async () => {
    if (!hang) return;
    hang = false;
    await new Promise(() => {});
  };
  const jobs = await start(db, of, { timing: { call: 50 } });
  try {
    await until(() => target.calls.length === 3);
    await settled(jobs, db);
    assert.deepEqual(target.state(), DONE);
  } finally {
    await jobs.close();
  }
});

for (const [where, marker, times] of [
  ['between the claim and the call', 'insert into ledger', 1],
  ['between the call and the confirmation', 'update ledger l set confirmed', 1],
  ['between two changes', 'insert into ledger', 2],
  ['before the result of the lane is written', 'update work w set lease_owner = null', 1],
] as const) {
  dbTest(`killed ${where}: another process comes to the same end, and nothing is given twice`, async (db) => {
    const { target, of } = await scene(db);
    let seen = 0;
    const broken = dying(db, (text) => text.includes(marker) && !text.includes('for the only') && ++seen >= times);
    const options = jobsOptions(broken.db, of, { alone: false, instance: 'first' });
    const first = await startJobs(options);
    await until(broken.dead);
    await first.close();
    await db.rows({ text: `update target_state set observed_at = observed_at` });
    const second = await start(db, of, { instance: 'second' });
    try {
      await settled(second, db);
      assert.deepEqual(target.state(), DONE);
      assert.deepEqual(effects(target), ONCE);
      assert.deepEqual(await db.rows({ text: `select confirmed, count(*) as n from ledger group by 1` }), [
        { confirmed: true, n: 3 },
      ]);
    } finally {
      await second.close();
    }
  });
}

dbTest('a queue that forgets is filled again from the store', async (db) => {
  const { target, of } = await scene(db);
  const real = inlineQueue({ log: jobsOptions(db, of).log });
  let dropped = 0;
  const forgetful = {
    ...real,
    enqueue: async (lanes: Parameters<typeof real.enqueue>[0]) => {
      if (++dropped > 1) await real.enqueue(lanes);
    },
  };
  const jobs = await start(db, of, { queue: forgetful, timing: { stale: 100 } });
  try {
    await settled(jobs, db);
    assert.ok(dropped > 1);
    assert.deepEqual(target.state(), DONE);
    assert.deepEqual(effects(target), ONCE);
  } finally {
    await jobs.close();
  }
});

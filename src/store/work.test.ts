import assert from 'node:assert/strict';
import { dbTest, seed } from '../../test/support/jobs.ts';
import type { Db } from './db.ts';
import { holdLock } from './lease.ts';
import { insertPlan, insertSteps, supersede } from './plans.ts';
import { clearBlock, type HeldLane, keepLanes, leaseLanes, type Settlement, settleLanes } from './held-lanes.ts';
import { endWork, lockLanes, putWork, takeDue } from './work.ts';

const LANE = { target: 'sdm', person: 'p_ann' };

async function step(db: Db, basis: string): Promise<{ id: number; target: string; person: string }> {
  const plan = { hash: `hash-${basis}`, kind: 'partial', actor: 'test', rulesRevision: 'r', counts: {} } as const;
  const id = await insertPlan(db, plan);
  const [saved] = await insertSteps(db, id, [{ ...LANE, basis, generation: 0, changes: [], state: 'pending' }]);
  assert.ok(saved);
  return saved;
}

const leaseLane = async (db: Db, lane: typeof LANE, owner: string, ms: number) =>
  (await leaseLanes(db, [{ ...lane, owner }], ms))[0];
const keepLane = async (db: Db, held: HeldLane, ms: number) => (await keepLanes(db, [held], ms))[0];
const settleLane = async (db: Db, held: HeldLane, result: Settlement) => (await settleLanes(db, [{ held, result }]))[0];

const row = (db: Db) => db.row<Record<string, unknown>>({ text: 'select * from work' });

dbTest('a lane is leased to one only, and its result counts only for the revision it belongs to', async (db) => {
  await seed.user(db, 'ann');
  await putWork(db, [await step(db, 'one')], new Map());
  const held = await leaseLane(db, LANE, 'me', 60_000);
  assert.equal(held?.step?.basis, 'one');
  assert.equal(await leaseLane(db, LANE, 'you', 60_000), undefined);

  await putWork(db, [await step(db, 'two')], new Map());
  assert.equal((await keepLane(db, held, 60_000))?.revision, held.revision + 1);
  assert.equal(await settleLane(db, held, { state: 'done', step: 'done' }), 'changed');
  assert.equal((await row(db))?.['state'], 'pending');
  assert.equal(await settleLane(db, held, { state: 'done', step: 'done' }), 'lost');

  const again = await leaseLane(db, LANE, 'you', 60_000);
  assert.equal(again?.step?.basis, 'two');
  assert.equal(await settleLane(db, again, { state: 'done', step: 'done', planAgain: true }), 'settled');
  assert.deepEqual(await db.rows({ text: 'select state from step order by id' }), [
    { state: 'done' },
    { state: 'done' },
  ]);
  assert.deepEqual(await db.rows({ text: `select person from dirty where kind = 'person'` }), [{ person: 'p_ann' }]);
});

dbTest('a lease that ran out is taken over, and its former owner writes nothing more', async (db) => {
  await seed.user(db, 'ann');
  await putWork(db, [await step(db, 'one')], new Map());
  const slow = await leaseLane(db, LANE, 'slow', 0);
  assert.ok(slow);
  await new Promise((resolve) => setTimeout(resolve, 5));
  const quick = await leaseLane(db, LANE, 'quick', 60_000);
  assert.ok(quick);
  assert.equal(await keepLane(db, slow, 60_000), undefined);
  assert.equal(await settleLane(db, slow, { state: 'parked', step: 'refused' }), 'lost');
  assert.equal(await settleLane(db, quick, { state: 'done', step: 'done' }), 'settled');
});

dbTest('what waits keeps its back-off under a new step, unless that is urgent', async (db) => {
  await seed.user(db, 'ann');
  await putWork(db, [await step(db, 'one')], new Map());
  const held = await leaseLane(db, LANE, 'me', 60_000);
  assert.ok(held);
  await settleLane(db, held, { state: 'pending', attempts: 3, waitMs: 60_000 });
  assert.deepEqual(await takeDue(db, 'sdm', 10, 1_000, false), []);

  await putWork(db, [await step(db, 'two')], new Map());
  assert.equal((await row(db))?.['attempts'], 3);
  assert.deepEqual(await takeDue(db, 'sdm', 10, 1_000, false), []);

  await putWork(db, [await step(db, 'three')], new Map([['p_ann', 100]]));
  assert.deepEqual(await takeDue(db, 'sdm', 10, 1_000, true), [{ ...LANE, urgent: true }]);
  assert.deepEqual(await takeDue(db, 'sdm', 10, 1_000, true), [], 'it counts as enqueued');
  await db.rows({ text: `update work set enqueued_at = now() - interval '2 s'` });
  assert.equal((await takeDue(db, 'sdm', 10, 1_000, true)).length, 1, 'the queue may have lost it');
});

dbTest(
  'a block that a leave asked for outlasts a plan with nothing to do, and a newer leave outlasts its end',
  async (db) => {
    await seed.user(db, 'ann');
    await db.rows({
      text: `insert into work (target, person, block_generation, state, priority) values ('sdm', 'p_ann', 1, 'pending', 100)`,
    });
    await endWork(db, [LANE]);
    const held = await leaseLane(db, LANE, 'me', 60_000);
    assert.equal(held?.blockGeneration, 1);
    await db.rows({ text: 'update work set block_generation = 2' });
    await clearBlock(db, held);
    assert.equal((await row(db))?.['block_generation'], 2);
    await clearBlock(db, { ...held, blockGeneration: 2 });
    assert.equal((await row(db))?.['block_generation'], null);
  },
);

dbTest('a named lock is held by one; when its connection goes, its holder is told and another gets it', async (db) => {
  let lostFirst = false;
  const first = holdLock(db, 'leader', async (lost) => {
    assert.equal(await holdLock(db, 'leader', async () => assert.fail('held twice')), false);
    await db.rows({
      text: `select pg_terminate_backend(l.pid) from pg_locks l join pg_database d on d.oid = l.database
        where l.locktype = 'advisory' and l.granted and d.datname = current_database()`,
    });
    // The end of the connection may be told before the answer to the statement that ended it.
    if (!lost.aborted) await new Promise((resolve) => lost.addEventListener('abort', resolve));
    lostFirst = true;
  });
  await first.catch(() => undefined);
  assert.ok(lostFirst);
  let ran = false;
  const next = (): Promise<boolean> =>
    holdLock(db, 'leader', async () => {
      ran = true;
    });
  // The server tells the client of its end before it lets go of the locks.
  while (!(await next())) await new Promise((resolve) => setTimeout(resolve, 5));
  assert.ok(ran);
});

dbTest('a lease that waited for a planner finds the step that the planner made', async (db) => {
  await seed.user(db, 'ann');
  await putWork(db, [await step(db, 'one')], new Map());
  let leasing: ReturnType<typeof leaseLane> | undefined;
  await db.tx(async (tx) => {
    await lockLanes(tx, [LANE]);
    leasing = leaseLane(db, LANE, 'me', 60_000);
    const waits = `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`;
    while ((await db.rows({ text: waits })).length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    await supersede(tx, [LANE]);
    await putWork(tx, [await step(tx, 'two')], new Map());
  });
  const held = await leasing;
  assert.equal(held?.step?.basis, 'two');
  assert.equal(held.revision, 2);
  assert.equal(held.generation, 0);
});

dbTest('who settles a lane and who plans it never wait for each other', async (db) => {
  await seed.user(db, 'ann');
  await putWork(db, [await step(db, 'one')], new Map());
  const held = await leaseLane(db, LANE, 'me', 60_000);
  assert.ok(held);
  let settling: ReturnType<typeof settleLane> | undefined;
  await db.tx(async (tx) => {
    await lockLanes(tx, [LANE]);
    settling = settleLane(db, held, { state: 'done', step: 'done' });
    const waits = `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`;
    while ((await db.rows({ text: waits })).length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    await supersede(tx, [LANE]);
    await putWork(tx, [await step(tx, 'two')], new Map());
  });
  assert.equal(await settling, 'changed');
  assert.equal((await leaseLane(db, LANE, 'me', 60_000))?.step?.basis, 'two');
});

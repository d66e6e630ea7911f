import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { fakeTarget } from '../../test/support/fake-target.ts';
import { dbTest, groupRule, seed, settled, SOURCE, start, world } from '../../test/support/jobs.ts';
import { memoryDirectory } from '../../test/support/memory-directory.ts';
import { reader, takeDirty } from '../../test/support/readings.ts';
import type { BurstLimit } from '../model/guard.ts';
import type { Db } from '../store/db.ts';
import { blockSignIn } from '../store/leave.ts';
import { setBurstLimits } from '../store/leaver-burst.ts';
import { storeParts } from '../store/parts.ts';
import { openDb } from '../store/pool.ts';
import { decide } from './decide.ts';
import type { Jobs } from './index.ts';
import type { Planned } from './plan.ts';

const FEW: BurstLimit = { abs: 3, pct: 0, windowMs: 3_600_000 };

/** People `u0` … with the protected role db and the role staff, of a source of which `limit` may leave at a time. */
async function company(db: Db, size: number, limit?: BurstLimit) {
  const target = fakeTarget('sdm', { roles: ['db', 'staff'] });
  const protectedRule = { ...groupRule('dba', 'All', 'sdm', 'db'), protected: true };
  const of = world([target], protectedRule, groupRule('all', 'All', 'sdm', 'staff'));
  const names = Array.from({ length: size }, (_, i) => `u${i}`);
  await seed.group(db, 'All');
  for (const name of names) await seed.user(db, name);
  await seed.join(db, 'All', ...names);
  if (limit !== undefined) await setBurstLimits(db, new Map([[SOURCE, limit]]));
  const bursts: Array<[string, number]> = [];
  const jobs = await start(db, of, { onPlanned: (planned: Planned) => void bursts.push(...planned.bursts) });
  await settled(jobs, db);
  const having = (role: string): number =>
    Object.values(target.state()).filter((account) => account.roles.includes(role)).length;
  const blocked = (): number => Object.values(target.state()).filter((account) => !account.active).length;
  return { target, jobs, names, having, blocked, bursts };
}

async function leaveAll(db: Db, jobs: Jobs, names: readonly string[], how: 'disabled' | 'deleted' | 'enabled') {
  for (const name of names) await seed.leave(db, name, how);
  jobs.wake(how !== 'enabled');
  await settled(jobs, db);
}

const held = (db: Db) => storeParts.holds.listHolds(db, { terms: [{ field: 'state', like: 'held' }], limit: 1000 });
const word = (state: 'approved' | 'rejected', ...names: string[]) =>
  ({ state, names, terms: [], actor: 'local:root', reason: 'asked' }) as const;
const leaveEvents = async (db: Db): Promise<number> =>
  (await db.rows({ text: `select 1 from event where kind = 'leave.held'` })).length;

dbTest(
  'the first 25 of a source lose access at once, of the others the protected roles, the rest is held',
  async (db) => {
    const { jobs, names, having, blocked, bursts } = await company(db, 40);
    try {
      await leaveAll(db, jobs, names.slice(0, 30), 'deleted');
      assert.equal(blocked(), 25);
      assert.equal(having('db'), 10, 'the protected role went from all thirty');
      assert.equal(having('staff'), 15);
      const holds = await held(db);
      assert.deepEqual(
        Object.fromEntries([...Map.groupBy(holds, ({ op, item }) => `${op} ${item}`)].map(([k, v]) => [k, v.length])),
        { 'block account': 5, 'revoke role:staff': 5 },
      );
      assert.match(holds[0]?.because ?? '', /^part of a burst: the source okta had more people leave/);
      assert.equal(
        bursts.reduce((sum, [, people]) => sum + people, 0),
        5,
      );
      assert.equal(await leaveEvents(db), 5);
      assert.deepEqual(await storeParts.bursts.burstStates(db), [{ source: SOURCE, leaves: 30, allowed: 25, held: 5 }]);

      await storeParts.dirty.markAll(db);
      jobs.wake();
      await settled(jobs, db);
      assert.deepEqual(
        (await held(db)).map((hold) => [hold.id, hold.since]),
        holds.map((hold) => [hold.id, hold.since]),
        'planned again they are the same holds',
      );
    } finally {
      await jobs.close();
    }
  },
);

dbTest('approved, a burst loses access; all of it approved, as many may leave again', async (db) => {
  const { jobs, names, having, blocked } = await company(db, 20, FEW);
  try {
    await leaveAll(db, jobs, names.slice(0, 10), 'disabled');
    assert.equal(blocked(), 3);
    assert.equal(having('staff'), 20, 'who is disabled keeps the rest');
    const [one, ...rest] = await held(db);
    await decide(storeParts, db, word('approved', one?.id ?? ''));
    jobs.wake();
    await settled(jobs, db);
    assert.equal(blocked(), 4);
    await leaveAll(db, jobs, ['u10'], 'disabled');
    assert.equal(blocked(), 4, 'while something of the burst waits, nobody further passes');

    const all = [...rest, ...(await held(db))].map((hold) => hold.id);
    await decide(storeParts, db, word('approved', ...new Set(all)));
    jobs.wake();
    await settled(jobs, db);
    assert.equal(blocked(), 11);
    assert.deepEqual(await held(db), []);
    await leaveAll(db, jobs, ['u11', 'u12', 'u13', 'u14'], 'disabled');
    assert.equal(blocked(), 14);
    assert.equal((await held(db)).length, 1);
    const events = await db.rows({ text: `select source from event where kind = 'burst.approved'` });
    assert.deepEqual(events, [{ source: SOURCE }]);
  } finally {
    await jobs.close();
  }
});

dbTest('a rejected burst stays; who comes back has no hold left, and leaves alone as anybody', async (db) => {
  const { jobs, names, blocked, having } = await company(db, 12, FEW);
  try {
    await leaveAll(db, jobs, names.slice(0, 6), 'disabled');
    const holds = await held(db);
    assert.equal(holds.length, 3);
    await decide(storeParts, db, word('rejected', ...holds.map((hold) => hold.id)));
    await storeParts.dirty.markAll(db);
    jobs.wake();
    await settled(jobs, db);
    assert.equal(blocked(), 3);
    assert.deepEqual(await held(db), []);

    await leaveAll(db, jobs, names.slice(0, 6), 'enabled');
    assert.equal(blocked(), 0);
    assert.equal(having('db'), 12);
    assert.deepEqual(await storeParts.holds.listHolds(db, { terms: [], limit: 10 }), []);

    await db.rows({ text: `update leaver_burst set slot = slot - 60` });
    await db.rows({ text: `update leave set at = at - interval '1 hour'` });
    await leaveAll(db, jobs, ['u5'], 'deleted');
    assert.equal(blocked(), 1);
    assert.deepEqual(await held(db), []);
  } finally {
    await jobs.close();
  }
});

/** The person has a record of another source too. */
async function alsoIn(db: Db, source: string, person: string, active = true): Promise<number> {
  const row = await db.row<{ key: number }>({
    text: `with r as (
        insert into record (source, anchor, kind, user_name, active) values ($1, $2, 'user', $2, $3) returning key
      ), l as (
        insert into person_record (record_key, person, linked_by) select key, $2, 'test' from r
      ) select key from r`,
    values: [source, person, active],
  });
  return row?.key ?? 0;
}

dbTest('whom another source has stated to be gone passes, before the burst or after', async (db) => {
  const { jobs, names, blocked } = await company(db, 12, FEW);
  try {
    await alsoIn(db, 'ad', 'p_u4', false);
    const key = await alsoIn(db, 'ad', 'p_u5');
    await leaveAll(db, jobs, names.slice(0, 6), 'disabled');
    assert.equal(blocked(), 4);
    assert.deepEqual(
      (await held(db)).map((hold) => [hold.person, hold.op]),
      [
        ['p_u3', 'block'],
        ['p_u5', 'block'],
      ],
    );
    await db.tx(async (tx) => {
      await tx.rows({ text: 'update record set active = false, version = version + 1 where key = $1', values: [key] });
      await blockSignIn(tx, key);
      await tx.rows({ text: `insert into dirty (kind, record_key, urgent) values ('user', $1, true)`, values: [key] });
    });
    jobs.wake(true);
    await settled(jobs, db);
    assert.equal(blocked(), 5);
    assert.deepEqual(
      (await held(db)).map((hold) => hold.person),
      ['p_u3'],
    );
  } finally {
    await jobs.close();
  }
});

/** Users of a source with an account each; gives the keys of their records. */
async function users(db: Db, source: string, count: number): Promise<number[]> {
  const rows = await db.rows<{ key: number }>({
    text: `with r as (
        insert into record (source, anchor, kind, user_name, active)
          select $1, 'a' || n, 'user', 'a' || n, false from generate_series(1, $2::int) n returning key, anchor
      ), p as (
        insert into person (id) select 'p_' || $1 || anchor from r
      ), l as (
        insert into person_record (record_key, person, linked_by) select key, 'p_' || $1 || anchor, 'test' from r
      ), a as (
        insert into ledger (target, person, item, created, plan) select 'pam', 'p_' || $1 || anchor, 'account', true, 'old' from r
      ) select key from r order by key`,
    values: [source, count],
  });
  return rows.map((row) => row.key);
}

const blocks = async (db: Db, source: string): Promise<number> =>
  (
    await db.rows({
      text: `select 1 from work where person like 'p_' || $1 || '%' and block_generation is not null`,
      values: [source],
    })
  ).length;

dbTest('from two processes at the same time exactly as many pass as may', async (db, config) => {
  const other = openDb(config);
  try {
    const keys = await users(db, 'x', 80);
    await Promise.all(keys.map((key, i) => (i % 2 === 0 ? db : other.db).tx((tx) => blockSignIn(tx, key))));
    assert.equal(await blocks(db, 'x'), 25);
    assert.equal(await leaveEvents(db), 55);
    assert.deepEqual(await storeParts.bursts.burstStates(db), [{ source: 'x', leaves: 80, allowed: 25, held: 0 }]);
  } finally {
    await other.close();
  }
});

dbTest('two per cent of the people may leave, where that is more', async (db) => {
  const keys = await users(db, 'y', 2000);
  await blockSignIn(db, keys.slice(0, 50));
  assert.equal(await blocks(db, 'y'), 40);
  await blockSignIn(db, keys.slice(0, 50));
  assert.equal(await blocks(db, 'y'), 40, 'said twice, nobody is counted twice, and who is held stays so');
  assert.equal((await storeParts.bursts.burstStates(db))[0]?.leaves, 50);
});

dbTest('in no window more leave unasked than may, whatever comes when', async (db) => {
  let runs = 0;
  const acts = fc.array(
    fc.oneof(
      fc.record({ leave: fc.integer({ min: 1, max: 5 }) }),
      fc.record({ pass: fc.integer({ min: 1, max: 40 }) }),
    ),
    { minLength: 1, maxLength: 12 },
  );
  await fc.assert(
    fc.asyncProperty(acts, fc.integer({ min: 0, max: 6 }), async (steps, abs) => {
      const source = `s${runs++}`;
      await setBurstLimits(db, new Map([[source, { abs, pct: 0, windowMs: 3_600_000 }]]));
      const keys = await users(db, source, 60);
      /** The slot in which each left, in order. */
      const model: number[] = [];
      let slot = 0;
      let passed = 0;
      for (const act of steps) {
        if ('pass' in act) {
          slot += act.pass;
          await db.rows({
            text: 'update leaver_burst set slot = slot - $2 where source = $1',
            values: [source, act.pass],
          });
          continue;
        }
        for (let i = 0; i < act.leave; i++) {
          if (model.filter((at) => at > slot - 60).length < abs) passed += 1;
          model.push(slot);
        }
        await blockSignIn(db, keys.splice(0, act.leave));
        assert.equal(await blocks(db, source), passed);
      }
    }),
    { numRuns: 30, seed: 7 },
  );
});

dbTest('a reading that disables many at a time is a burst too; another window begins empty', async (db) => {
  await setBurstLimits(db, new Map([['dir', FEW]]));
  const directory = memoryDirectory();
  for (let i = 0; i < 10; i++) directory.person(`u${i}`);
  const read = reader(db);
  await read.read(directory);
  await db.rows({
    text: `insert into ledger (target, person, item, created, plan) select 'pam', person, 'account', true, 'old'
      from person_record`,
  });
  await takeDirty(db);
  for (let i = 0; i < 5; i++) directory.person(`u${i}`, { active: false });
  const reading = await read.read(directory);
  assert.equal(reading.changes.left, 5);
  const work = async (): Promise<number> => (await db.rows({ text: 'select 1 from work' })).length;
  assert.equal(await work(), 3);
  assert.equal((await takeDirty(db)).length, 5, 'all are planned at once, for their protected roles');
  await setBurstLimits(db, new Map([['dir', { ...FEW, windowMs: 60_000 }]]));
  directory.remove('u9');
  await read.read(directory);
  assert.equal(await work(), 4);
});

dbTest('a source that goes on under a new id keeps its count', async (db) => {
  const keys = await users(db, 'old', 30);
  await blockSignIn(db, keys.slice(0, 25));
  assert.equal(await storeParts.retirement.renameSource(db, 'old', 'new'), true);
  await blockSignIn(db, keys.slice(25));
  assert.equal(await blocks(db, 'old'), 25);
  assert.equal((await storeParts.bursts.burstStates(db))[0]?.source, 'new');
});

import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { fakeTarget } from '../../test/support/fake-target.ts';
import { dbTest, groupRule, jobsOptions, seed, world } from '../../test/support/jobs.ts';
import type { Db } from '../store/db.ts';
import type { HeldLane } from '../store/held-lanes.ts';
import { storeParts } from '../store/parts.ts';
import { TIMING } from './deps.ts';
import type { Made } from './record.ts';
import { type Together, workTogether } from './together.ts';

const PEOPLE = ['ann', 'bob', 'cat', 'dan', 'eve'];
const id = (name: string): string => `p_${name}`;

const together = (db: Db): Together => {
  const options = jobsOptions(db, world([fakeTarget('sdm')], groupRule('dba', 'DBA', 'sdm', 'db')));
  return workTogether({ ...options, now: () => new Date(), timing: TIMING });
};

/** A lane with a step for each of them, as a planner leaves it. */
async function lanes(db: Db): Promise<void> {
  for (const person of PEOPLE) await seed.user(db, person);
  const row = { hash: 'hash', kind: 'partial', actor: 'test', rulesRevision: 'r', counts: {} } as const;
  const plan = await storeParts.plans.insertPlan(db, row);
  const steps = PEOPLE.map((person) => ({
    target: 'sdm',
    person: id(person),
    basis: person,
    generation: 0,
    changes: [],
    state: 'pending' as const,
  }));
  await storeParts.work.putWork(db, await storeParts.plans.insertSteps(db, plan, steps), new Map());
}

const leaseAll = (by: Together): Promise<Array<HeldLane | undefined>> =>
  Promise.all(PEOPLE.map((person) => by.lease({ target: 'sdm', person: id(person) })));

function must(held: ReadonlyArray<HeldLane | undefined>): HeldLane[] {
  return held.map((lane) => lane ?? assert.fail('a lane was not leased'));
}

const claimOf = ({ target, person }: HeldLane) => ({
  claim: { target, person, item: 'account' as const, created: true, plan: 'hash', causes: [] },
});

dbTest('lanes that are leased in one go are each held once, whoever asks', async (db) => {
  await lanes(db);
  const [one, two] = [together(db), together(db)];
  const all = await Promise.all([leaseAll(one), leaseAll(one), leaseAll(two)]);
  for (const [i, person] of PEOPLE.entries()) {
    const held = all.flatMap((answers) => answers[i] ?? []);
    assert.deepEqual(
      held.map((lane) => [lane.person, lane.step?.basis]),
      [[id(person), person]],
    );
  }
});

dbTest('each lane gets its own word: go, changed, superseded or lost, and only who may go is entered', async (db) => {
  await lanes(db);
  const by = together(db);
  const held = must(await leaseAll(by));
  await db.rows({ text: `update work set revision = revision + 1 where person = 'p_bob'` });
  await db.rows({ text: `update person set generation = 1 where id in ('p_cat', 'p_eve')` });
  await db.rows({ text: `update work set lease_owner = 'another' where person = 'p_dan'` });
  const begun = await Promise.all(
    held.map((lane) => by.begin({ held: lane, intent: claimOf(lane), adds: lane.person !== 'p_eve' })),
  );
  assert.deepEqual(begun, ['go', 'changed', 'superseded', 'lost', 'go']);
  const entered = await storeParts.ledger.ledgerOf(db, PEOPLE.map(id));
  assert.deepEqual(
    entered.map((row) => row.person),
    ['p_ann', 'p_eve'],
  );
  const settled = await Promise.all(
    held.map((lane) => by.settle({ held: lane, result: { state: 'done', step: 'done' } })),
  );
  assert.deepEqual(settled, ['settled', 'changed', 'settled', 'lost', 'settled']);
});

dbTest('one lane whose statement fails keeps no other from going on, and leaves nothing half written', async (db) => {
  await lanes(db);
  const by = together(db);
  const held = must(await leaseAll(by));
  await Promise.all(held.map((lane) => by.begin({ held: lane, intent: claimOf(lane), adds: true })));
  const made = held.map(({ target, person }, i): Made => {
    const login = `${person}@example.com`;
    // PostgreSQL takes no zero byte in a text.
    const name = person === 'p_bob' ? 'Bob\u0000' : person;
    const profile = { login, displayName: name };
    const account = { id: `a-${i}`, profile, active: true, roles: new Set<string>(), aliases: new Set<string>() };
    return {
      seen: { target, person, account },
      confirmed: { target, person, item: 'account', objectId: `a-${i}` },
      event: { actor: 'test', kind: 'change.applied', person, target },
    };
  });
  const results = await Promise.allSettled(made.map((one) => by.confirm(one)));
  assert.deepEqual(
    results.map((one) => one.status),
    ['fulfilled', 'rejected', 'fulfilled', 'fulfilled', 'fulfilled'],
  );
  const rows = await storeParts.ledger.ledgerOf(db, PEOPLE.map(id));
  assert.deepEqual(
    rows.filter((row) => !row.confirmed).map((row) => row.person),
    ['p_bob'],
  );
  assert.deepEqual(await db.rows({ text: `select person from event where kind = 'change.applied' order by person` }), [
    { person: 'p_ann' },
    { person: 'p_cat' },
    { person: 'p_dan' },
    { person: 'p_eve' },
  ]);
});

dbTest('planned in one go, each lane comes to what it comes to alone, rivals for a login too', async (db) => {
  await seed.group(db, 'DBA');
  for (const person of PEOPLE) await seed.user(db, person);
  await storeParts.targets.markObserved(db, 'sdm');
  const logins = fc.array(fc.constantFrom('one@example.com', 'two@example.com', 'three@example.com'), {
    minLength: PEOPLE.length,
    maxLength: PEOPLE.length,
  });
  await seed.join(db, 'DBA', ...PEOPLE);
  await fc.assert(
    fc.asyncProperty(logins, logins, async (now, planned) => {
      for (const [i, person] of PEOPLE.entries()) await seed.rename(db, person, now[i] ?? '');
      const wanted = PEOPLE.map((person, i) => ({
        target: 'sdm',
        item: 'account' as const,
        person: id(person),
        key: planned[i] ?? '',
      }));
      await storeParts.logins.replaceLogins(db, PEOPLE.map(id), wanted);
      const lane = (person: string) => ({ target: 'sdm', person: id(person) });
      const basis = async (by: Together, person: string) => (await by.compute(lane(person)))?.result;
      const alone = await Promise.all(PEOPLE.map((person) => basis(together(db), person)));
      const by = together(db);
      assert.deepEqual(await Promise.all(PEOPLE.map((person) => basis(by, person))), alone);
      assert.ok(alone.every((one) => one !== undefined));
    }),
    { numRuns: 15 },
  );
});

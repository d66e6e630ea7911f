import assert from 'node:assert/strict';
import { fakeTarget } from '../../test/support/fake-target.ts';
import { dbTest, groupRule, jobsOptions, seed, settled, start, world } from '../../test/support/jobs.ts';
import { memoryDirectory } from '../../test/support/memory-directory.ts';
import { reader } from '../../test/support/readings.ts';
import type { Db } from '../store/db.ts';
import { countDormant, listPeople } from '../store/people-list.ts';
import { storeParts } from '../store/parts.ts';
import { createResources } from '../store/resources.ts';
import { adopt, applyPlan, decide, type Jobs, planFull } from './index.ts';

const dba = { ...groupRule('dba', 'DBA', 'sdm', 'db'), protected: true };
const WORD = { actor: 'local:test', reason: 'asked' } as const;
const held = (db: Db) => storeParts.holds.listHolds(db, { terms: [{ field: 'state', like: 'held' }], limit: 100 });
const keyOf = (name: string) => ({ target: 'sdm', person: `p_${name}`, accountId: `x-${name}` });

/** Ann and Bea were disabled before their source first told of them, and have accounts with a protected role. */
async function scene(db: Db) {
  await seed.group(db, 'DBA');
  const target = fakeTarget('sdm', { roles: ['db'] });
  for (const name of ['ann', 'bea']) {
    await seed.user(db, name);
    const login = `${name}@example.com`;
    await db.rows({
      text: `with r as (update record set active = false, emails = array[$2] where anchor = $1)
        update person_record set dormant = true where person = 'p_' || $1`,
      values: [name, login],
    });
    const profile = { login, displayName: name };
    target.accounts.set(`x-${name}`, { id: `x-${name}`, profile, active: true, roles: new Set(['r-db']) });
  }
  await seed.join(db, 'DBA', 'ann', 'bea');
  return { target, of: world([target], dba) };
}

async function idle(db: Db, jobs: Jobs): Promise<void> {
  jobs.wake();
  await settled(jobs, db);
}

const UNTOUCHED = { active: true, roles: ['db'] };
const BLOCKED = { active: false, roles: [] };

dbTest('somebody’s word blocks a dormant person, another word leaves them; a later leave needs none', async (db) => {
  const { target, of } = await scene(db);
  of.adopt = { mode: 'auto', verifiedDomains: ['example.com'] };
  const jobs = await start(db, of);
  try {
    await settled(jobs, db);
    assert.deepEqual(target.state(), { 'ann@example.com': UNTOUCHED, 'bea@example.com': UNTOUCHED });
    assert.deepEqual(
      (await storeParts.ledger.ledgerOf(db, ['p_ann', 'p_bea'])).length,
      0,
      'nothing is adopted by itself',
    );
    await adopt(storeParts, db, { ...WORD, keys: [keyOf('ann'), keyOf('bea')], word: 'adopt' });
    await idle(db, jobs);
    assert.deepEqual(target.calls, []);
    const holds = await held(db);
    assert.deepEqual(
      holds.map(({ person, op, item }) => `${person} ${op} ${item}`).toSorted(),
      ['ann', 'bea'].flatMap((name) => [`p_${name} block account`, `p_${name} revoke role:db`]),
    );
    assert.match(holds[0]?.because ?? '', /^dormant: the source okta had the person disabled already/);

    const holdsOf = (person: string): string[] => holds.flatMap((h) => (h.person === person ? [h.id] : []));
    await decide(storeParts, db, { ...WORD, state: 'approved', names: holdsOf('p_ann'), terms: [] });
    await decide(storeParts, db, { ...WORD, state: 'rejected', names: holdsOf('p_bea'), terms: [] });
    await idle(db, jobs);
    assert.deepEqual(target.state(), { 'ann@example.com': BLOCKED, 'bea@example.com': UNTOUCHED });
    assert.deepEqual(await held(db), []);

    // Her source deletes her: that is a leave, and was none before.
    await seed.leave(db, 'bea', 'deleted');
    await idle(db, jobs);
    assert.deepEqual(target.state()['bea@example.com'], BLOCKED);
  } finally {
    await jobs.close();
  }
});

dbTest('who is active after all has nothing held, and leaves like anybody', async (db) => {
  const { target, of } = await scene(db);
  const jobs = await start(db, of);
  try {
    await settled(jobs, db);
    await adopt(storeParts, db, { ...WORD, keys: [keyOf('ann')], word: 'adopt' });
    await idle(db, jobs);
    assert.equal((await held(db)).length, 2);
    await seed.leave(db, 'ann', 'enabled');
    await idle(db, jobs);
    assert.deepEqual(await held(db), []);
    assert.deepEqual(target.state()['ann@example.com'], UNTOUCHED);
    await seed.leave(db, 'ann', 'disabled');
    await idle(db, jobs);
    assert.deepEqual(target.state()['ann@example.com'], BLOCKED);
    assert.deepEqual(await held(db), []);
  } finally {
    await jobs.close();
  }
});

dbTest('where a target waits for its baseline, that plan blocks them', async (db) => {
  const { target, of } = await scene(db);
  of.needBaseline = true;
  const deps = { ...jobsOptions(db, of), now: () => new Date() };
  const jobs = await start(db, of);
  const apply = async (): Promise<Record<string, number>> => {
    const plan = await planFull(deps, { actor: 'test', targets: ['sdm'] });
    assert.deepEqual(plan.holds, [], 'where all waits for a word, nothing is held besides');
    await applyPlan(deps, plan.hash, 'test');
    await idle(db, jobs);
    return plan.counts;
  };
  try {
    await settled(jobs, db);
    await adopt(storeParts, db, { ...WORD, keys: [keyOf('ann')], word: 'adopt' });
    await idle(db, jobs);
    assert.deepEqual(await storeParts.ledger.ledgerOf(db, ['p_ann']), [], 'nothing before the plan is applied');
    assert.equal((await apply())['adopt'], 1);
    assert.deepEqual(target.state()['ann@example.com'], UNTOUCHED, 'adopting changes nothing at the target');
    assert.equal((await held(db)).length, 2, 'after the baseline it waits for a word');
    await db.rows({ text: 'update target_state set baseline_at = null' });
    of.rules = { ...of.rules, revision: 'r2' };
    await jobs.rulesChanged();
    await settled(jobs, db);
    assert.deepEqual(await held(db), []);
    assert.equal((await apply())['block'], 1);
    assert.deepEqual(target.state()['ann@example.com'], BLOCKED);
  } finally {
    await jobs.close();
  }
});

dbTest('who is disabled when first told of is dormant, by reading and by SCIM; who is so later is not', async (db) => {
  const directory = memoryDirectory();
  for (let i = 0; i < 20; i++) directory.person(`u${i}`, { active: i > 2 });
  const read = reader(db);
  await read.read(directory);
  assert.deepEqual(await countDormant(db), new Map([['dir', 3]]));
  directory.person('u3', { active: false });
  directory.remove('u0');
  directory.person('u1', { active: true });
  await read.read(directory);
  assert.deepEqual(await countDormant(db), new Map([['dir', 1]]));

  const fields = (active: boolean) => ({
    userName: `s${active}`,
    nameKey: `s${active}`,
    displayName: undefined,
    externalId: undefined,
    emails: [],
    emailKeys: [],
    active,
    attributes: {},
    resource: { userName: `s${active}`, active },
  });
  const resources = createResources(db);
  for (const active of [true, false]) await resources.create({ source: 'scim', actor: 'test' }, 'user', fields(active));
  assert.deepEqual(
    await countDormant(db),
    new Map([
      ['dir', 1],
      ['scim', 1],
    ]),
  );
  const listed = await listPeople(db, { terms: [{ field: 'dormant', like: 'yes' }], limit: 100 });
  assert.deepEqual(
    listed.map((p) => [p.source, p.userName, p.life, p.dormant]),
    [
      ['scim', 'sfalse', 'suspended', true],
      ['dir', 'u2@example.com', 'suspended', true],
    ],
  );
});

dbTest('two records of one person that leave in one act of a burst are both held', async (db) => {
  const directory = memoryDirectory();
  for (let i = 0; i < 4; i++) directory.person(`u${i}`);
  await storeParts.bursts.setBurstLimits(db, new Map([['dir', { abs: 0, pct: 0, windowMs: 3_600_000 }]]));
  const read = reader(db);
  await read.read(directory);
  await db.rows({
    text: `update person_record set person = (select person from person_record pr join record r on r.key = pr.record_key
      where r.anchor = 'u0') where record_key = (select key from record where anchor = 'u1')`,
  });
  for (const id of ['u0', 'u1']) directory.person(id, { active: false });
  await read.read(directory);
  const rows = await db.rows({ text: 'select held from leave' });
  assert.deepEqual(rows, [{ held: true }, { held: true }]);
});

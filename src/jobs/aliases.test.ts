import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { type FakeTarget, fakeTarget } from '../../test/support/fake-target.ts';
import { aliasRule, dbTest, dying, jobsOptions, seed, settled, start, until, world } from '../../test/support/jobs.ts';
import { nameKey } from '../model/accounts.ts';
import type { Db } from '../store/db.ts';
import { storeParts } from '../store/parts.ts';
import { TIMING } from './deps.ts';
import { applyPlan, planFull, startJobs } from './index.ts';
import { workTogether } from './together.ts';

const DAY = 86_400_000;
const withAliases = (): FakeTarget => fakeTarget('sdm', { can: { aliases: true } });
const findings = async (db: Db) =>
  (await storeParts.findings.listFindings(db)).map((f) => [f.kind, f.person, f.object]).toSorted();
const collision = (person: string) => ['alias-collision', person, 'alias:linux'];
const effects = (target: FakeTarget) => target.calls.filter((c) => c.effect).map((c) => `${c.op} ${c.item}`);
const ledger = (db: Db) =>
  db.rows<{ person: string; name: string; key: string; confirmed: boolean }>({
    text: `select person, object_id as name, alias_key as key, confirmed from ledger where item = 'alias:linux' order by 1`,
  });

/** Aliases that two accounts had at the same time, looked at around every call; to be asked for at the end. */
function watch(target: FakeTarget): () => string[] {
  const found = new Set<string>();
  const look = (): void => {
    const seen = new Set<string>();
    for (const account of target.accounts.values()) {
      for (const alias of new Set([...(account.aliases ?? [])].map(nameKey))) {
        if (seen.has(alias)) found.add(alias);
        seen.add(alias);
      }
    }
  };
  target.gate = async () => look();
  return () => {
    look();
    return [...found];
  };
}

dbTest('two people, one alias: neither gets it; who has one keeps it, and each is told', async (db) => {
  const target = withAliases();
  await seed.user(db, 'ann', { userName: 'lee@example.com' });
  await seed.user(db, 'bob', { userName: 'Lee@example.net' });
  const of = world([target], aliasRule('sdm'));
  const jobs = await start(db, of);
  try {
    await settled(jobs, db);
    assert.deepEqual(Object.keys(target.state()), ['Lee@example.net', 'lee@example.com']);
    assert.deepEqual(target.aliases(), {});
    assert.deepEqual(await findings(db), [collision('p_ann'), collision('p_bob')]);
    const deps = { ...jobsOptions(db, of), now: () => new Date() };
    const [one, two] = [await planFull(deps, { actor: 'test' }), await planFull(deps, { actor: 'test' })];
    assert.equal(one.hash, two.hash);
    assert.deepEqual(
      one.findings.map((f) => f.kind),
      ['alias-collision', 'alias-collision'],
    );

    await seed.rename(db, 'bob', 'bob@example.net');
    jobs.wake();
    await settled(jobs, db);
    assert.deepEqual(target.aliases(), { 'bob@example.net': ['linux=bob'], 'lee@example.com': ['linux=lee'] });
    assert.deepEqual(await findings(db), []);
    await seed.user(db, 'cat', { userName: 'LEE@example.org' });
    await seed.rename(db, 'bob', 'lee@example.net');
    jobs.wake();
    await settled(jobs, db);
    // Bob has an alias, and keeps it: he does not stand in anybody's way.
    assert.deepEqual(await findings(db), [collision('p_cat')]);
    const [told] = await storeParts.findings.listFindings(db);
    assert.match(told?.message ?? '', /is p_ann's/);
    assert.deepEqual(await ledger(db), [
      { person: 'p_ann', name: 'lee', key: 'lee', confirmed: true },
      { person: 'p_bob', name: 'bob', key: 'bob', confirmed: true },
    ]);
  } finally {
    await jobs.close();
  }
});

dbTest('an alias that was taken is kept for 90 days, and given the moment they are over', async (db) => {
  const target = withAliases();
  await seed.user(db, 'ann', { userName: 'lee@example.com' });
  let now = new Date();
  const jobs = await start(db, world([target], aliasRule('sdm')), { now: () => now });
  try {
    await settled(jobs, db);
    await seed.user(db, 'bob', { userName: 'lee@example.net' });
    await seed.leave(db, 'ann', 'deleted');
    jobs.wake(true);
    await until(() => effects(target).includes('unalias alias:linux'));
    await settled(jobs, db);
    assert.deepEqual(target.aliases(), {});
    assert.deepEqual(await findings(db), [collision('p_bob')]);
    const [told] = await storeParts.findings.listFindings(db);
    assert.match(told?.message ?? '', /was p_ann's and is kept from others until/);
    const [due] = await db.rows<{ person: string; at: Date }>({ text: 'select person, at from due' });
    assert.deepEqual([due?.person, due?.at], ['p_bob', new Date(now.getTime() + 90 * DAY)]);

    now = new Date(now.getTime() + 90 * DAY - 1);
    await storeParts.dirty.markDirty(db, ['p_bob']);
    jobs.wake();
    await settled(jobs, db);
    assert.deepEqual(target.aliases(), {});
    now = new Date(now.getTime() + 1);
    await until(() => target.aliases()['lee@example.net']?.[0] === 'linux=lee');
    await settled(jobs, db);
    assert.deepEqual(await findings(db), []);
  } finally {
    await jobs.close();
  }
});

dbTest('what other hands set stands in the way, and when they remove it the alias comes by itself', async (db) => {
  const target = withAliases();
  const profile = { login: 'backup@example.com', displayName: 'Backup' };
  target.accounts.set('svc', { id: 'svc', profile, active: true, roles: new Set(), aliases: new Set(['linux=ANN']) });
  await seed.user(db, 'ann');
  const jobs = await start(db, world([target], aliasRule('sdm')));
  try {
    await settled(jobs, db);
    assert.deepEqual(await findings(db), [collision('p_ann')]);
    assert.match((await storeParts.findings.listFindings(db))[0]?.message ?? '', /backup@example\.com/);
    target.accounts.get('svc')?.aliases?.clear();
    await jobs.refreshTarget('sdm');
    await settled(jobs, db);
    assert.deepEqual(target.aliases(), { 'ann@example.com': ['linux=ann'] });
    assert.deepEqual(await findings(db), []);

    // Somebody takes ours away, and gives it to the other account.
    target.accounts.get('a-1')?.aliases?.clear();
    target.accounts.get('svc')?.aliases?.add('linux=ann');
    await jobs.refreshTarget('sdm');
    await settled(jobs, db);
    assert.deepEqual(await findings(db), [['foreign-removal', 'p_ann', 'alias:linux']]);
    assert.deepEqual(target.aliases(), { 'backup@example.com': ['linux=ann'] });
  } finally {
    await jobs.close();
  }
});

for (const [where, marker] of [
  ['nowhere', undefined],
  ['before the old alias is taken', 'set confirmed = false'],
  ['after it was taken', 'delete from ledger l using'],
  ['before the new one is entered', 'insert into ledger'],
  ['before the new one is confirmed', 'set confirmed = true'],
] as const) {
  dbTest(`an alias that follows, with a process killed ${where}: the old one goes, the new one comes`, async (db) => {
    const target = withAliases();
    await seed.user(db, 'ann');
    const of = world([target], aliasRule('sdm', true));
    const before = await start(db, of);
    await settled(before, db);
    await before.close();
    assert.deepEqual(target.aliases(), { 'ann@example.com': ['linux=ann'] });
    await seed.rename(db, 'ann', 'kim@example.com');
    if (marker !== undefined) {
      const broken = dying(db, (text) => text.includes(marker) && !text.includes('for the only'));
      const first = await startJobs(jobsOptions(broken.db, of, { alone: false, instance: 'first' }));
      await until(broken.dead);
      await first.close();
    }
    const second = await start(db, of, { instance: 'second' });
    try {
      await second.refreshTarget('sdm');
      await settled(second, db);
      assert.deepEqual(target.aliases(), { 'kim@example.com': ['linux=kim'] });
      assert.deepEqual(
        effects(target).filter((effect) => effect.endsWith('alias:linux')),
        ['alias alias:linux', 'unalias alias:linux', 'alias alias:linux'],
      );
      assert.deepEqual(await ledger(db), [{ person: 'p_ann', name: 'kim', key: 'kim', confirmed: true }]);
      assert.deepEqual(await db.rows({ text: 'select alias_key as key, person from kept_alias' }), [
        { key: 'ann', person: 'p_ann' },
      ]);
      assert.deepEqual(await findings(db), []);
    } finally {
      await second.close();
    }
  });
}

for (const [op, kind, after] of [
  ['unalias', 'retry', false],
  ['unalias', 'doubtful', true],
  ['alias', 'retry', false],
  ['alias', 'doubtful', true],
] as const) {
  dbTest(`applied by hand, ${op} ends ${kind} once: the approval holds for the rest`, async (db) => {
    const target = withAliases();
    await seed.user(db, 'ann');
    const of = world([target], aliasRule('sdm', true));
    const jobs = await start(db, of);
    try {
      await settled(jobs, db);
      of.mode = 'observe';
      await seed.rename(db, 'ann', 'kim@example.com');
      jobs.wake();
      await settled(jobs, db);
      target.trouble({ when: (change) => change.op === op, verdict: { kind }, times: 1, after });
      const deps = { ...jobsOptions(db, of), now: () => new Date() };
      const plan = await planFull(deps, { actor: 'test' });
      assert.equal((await applyPlan(deps, plan.hash, 'test'))?.applied, 1);
      jobs.wake(true);
      await until(() => target.aliases()['kim@example.com']?.[0] === 'linux=kim');
      await settled(jobs, db);
      assert.deepEqual(await ledger(db), [{ person: 'p_ann', name: 'kim', key: 'kim', confirmed: true }]);
      assert.deepEqual(effects(target).slice(1), [
        'alias alias:linux',
        'unalias alias:linux',
        'update account',
        'alias alias:linux',
      ]);
    } finally {
      await jobs.close();
    }
  });
}

dbTest('the ledger refuses one alias for two, whatever comes at the same moment', async (db) => {
  const row = { target: 'sdm', item: 'alias:linux', created: true, plan: 'h', causes: [] } as const;
  await storeParts.ledger.claimItems(db, [{ ...row, person: 'p_ann', objectId: 'Lee' }]);
  await assert.rejects(
    storeParts.ledger.claimItems(db, [{ ...row, person: 'p_bob', objectId: 'lee' }]),
    /ledger_alias/,
  );
  await storeParts.ledger.claimItems(db, [{ ...row, item: 'alias:windows', person: 'p_bob', objectId: 'lee' }]);
});

const PEOPLE = ['ann', 'bob', 'cat', 'dan', 'eve'];

dbTest('planned in one go, each lane comes to what it comes to alone, rivals for an alias too', async (db) => {
  const target = withAliases();
  for (const person of PEOPLE) await seed.user(db, person);
  const jobs = await start(db, world([target], aliasRule('sdm')));
  const names = fc.array(fc.constantFrom('one', 'two', 'three'), { minLength: 5, maxLength: 5 });
  try {
    await settled(jobs, db);
    await jobs.close();
    const of = { ...jobsOptions(db, world([target], aliasRule('sdm', true))), now: () => new Date() };
    const together = () => workTogether({ ...of, timing: TIMING });
    await fc.assert(
      fc.asyncProperty(names, async (now) => {
        for (const [i, person] of PEOPLE.entries()) await seed.rename(db, person, `${now[i]}@${person}.example`);
        const basis = async (by: ReturnType<typeof together>, person: string) =>
          (await by.compute({ target: 'sdm', person: `p_${person}` }))?.result;
        const alone = [];
        for (const person of PEOPLE) alone.push(await basis(together(), person));
        const by = together();
        assert.deepEqual(await Promise.all(PEOPLE.map((person) => basis(by, person))), alone);
      }),
      { numRuns: 5, seed: 1 },
    );
  } finally {
    await jobs.close();
  }
});

dbTest('a storm of renames, leaves and returns: one alias is never two people’s', async (db) => {
  const target = withAliases();
  const doubled = watch(target);
  for (const person of PEOPLE) await seed.user(db, person);
  const of = world([target], aliasRule('sdm', true));
  let now = new Date();
  const jobs = await start(db, of, { now: () => now, timing: { batch: 1 } });
  const [sample] = fc.sample(
    fc.array(fc.tuple(fc.constantFrom(...PEOPLE), fc.nat(7)), { minLength: 60, maxLength: 60 }),
    { numRuns: 1, seed: Number(process.env['FUZZ_SEED'] ?? 1) },
  );
  const gone = new Set<string>();
  try {
    for (const [person, what] of sample ?? []) {
      if (what === 7 && !gone.has(person)) {
        gone.add(person);
        await seed.leave(db, person, 'disabled');
      } else if (gone.delete(person)) await seed.leave(db, person, 'enabled');
      else if (what === 6) now = new Date(now.getTime() + 40 * DAY);
      else await seed.rename(db, person, `${['lee', 'Lee', 'kim', 'may', 'ann', 'bob'][what]}@${person}.example`);
      jobs.wake();
      if (what % 3 === 0) await settled(jobs, db);
    }
    await settled(jobs, db);
  } finally {
    await jobs.close();
  }
  assert.deepEqual(doubled(), []);
  assert.ok(effects(target).filter((effect) => effect === 'alias alias:linux').length > 5);
  const last = await planFull({ ...jobsOptions(db, of), now: () => now }, { actor: 'test' });
  assert.equal(last.counts['steps'], 0, 'nothing more is to be done');
  const told = new Set((await findings(db)).map(([, person]) => person));
  const has = new Set((await ledger(db)).map((row) => row.person));
  for (const person of PEOPLE.filter((p) => !gone.has(p))) {
    assert.ok(has.has(`p_${person}`) || told.has(`p_${person}`), `${person} has no alias, and nobody is told why`);
  }
});

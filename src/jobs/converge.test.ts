import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import * as fc from 'fast-check';
import { testDatabase } from '../../test/support/database.ts';
import { fakeTarget } from '../../test/support/fake-target.ts';
import { dbTest, groupRule, jobsOptions, seed, settled, start, until, world } from '../../test/support/jobs.ts';
import { storeParts } from '../store/parts.ts';
import { planFull } from './full.ts';

const PEOPLE = ['ann', 'bob', 'cat', 'dan'];
const GROUPS = ['DBA', 'Web'];
const who = fc.constantFrom(...PEOPLE);
const which = fc.constantFrom(...GROUPS);
const fault = fc.record({
  verdict: fc.constantFrom({ kind: 'retry' }, { kind: 'doubtful' }, { kind: 'moved' }, { kind: 'broken' } as const),
  times: fc.integer({ min: 1, max: 3 }),
  after: fc.boolean(),
});

const move = fc.oneof(
  fc.record({ do: fc.constant('join' as const), group: which, person: who }),
  fc.record({ do: fc.constant('quit' as const), group: which, person: who }),
  fc.record({ do: fc.constant('disabled' as const), person: who }),
  fc.record({ do: fc.constant('enabled' as const), person: who }),
  fc.record({ do: fc.constant('deleted' as const), person: who }),
  fc.record({ do: fc.constant('fault' as const), fault }),
  fc.record({ do: fc.constant('restart' as const) }),
  fc.record({ do: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 40 }) }),
);

test('whatever happens in whatever order, with whatever faults: the end is what the rules want, and the next plan is empty', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(move, { minLength: 5, maxLength: 25 }), async (moves) => {
      const database = await testDatabase();
      const { db } = database;
      try {
        const target = fakeTarget('sdm', { roles: ['db', 'web'] });
        const of = world([target], groupRule('dba', 'DBA', 'sdm', 'db'), groupRule('web', 'Web', 'sdm', 'web'));
        const members = new Map(GROUPS.map((group) => [group, new Set<string>()]));
        const life = new Map<string, string>();
        for (const group of GROUPS) await seed.group(db, group);
        for (const person of PEOPLE) await seed.user(db, person);
        let jobs = await start(db, of);
        for (const step of moves) {
          switch (step.do) {
            case 'join':
              await seed.join(db, step.group, step.person);
              members.get(step.group)?.add(step.person);
              break;
            case 'quit':
              await seed.leaveGroup(db, step.group, step.person);
              members.get(step.group)?.delete(step.person);
              break;
            case 'disabled':
            case 'enabled':
            case 'deleted':
              if (life.get(step.person) === 'deleted') break;
              await seed.leave(db, step.person, step.do);
              life.set(step.person, step.do);
              break;
            case 'fault':
              target.trouble({ ...step.fault, verdict: step.fault.verdict as { kind: 'retry' } });
              break;
            case 'restart':
              await jobs.close();
              jobs = await start(db, of);
              break;
            case 'wait':
              await sleep(step.ms);
          }
          jobs.wake(step.do === 'disabled' || step.do === 'deleted');
        }
        const deps = { ...jobsOptions(db, of), now: () => new Date() };
        try {
          // Back-offs end by themselves; how often is bounded by the faults, which are finite.
          for (let round = 0; round < 200; round++) {
            await settled(jobs, db);
            const { targets } = await jobs.status();
            if (targets.every((t) => t.pending === 0 && t.state?.pausedAt == null)) break;
            await sleep(20);
          }
          const expected: Record<string, { active: boolean; roles: string[] }> = {};
          for (const login of Object.keys(target.state())) {
            const person = login.split('@')[0] ?? '';
            const has = (group: string) => members.get(group)?.has(person) === true;
            const roles = [...(has('DBA') ? ['db'] : []), ...(has('Web') ? ['web'] : [])];
            const now = life.get(person) ?? 'enabled';
            const owned = await db.row({
              text: `select 1 from ledger where person = $1 and item = 'account'`,
              values: [`p_${person}`],
            });
            assert.ok(owned, `nobody owns the account ${login}`);
            // Whose return met nothing to be wanted is let in when something is.
            const seen = target.state()[login];
            const idle = now === 'enabled' && roles.length === 0;
            expected[login] = {
              active: idle ? seen?.active === true : now === 'enabled',
              // A suspended person is given nothing more, and keeps what they had as far as it is still wanted.
              roles:
                now === 'deleted'
                  ? []
                  : now === 'disabled'
                    ? (seen?.roles.filter((r) => roles.includes(r)) ?? [])
                    : roles,
            };
          }
          for (const person of PEOPLE) {
            const wanted = GROUPS.some((group) => members.get(group)?.has(person));
            if (wanted && (life.get(person) ?? 'enabled') === 'enabled') {
              assert.ok(target.state()[`${person}@example.com`], `${person} has no account`);
            }
          }
          assert.deepEqual(target.state(), expected);
          const next = await planFull(deps, { actor: 'test' });
          assert.equal(next.counts['steps'], 0);
        } finally {
          await jobs.close();
        }
      } finally {
        await database.close();
      }
    }),
    { numRuns: 8, interruptAfterTimeLimit: 40_000 },
  );
});

dbTest('of several processes one leads, and when it goes another one takes over', async (db) => {
  const target = fakeTarget('sdm', { roles: ['db'] });
  const of = world([target], groupRule('dba', 'DBA', 'sdm', 'db'));
  await seed.group(db, 'DBA');
  for (const person of PEOPLE) await seed.user(db, person);
  const first = await start(db, of, { instance: 'first' });
  await settled(first, db);
  const second = await start(db, of, { instance: 'second', alone: false });
  try {
    assert.deepEqual([(await first.status()).leading, (await second.status()).leading], [true, false]);
    await first.close();
    await seed.join(db, 'DBA', ...PEOPLE);
    await settled(second, db);
    assert.equal((await second.status()).leading, true);
    assert.equal(Object.keys(target.state()).length, 4);
  } finally {
    await second.close();
  }
});

dbTest('a leader whose connection is cut takes the lead again', async (db) => {
  const target = fakeTarget('sdm', { roles: ['db'] });
  await seed.group(db, 'DBA');
  await seed.user(db, 'ann');
  const jobs = await start(db, world([target], groupRule('dba', 'DBA', 'sdm', 'db')));
  try {
    await settled(jobs, db);
    const cut = await db.rows({
      text: `select pg_terminate_backend(pid) from pg_locks
        where locktype = 'advisory' and granted and pid <> pg_backend_pid()
          and database = (select oid from pg_database where datname = current_database())`,
    });
    assert.equal(cut.length, 1);
    await seed.join(db, 'DBA', 'ann');
    await until(() => target.calls.length >= 2);
    await settled(jobs, db);
    assert.deepEqual(target.state(), { 'ann@example.com': { active: true, roles: ['db'] } });
    assert.equal((await storeParts.findings.listFindings(db)).length, 0);
  } finally {
    await jobs.close();
  }
});

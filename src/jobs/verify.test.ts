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
import { type BrokenChain, lastVerified, verifyAccess } from './index.ts';

/** Ann and Bob have the role db by a group; everything is settled. */
async function scene(db: Db) {
  await seed.group(db, 'DBA');
  for (const name of ['ann', 'bob']) await seed.user(db, name);
  await seed.join(db, 'DBA', 'ann', 'bob');
  const of = world([fakeTarget('sdm', { roles: ['db'] })], groupRule('dba', 'DBA', 'sdm', 'db'));
  const jobs = await start(db, of);
  await settled(jobs, db);
  await jobs.close();
  const deps = { ...jobsOptions(db, of), now: () => new Date() };
  const verify = async () => {
    const broken: BrokenChain[] = [];
    const verified = await verifyAccess(deps, (chain) => void broken.push(chain));
    assert.equal(verified.broken, broken.length);
    return { verified, broken: broken.map((b) => [b.person, b.item, b.breaks.join()]) };
  };
  return { of, deps, verify };
}

dbTest('what was given by the rules leads back to them; the look is noted', async (db) => {
  const { deps, verify } = await scene(db);
  assert.equal(await lastVerified(deps), undefined);
  const { verified, broken } = await verify();
  assert.deepEqual(broken, []);
  assert.deepEqual([verified.persons, verified.items, verified.skipped], [2, 4, 0]);
  assert.deepEqual(await lastVerified(deps), verified);
});

dbTest('what has no cause, no plan or no answer is found', async (db) => {
  const { verify } = await scene(db);
  await db.rows({
    text: `insert into ledger (target, person, item, created, confirmed, plan) values ('sdm', 'p_ann', 'role:root', true, true, 'x')`,
  });
  await db.rows({ text: `delete from event where person = 'p_bob' and object = 'role:db'` });
  assert.deepEqual((await verify()).broken, [
    ['p_ann', 'role:root', 'no-cause,no-plan,no-answer'],
    ['p_bob', 'role:db', 'no-answer'],
  ]);
});

dbTest('what is about to go, held, or not decided needs no cause; who is to be planned is left out', async (db) => {
  const { of, deps, verify } = await scene(db);
  const none: string[][] = [];
  // Not planned yet: nothing can be told.
  await seed.leaveGroup(db, 'DBA', 'ann');
  assert.deepEqual((await verify()).broken, none);
  assert.equal((await verify()).verified.persons, 1);
  await db.rows({ text: 'delete from dirty' });
  assert.deepEqual((await verify()).broken, [
    ['p_ann', 'account', 'no-cause'],
    ['p_ann', 'role:db', 'no-cause'],
  ]);
  // Held by the guard.
  await db.rows({
    text: `insert into hold (id, target, person, item, op, basis, because, change, plan)
      values ('h_1', 'sdm', 'p_ann', 'role:db', 'revoke', 'b', 'x', '{}', 'p')`,
  });
  assert.deepEqual((await verify()).broken, none);
  await db.rows({ text: 'delete from hold' });
  // Nothing is taken at such a target.
  of.mode = 'add-only';
  assert.deepEqual((await verify()).broken, none);
  of.mode = 'full';
  // The rules are lost.
  const views = deps.views();
  const broken: BrokenChain[] = [];
  await verifyAccess({ ...deps, views: () => ({ ...views, withheld: true }) }, (chain) => void broken.push(chain));
  assert.deepEqual(broken, []);
  of.rules = ruleSet('r2');
  assert.equal((await verify()).broken.length, 4);
});

dbTest('the service looks by itself, and says aloud what it finds', async (db) => {
  const { of } = await scene(db);
  await db.rows({
    text: `insert into ledger (target, person, item, created, confirmed, plan) values ('sdm', 'p_ann', 'role:root', true, true, 'x')`,
  });
  await db.rows({ text: `insert into meta (key, value) values ('verified', '{"at": "2001-01-01T00:00:00Z"}')` });
  const lines: string[] = [];
  const log = {
    ...jobsOptions(db, of).log,
    error: (_fields: object, message?: string) => void lines.push(message ?? ''),
  };
  const jobs = await start(db, of, { log });
  try {
    await until(async () => ((await lastVerified(jobsOptions(db, of)))?.at ?? '') > '2002');
    assert.deepEqual(lines, [
      'access was given of which the chain is not complete',
      'access without a complete chain: see drawbridge access verify',
    ]);
  } finally {
    await jobs.close();
  }
});

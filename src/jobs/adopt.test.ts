import assert from 'node:assert/strict';
import { fakeTarget } from '../../test/support/fake-target.ts';
import { dbTest, groupRule, jobsOptions, seed, settled, start, until, world } from '../../test/support/jobs.ts';
import type { Change } from '../model/plan.ts';
import { listAdoptions } from '../store/adoptions.ts';
import type { Db } from '../store/db.ts';
import { storeParts } from '../store/parts.ts';
import { adopt, applyPlan } from './index.ts';

const WORD = { actor: 'local:test', reason: 'asked her' } as const;

/** Ann is to have the role db, and an account with her login and the roles db and extra was there before us. */
async function scene(db: Db, over: { privileged?: boolean } = {}) {
  await seed.group(db, 'DBA');
  await seed.user(db, 'ann', { displayName: 'Ann Lee' });
  await seed.join(db, 'DBA', 'ann');
  await db.rows({ text: `update record set emails = '{ann@example.com}' where anchor = 'ann'` });
  const target = fakeTarget('sdm', { roles: ['db', 'extra'] });
  target.accounts.set('x-1', {
    id: 'x-1',
    profile: { login: 'ANN@example.com', displayName: 'Old name' },
    active: true,
    roles: new Set(['r-db', 'r-extra']),
    ...over,
  });
  return { target, of: world([target], groupRule('dba', 'DBA', 'sdm', 'db')) };
}

const steps = (db: Db) =>
  db.rows<{ changes: Change[] }>({ text: `select changes from step where state <> 'superseded' order by id` });
const opsOf = (rows: ReadonlyArray<{ changes: readonly Change[] }>): string[][] =>
  rows.map(({ changes }) => changes.map(({ op, item }) => `${op} ${item}`));
const ledger = async (db: Db) =>
  (await storeParts.ledger.ledgerOf(db, ['p_ann'])).map((r) => [r.item, r.created, r.confirmed, r.objectId]);
const waiting = (db: Db) => listAdoptions(db, { terms: [{ field: 'state', like: 'open' }], limit: 10 });

dbTest('a word adopts the account: first the ledger alone, then what is to change on it', async (db) => {
  const { target, of } = await scene(db);
  const jobs = await start(db, of);
  try {
    await settled(jobs, db);
    const [open] = await waiting(db);
    assert.deepEqual(
      [open?.person, open?.accountId, open?.login, open?.roles, open?.active],
      ['p_ann', 'x-1', 'ANN@example.com', 2, true],
    );
    const key = { target: 'sdm', person: 'p_ann', accountId: 'x-1' };
    const said = await adopt(storeParts, db, { ...WORD, keys: [key], word: 'adopt' });
    assert.deepEqual(said, [key]);
    assert.deepEqual(await adopt(storeParts, db, { ...WORD, keys: [key], word: 'adopt' }), [], 'said already');
    jobs.wake();
    await settled(jobs, db);
    assert.deepEqual(opsOf(await steps(db)), [['adopt account', 'claim role:db'], ['update account']]);
    assert.deepEqual(
      target.calls.map((call) => `${call.op} ${call.item}`),
      ['update account'],
      'adopting calls the target for nothing but a look',
    );
    assert.deepEqual(await ledger(db), [
      ['account', false, true, 'x-1'],
      ['role:db', false, true, 'r-db'],
    ]);
    assert.deepEqual(await storeParts.findings.listFindings(db), []);
    assert.deepEqual(await waiting(db), []);
    const events = await db.rows<{ actor: string; detail: { reason: string } }>({
      text: `select actor, detail from event where kind = 'adoption.adopt'`,
    });
    assert.deepEqual(
      events.map((e) => [e.actor, e.detail.reason]),
      [['local:test', 'asked her']],
    );

    await seed.leave(db, 'ann', 'disabled');
    jobs.wake();
    await settled(jobs, db);
    assert.equal(target.accounts.get('x-1')?.active, false, 'an adopted account is blocked like any other');
  } finally {
    await jobs.close();
  }
});

dbTest('while nobody has spoken nothing is done, and a word to leave it is kept', async (db) => {
  const { target, of } = await scene(db);
  const jobs = await start(db, of);
  try {
    await settled(jobs, db);
    await adopt(storeParts, db, {
      ...WORD,
      keys: [{ target: 'sdm', person: 'p_ann', accountId: 'x-1' }],
      word: 'leave',
    });
    jobs.wake();
    await settled(jobs, db);
    assert.deepEqual(target.calls, []);
    assert.deepEqual(await ledger(db), []);
    assert.deepEqual(
      (await storeParts.findings.listFindings(db)).map((f) => f.kind),
      ['account-exists'],
    );
    assert.deepEqual(await waiting(db), []);
  } finally {
    await jobs.close();
  }
});

dbTest('auto: a verified address is enough, in mode observe only with apply', async (db) => {
  const { target, of } = await scene(db);
  of.adopt = { mode: 'auto', verifiedDomains: ['example.com'] };
  of.mode = 'observe';
  const jobs = await start(db, of);
  try {
    await settled(jobs, db);
    assert.deepEqual(opsOf(await steps(db)), [['adopt account', 'claim role:db']]);
    assert.deepEqual(await ledger(db), []);
    of.mode = 'full';
    await jobs.rulesChanged();
    await settled(jobs, db);
    assert.equal(target.accounts.get('x-1')?.profile.displayName, 'Ann Lee');
  } finally {
    await jobs.close();
  }
});

dbTest('an account that is not as it was when it is to be adopted is not adopted', async (db) => {
  const { target, of } = await scene(db);
  of.adopt = { mode: 'auto', verifiedDomains: ['example.com'] };
  of.mode = 'observe';
  const jobs = await start(db, of);
  try {
    await settled(jobs, db);
    const [plan] = await db.rows<{ hash: string }>({ text: 'select hash from plan order by id desc limit 1' });
    const account = target.accounts.get('x-1');
    assert.ok(account !== undefined && plan !== undefined);
    // Renamed at the target, which was not observed since.
    target.accounts.set('x-1', { ...account, profile: { ...account.profile, login: 'zoe@example.com' } });
    assert.equal(
      (await applyPlan({ ...jobsOptions(db, of), now: () => new Date() }, plan.hash, 'local:test'))?.applied,
      1,
    );
    jobs.wake(true);
    await until(async () => opsOf(await steps(db)).some((ops) => ops.includes('create account')));
    await settled(jobs, db);
    assert.deepEqual(await ledger(db), []);
    assert.deepEqual(target.calls, []);
    assert.deepEqual(await states(db), ['moved', 'proposed']);
  } finally {
    await jobs.close();
  }
});

const states = async (db: Db): Promise<string[]> =>
  (await db.rows<{ state: string }>({ text: 'select state from step order by id' })).map((row) => row.state);

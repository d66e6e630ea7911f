import assert from 'node:assert/strict';
import { fakeTarget } from '../../test/support/fake-target.ts';
import { dbTest, groupRule, seed, settled, start, world } from '../../test/support/jobs.ts';
import type { Change } from '../model/plan.ts';
import type { Db } from '../store/db.ts';
import { storeParts } from '../store/parts.ts';

const dba = groupRule('dba', 'DBA', 'sdm', 'db', 'glass');

async function scene(db: Db) {
  await seed.group(db, 'DBA');
  for (const name of ['ann', 'bob']) await seed.user(db, name);
  await seed.join(db, 'DBA', 'ann', 'bob');
  const target = fakeTarget('sdm', { roles: ['db', 'glass'] });
  return { target, of: world([target], dba) };
}

const findings = async (db: Db): Promise<string[]> =>
  (await storeParts.findings.listFindings(db)).map(({ kind, person, object }) => `${kind} ${person} ${object}`);

dbTest('a leaver’s untouchable account is not blocked, and their untouchable role stays; both are told', async (db) => {
  const { target, of } = await scene(db);
  const errors: string[] = [];
  const none = (): void => undefined;
  const log = { debug: none, info: none, warn: none, error: (_: object, m: string) => void errors.push(m) };
  const jobs = await start(db, of, { log });
  try {
    await settled(jobs, db);
    const ann = [...target.accounts.values()].find((a) => a.mark === 'p_ann');
    if (ann !== undefined) ann.tags = ['break-glass=yes'];
    of.untouchable = { ids: ['r-glass'], tags: ['break-glass'] };
    await jobs.refreshTarget('sdm');
    await jobs.rulesChanged();
    await settled(jobs, db);
    const before = target.calls.length;
    await seed.leave(db, 'ann', 'deleted');
    await seed.leave(db, 'bob', 'deleted');
    jobs.wake(true);
    await settled(jobs, db);
    assert.deepEqual(target.state(), {
      'ann@example.com': { active: true, roles: ['db', 'glass'] },
      'bob@example.com': { active: false, roles: ['glass'] },
    });
    assert.deepEqual(
      target.calls.slice(before).map((call) => `${call.person} ${call.op} ${call.item}`),
      ['p_bob block account', 'p_bob revoke role:db'],
    );
    assert.deepEqual(errors, ['a block was refused']);
    assert.deepEqual(await findings(db), ['untouchable p_ann account', 'untouchable p_bob role:glass']);
    const refused = await db.rows<{ person: string; detail: { message: string } }>({
      text: `select person, detail from event where kind = 'change.refused'`,
    });
    assert.deepEqual(
      refused.map((e) => e.person),
      ['p_ann'],
    );
    assert.match(refused[0]?.detail.message ?? '', /untouchable/);
  } finally {
    await jobs.close();
  }
});

dbTest(
  'an account that was never seen is looked at before a leave blocks it, where only its tags say what it is',
  async (db) => {
    const { target, of } = await scene(db);
    const jobs = await start(db, of);
    try {
      await settled(jobs, db);
      await db.rows({ text: 'delete from observed' });
      for (const account of target.accounts.values()) if (account.mark === 'p_ann') account.tags = ['team=glass'];
      of.untouchable = { ids: [], tags: ['team=glass'] };
      await seed.leave(db, 'ann', 'disabled');
      jobs.wake(true);
      await settled(jobs, db);
      assert.equal(target.state()['ann@example.com']?.active, true);
      assert.ok(!target.calls.some((call) => call.op === 'block'));
    } finally {
      await jobs.close();
    }
  },
);

dbTest('a step that was planned before the setting is not carried out after it', async (db) => {
  const { target, of } = await scene(db);
  const jobs = await start(db, of);
  try {
    await settled(jobs, db);
    // Between plan and call: the gate stands for the moment at which the setting comes.
    let asked: Change | undefined;
    target.gate = (change) => {
      asked = change;
      return Promise.resolve();
    };
    of.untouchable = { ids: ['r-db'], tags: [] };
    await seed.leaveGroup(db, 'DBA', 'bob');
    jobs.wake();
    await settled(jobs, db);
    assert.equal(asked?.item, 'role:glass', 'the other role went');
    assert.deepEqual(target.state()['bob@example.com']?.roles, ['db']);
    assert.deepEqual(await findings(db), ['untouchable p_bob role:db']);
  } finally {
    await jobs.close();
  }
});

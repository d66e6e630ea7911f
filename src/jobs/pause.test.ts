import assert from 'node:assert/strict';
import { fakeTarget } from '../../test/support/fake-target.ts';
import { dbTest, groupRule, seed, settled, SOURCE, start, until, world } from '../../test/support/jobs.ts';
import type { Db } from '../store/db.ts';
import { freezePerson } from '../store/people.ts';
import { pauseSource } from '../store/source-state.ts';
import { pauseByOperator, resumeTarget } from '../store/target-state.ts';
import { Failure } from '../model/failure.ts';

const WORD = { by: 'local:test', at: '2030-01-01T00:00:00Z', reason: 'looking into it' };

/** Ann and Bob have the role db. */
async function scene(db: Db) {
  await seed.group(db, 'DBA');
  for (const name of ['ann', 'bob', 'cid']) await seed.user(db, name);
  await seed.join(db, 'DBA', 'ann', 'bob');
  const target = fakeTarget('sdm', { roles: ['db'] });
  const jobs = await start(db, world([target], groupRule('dba', 'DBA', 'sdm', 'db')));
  await settled(jobs, db);
  target.calls.length = 0;
  const goOn = async (): Promise<void> => {
    jobs.wake();
    await settled(jobs, db);
  };
  return { target, jobs, goOn };
}
const ops = (calls: ReadonlyArray<{ op: string; person: string }>): string[] => calls.map((c) => `${c.op} ${c.person}`);

dbTest('a paused target gets nothing but what a leaver loses; resumed it gets the rest', async (db) => {
  const { target, jobs, goOn } = await scene(db);
  try {
    await pauseByOperator(db, ['sdm'], { by: 'operator', message: 'maintenance', actor: 'local:test' });
    await seed.join(db, 'DBA', 'cid');
    await goOn();
    assert.deepEqual(target.calls, []);
    await seed.leave(db, 'ann', 'deleted');
    await goOn();
    assert.deepEqual(ops(target.calls), ['block p_ann', 'revoke p_ann']);
    await resumeTarget(db, 'sdm');
    await goOn();
    assert.deepEqual(ops(target.calls).slice(2), ['create p_cid', 'grant p_cid']);
  } finally {
    await jobs.close();
  }
});

dbTest('paused with --leavers nothing at all is done, over a restart too', async (db) => {
  const { target, jobs, goOn } = await scene(db);
  await pauseByOperator(db, ['sdm'], { by: 'operator', message: 'x', actor: 'a', leavers: true });
  await seed.leave(db, 'ann', 'deleted');
  await goOn();
  assert.deepEqual(target.calls, []);
  await jobs.close();
  const again = await start(db, world([target], groupRule('dba', 'DBA', 'sdm', 'db')));
  try {
    await new Promise((resolve) => setTimeout(resolve, 300));
    assert.deepEqual(target.calls, []);
    await resumeTarget(db, 'sdm');
    again.wake(true);
    await until(() => target.calls.length === 2);
    assert.deepEqual(ops(target.calls), ['block p_ann', 'revoke p_ann']);
  } finally {
    await again.close();
  }
});

dbTest('what is broken does not end an operator’s pause, and an operator’s pause stands over it', async (db) => {
  const { target, jobs, goOn } = await scene(db);
  try {
    target.broken = new Failure({ kind: 'broken' }, 'key revoked');
    target.trouble({ verdict: { kind: 'broken' }, times: 1 });
    await seed.join(db, 'DBA', 'cid');
    jobs.wake();
    const because = () =>
      db.row<{ by: string | null }>({ text: `select paused_because->>'by' as by from target_state` });
    await until(async () => (await because())?.by === 'broken');
    await pauseByOperator(db, ['sdm'], { by: 'operator', message: 'x', actor: 'a' });
    target.broken = undefined;
    await goOn();
    assert.equal((await because())?.by, 'operator', 'it works again, and stays paused');
    assert.deepEqual(target.state()['cid@example.com'], undefined);
  } finally {
    await jobs.close();
  }
});

dbTest(
  'the people of a paused source and a frozen person keep what they have and get nothing; a leaver loses it',
  async (db) => {
    const { target, jobs, goOn } = await scene(db);
    try {
      assert.equal(await freezePerson(db, 'p_ann', WORD), true);
      assert.equal(await freezePerson(db, 'p_ann', WORD), false, 'said already');
      await seed.leaveGroup(db, 'DBA', 'ann');
      await seed.leaveGroup(db, 'DBA', 'bob');
      await goOn();
      assert.deepEqual(ops(target.calls), ['revoke p_bob'], 'ann is frozen');
      assert.equal(await freezePerson(db, 'p_ann', null), true);
      await goOn();
      assert.deepEqual(ops(target.calls), ['revoke p_bob', 'revoke p_ann']);
      target.calls.length = 0;

      await pauseSource(db, SOURCE, WORD);
      await seed.join(db, 'DBA', 'ann', 'bob', 'cid');
      await goOn();
      assert.deepEqual(target.calls, []);
      await seed.leave(db, 'bob', 'disabled');
      await goOn();
      assert.deepEqual(ops(target.calls), ['block p_bob']);
      await pauseSource(db, SOURCE, null);
      await goOn();
      assert.deepEqual(ops(target.calls).toSorted(), ['block p_bob', 'create p_cid', 'grant p_ann', 'grant p_cid']);
    } finally {
      await jobs.close();
    }
  },
);

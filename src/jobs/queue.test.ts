import assert from 'node:assert/strict';
import { queueContract } from '../../test/contracts/queue.ts';
import { testDatabase } from '../../test/support/database.ts';
import { fakeTarget } from '../../test/support/fake-target.ts';
import { dbTest, groupRule, seed, settled, silent, start, until, world } from '../../test/support/jobs.ts';
import { bullQueue } from './bullmq.ts';
import { inlineQueue } from './inline.ts';

const ROB = 'truncate bullmq.job, bullmq.job_log, bullmq.job_dependency, bullmq.dedup, bullmq.dedup_next, bullmq.event';

queueContract('the queue in memory', async () => ({
  open: async () => inlineQueue({ log: silent, concurrency: 4 }),
  close: async () => {},
}));

queueContract('BullMQ on PostgreSQL', async () => {
  const database = await testDatabase();
  const open = () => bullQueue({ postgres: database.config, targets: ['a', 'b'], log: silent, concurrency: 4 });
  return {
    open,
    keeps: true,
    rob: async () => {
      await database.db.rows({ text: ROB });
    },
    close: () => database.close(),
  };
});

dbTest(
  'the whole way over BullMQ: emptied under way it converges, and a start throws away what was left',
  async (db, config) => {
    const target = fakeTarget('sdm', { roles: ['db'] });
    const all = Array.from({ length: 60 }, (_, i) => `u${i}`);
    await seed.group(db, 'DBA');
    for (const anchor of all) await seed.user(db, anchor);
    await seed.join(db, 'DBA', ...all);
    const of = world([target], groupRule('dba', 'DBA', 'sdm', 'db'));
    const open = () => bullQueue({ postgres: config, targets: ['sdm'], log: silent, alone: true });
    const jobs = await start(db, of, { queue: await open() });
    try {
      await until(() => target.calls.length >= 10);
      await db.rows({ text: ROB });
      await settled(jobs, db);
      assert.equal(Object.values(target.state()).filter((a) => a.roles.join() === 'db').length, 60);
      assert.equal(target.calls.filter((c) => c.effect).length, 120);
    } finally {
      await jobs.close();
    }
    await db.rows({ text: `insert into bullmq.meta (queue, field, value) values ('work-sdm', 'paused', '1')` });
    await (await open()).close(1_000);
    assert.deepEqual(await db.row({ text: `select count(*) as n from bullmq.meta where field = 'paused'` }), { n: 0 });
  },
);

import assert from 'node:assert/strict';
import { fakeTarget } from '../../test/support/fake-target.ts';
import { dbTest, groupRule, jobsOptions, seed, settled, until, world } from '../../test/support/jobs.ts';
import type { Db } from '../store/db.ts';
import { storeParts } from '../store/parts.ts';
import { startJobs } from './index.ts';

const HOUR = 3_600_000;

/** A lane of a leaver that is due, and as it looks when the clock has gone back by `ms` since it was written. */
async function heldInTheFuture(db: Db, ms: number): Promise<void> {
  await db.rows({
    text: `update work set lease_owner = 'dead', lease_until = now() + $1 * interval '1 ms',
      not_before = now() + $1 * interval '1 ms', enqueued_at = now() + $1 * interval '1 ms' where state = 'pending'`,
    values: [ms],
  });
}

async function leaver(db: Db) {
  const target = fakeTarget('sdm', { roles: ['db'] });
  const of = world([target], groupRule('dba', 'DBA', 'sdm', 'db'));
  await seed.group(db, 'DBA');
  await seed.user(db, 'ann');
  await seed.join(db, 'DBA', 'ann');
  const first = await startJobs(jobsOptions(db, of));
  await settled(first, db);
  await first.close();
  await seed.leave(db, 'ann', 'disabled');
  return { target, of };
}

dbTest('the clock goes back an hour while the service runs: a block does not wait for that hour', async (db) => {
  const { target, of } = await leaver(db);
  let [back, looks] = [0, 0];
  const storeTime = async (on: Db): Promise<number> => {
    looks += 1;
    return (await storeParts.clock.storeTime(on)) - back;
  };
  const clock = { ...storeParts.clock, storeTime };
  await heldInTheFuture(db, HOUR / 2);
  const jobs = await startJobs({ ...jobsOptions(db, of), alone: false, store: { ...storeParts, clock } });
  try {
    await until(() => looks > 1);
    assert.equal(target.state()['ann@example.com']?.active, true);
    await heldInTheFuture(db, HOUR);
    back = HOUR;
    await until(() => target.state()['ann@example.com']?.active === false, 10_000);
  } finally {
    await jobs.close();
  }
});

dbTest(
  'the clock went back while no service ran: no lease or wait is believed that is longer than any given out',
  async (db) => {
    const { target, of } = await leaver(db);
    await heldInTheFuture(db, 24 * HOUR);
    await db.rows({ text: 'update work set not_before = now()' });
    const jobs = await startJobs({ ...jobsOptions(db, of), alone: false });
    try {
      // A lease lasts two seconds in tests.
      await until(() => target.state()['ann@example.com']?.active === false, 10_000);
    } finally {
      await jobs.close();
    }
    await heldInTheFuture(db, 24 * HOUR);
    await db.rows({ text: `update work set state = 'pending', not_before = now() + interval '1 day'` });
    assert.equal(await storeParts.clock.boundWaits(db, { leaseMs: 1_000, waitMs: HOUR }), 1);
    const [row] = await db.rows<{ ok: boolean }>({
      text: `select lease_until <= now() + interval '1 s' and not_before <= now() + interval '1 h' and enqueued_at is null as ok
      from work`,
    });
    assert.equal(row?.ok, true);
    assert.equal(await storeParts.clock.boundWaits(db, { leaseMs: 1_000, waitMs: HOUR }), 0, 'nothing more to bound');
  },
);

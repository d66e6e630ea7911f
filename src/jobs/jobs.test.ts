import assert from 'node:assert/strict';
import { fakeTarget } from '../../test/support/fake-target.ts';
import { dbTest, groupRule, seed, settled, start, world } from '../../test/support/jobs.ts';
import { eventsOfPerson } from '../store/events.ts';

dbTest(
  'a joiner gets account and role; a mover loses one role and gets another; nothing more is to be done then',
  async (db) => {
    const target = fakeTarget('sdm', { roles: ['db', 'web'] });
    const of = world([target], groupRule('dba', 'DBA', 'sdm', 'db'), groupRule('web', 'Web', 'sdm', 'web'));
    await seed.group(db, 'DBA');
    await seed.group(db, 'Web');
    await seed.user(db, 'ann');
    await seed.user(db, 'bob');
    await seed.join(db, 'DBA', 'ann');
    const jobs = await start(db, of);
    try {
      await settled(jobs, db);
      assert.deepEqual(target.state(), { 'ann@example.com': { active: true, roles: ['db'] } });

      await seed.join(db, 'Web', 'ann');
      await seed.leaveGroup(db, 'DBA', 'ann');
      jobs.wake();
      await settled(jobs, db);
      assert.deepEqual(target.state(), { 'ann@example.com': { active: true, roles: ['web'] } });

      const events = (await eventsOfPerson(db, 'p_ann', 10)).filter((e) => e.kind === 'change.applied');
      assert.deepEqual(events.map((e) => (e.detail ?? {})['op']).toSorted(), ['create', 'grant', 'grant', 'revoke']);
      assert.deepEqual(await db.rows({ text: `select item, confirmed, object_id from ledger order by item` }), [
        { item: 'account', confirmed: true, object_id: 'a-1' },
        { item: 'role:web', confirmed: true, object_id: 'r-web' },
      ]);
      assert.deepEqual(await db.rows({ text: `select state from work` }), [{ state: 'done' }]);
      const made = await db.row<{ plans: number }>({ text: 'select count(*) as plans from plan' });
      await jobs.rulesChanged();
      await seed.join(db, 'Web', 'ann');
      jobs.wake();
      await settled(jobs, db);
      assert.deepEqual(await db.row({ text: 'select count(*) as plans from plan' }), made, 'no plan without a step');
    } finally {
      await jobs.close();
    }
  },
);

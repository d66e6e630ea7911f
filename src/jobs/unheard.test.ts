import assert from 'node:assert/strict';
import { fakeTarget } from '../../test/support/fake-target.ts';
import { dbTest, groupRule, seed, settled, start, world } from '../../test/support/jobs.ts';
import type { Db } from '../store/db.ts';
import { storeParts } from '../store/parts.ts';

/** As if the process had died after claiming, and the wish was gone before it came back. */
async function claimed(db: Db, person: string): Promise<void> {
  for (const item of ['account', 'role:db'] as const) {
    await storeParts.ledger.claimItems(db, [{ target: 'sdm', person, item, created: true, plan: 'lost', causes: [] }]);
  }
}

dbTest(
  'what was claimed for an account that was never made is let go, also when nothing is wanted any more',
  async (db) => {
    const target = fakeTarget('sdm', { roles: ['db'] });
    await seed.user(db, 'ann');
    await claimed(db, 'p_ann');
    const jobs = await start(db, world([target]));
    try {
      await settled(jobs, db);
      assert.deepEqual(await storeParts.ledger.ledgerOf(db, ['p_ann']), []);
      assert.deepEqual(
        target.calls.filter((c) => c.effect),
        [],
      );
    } finally {
      await jobs.close();
    }
  },
);

dbTest(
  'an account that was made without our hearing of it is confirmed as ours, and what it was given is taken',
  async (db) => {
    const target = fakeTarget('sdm', { roles: ['db'] });
    await seed.group(db, 'DBA');
    await seed.user(db, 'ann');
    await seed.join(db, 'DBA', 'ann');
    const first = await start(db, world([target], groupRule('dba', 'DBA', 'sdm', 'db')));
    await settled(first, db);
    await first.close();
    // The answers to both were lost, and Ann left the group meanwhile.
    await db.rows({ text: `update ledger set confirmed = false, object_id = null` });
    await db.rows({ text: `delete from observed` });
    await seed.leaveGroup(db, 'DBA', 'ann');
    const again = await start(db, world([target], groupRule('dba', 'DBA', 'sdm', 'db')));
    try {
      await settled(again, db);
      const rows = await storeParts.ledger.ledgerOf(db, ['p_ann']);
      assert.deepEqual(
        rows.map(({ item, confirmed }) => ({ item, confirmed })),
        [{ item: 'account', confirmed: true }],
      );
      assert.deepEqual(target.state(), { 'ann@example.com': { active: true, roles: [] } });
    } finally {
      await again.close();
    }
  },
);

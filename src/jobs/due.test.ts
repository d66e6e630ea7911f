import assert from 'node:assert/strict';
import { fakeTarget } from '../../test/support/fake-target.ts';
import { dbTest, expression, groupRule, seed, settled, start, until, world } from '../../test/support/jobs.ts';
import { GUARD_LIMITS } from '../model/guard.ts';
import type { Rule } from '../model/rules.ts';

const BEGIN = new Date('2030-02-01T00:00:00Z');
const END = new Date('2030-03-01T00:00:00Z');

/** A protected role for a month. */
function bounded(): Rule {
  const rule = groupRule('dba', 'DBA', 'sdm', 'db');
  const [grant] = rule.grant;
  assert.ok(grant);
  const bounds = { from: expression('from', () => BEGIN), until: expression('until', () => END) };
  return { ...rule, protected: true, grant: [{ ...grant, ...bounds }] };
}

dbTest('a grant begins and ends with its time bounds, though nothing else happens, and over a restart', async (db) => {
  const target = fakeTarget('sdm', { roles: ['db'] });
  const of = { ...world([target], bounded()), limits: GUARD_LIMITS };
  await seed.group(db, 'DBA');
  await seed.user(db, 'ann');
  await seed.join(db, 'DBA', 'ann');
  let now = new Date(BEGIN.getTime() - 1);
  const roles = (): unknown => target.state()['ann@example.com']?.roles;
  const first = await start(db, of, { now: () => now });
  try {
    await settled(first, db);
    assert.equal(roles(), undefined);
    assert.deepEqual(await db.rows({ text: 'select person, at from due' }), [{ person: 'p_ann', at: BEGIN }]);
    now = BEGIN;
    await until(() => JSON.stringify(roles()) === '["db"]');
    await settled(first, db);
    assert.deepEqual(await db.rows({ text: 'select person, at from due' }), [{ person: 'p_ann', at: END }]);
  } finally {
    await first.close();
  }
  now = END;
  const second = await start(db, of, { now: () => now });
  try {
    await until(() => JSON.stringify(roles()) === '[]');
    await settled(second, db);
    assert.deepEqual(await db.rows({ text: 'select 1 from due' }), []);
    assert.deepEqual(
      await db.rows({ text: 'select 1 from hold' }),
      [],
      'that its time is over is nothing to ask about',
    );
  } finally {
    await second.close();
  }
});

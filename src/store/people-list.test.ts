import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { dbTest } from '../../test/support/jobs.ts';
import { buildPerson } from '../mapping/people.ts';
import { loadPeople } from './people.ts';
import { findPeople, listPeople, namesOfPeople } from './people-list.ts';

dbTest('the life cycle in a list is that of the person, whatever records they have', async (db) => {
  await db.rows({ text: `insert into source_state (source, since, succeeded_by) values ('old', now(), 'ad')` });
  const record = fc.record({
    source: fc.constantFrom('okta', 'ad', 'old'),
    active: fc.boolean(),
    gone: fc.constantFrom(null, null, 'explicit', 'absent'),
    secondary: fc.boolean(),
    dormant: fc.boolean(),
  });
  const sources = new Map([['old', { succeededBy: 'ad' }]]);
  await fc.assert(
    fc.asyncProperty(fc.array(record, { minLength: 1, maxLength: 4 }), async (records) => {
      await db.rows({ text: 'truncate person_record, membership, record, person cascade' });
      await db.rows({ text: `insert into person (id) values ('p')` });
      for (const [i, { source, active, gone, secondary, dormant }] of records.entries()) {
        await db.rows({
          text: `with r as (
              insert into record (source, anchor, kind, user_name, active, evidence, gone_at)
              values ($1, $2, 'user', $2, $3, $4, case when $4::text is not null then now() end) returning key
            ) insert into person_record (record_key, person, linked_by, secondary, dormant) select key, 'p', 'new', $5, $6 from r`,
          values: [source, `u${i}`, active && gone !== 'explicit', gone, secondary, dormant],
        });
      }
      const [stored] = await loadPeople(db, ['p']);
      assert.ok(stored !== undefined);
      const person = buildPerson(stored, { names: new Map(), parents: new Map() }, undefined, sources);
      const [listed] = await listPeople(db, { terms: [], limit: 2 });
      assert.equal(listed?.life, person.life);
      assert.equal((await findPeople(db, 'p'))[0]?.userName, listed?.userName);
      assert.equal((await namesOfPeople(db, ['p'])).get('p'), listed?.userName);
      assert.equal((await listPeople(db, { terms: [{ field: 'life', like: person.life }], limit: 2 })).length, 1);
    }),
    { numRuns: 60, seed: 3 },
  );
});

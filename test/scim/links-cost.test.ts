import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Db, Statement } from '../../src/store/db.ts';
import { type TestDatabase, testDatabase } from '../support/database.ts';
import { planOf, touched } from './plan-cost.ts';
import { type ScimServer, scimServer } from './server.ts';

const [USERS, GROUPS] = [2000, 600];

describe('a search by what members or groups are, in a database that knows nothing about its tables yet', () => {
  let database: TestDatabase;
  let server: ScimServer;
  let memberships = 0;
  const statements: Statement[] = [];
  before(async () => {
    database = await testDatabase();
    const rows = <R>(statement: Statement): Promise<R[]> => {
      statements.push(statement);
      return database.db.rows<R>(statement);
    };
    const watched: Db = { ...database.db, rows, row: async <R>(s: Statement) => (await rows<R>(s))[0] };
    server = await scimServer(watched);
    await database.db.rows({
      text: `insert into record (source, anchor, kind, user_name, display_name, name_key, resource)
        select 'okta', kind || '-' || n, kind, kind || n, kind || n, kind || n, '{}'
        from unnest(array['user', 'group']) kind, generate_series(1, case kind when 'user' then ${USERS} else ${GROUPS} end) n`,
    });
    const made = await database.db.rows({
      text: `insert into membership (group_key, member_key) select g.key, u.key from record g, record u
        where g.kind = 'group' and u.kind = 'user' and u.key % 20 = g.key % 20 returning 1 as one`,
    });
    memberships = made.length;
  });
  after(async () => {
    await server.close();
    await database.close();
  });

  for (const [path, total] of [
    ['/Groups?filter=members.type eq "Nothing"', 0],
    ['/Groups?filter=members.type eq "User"', GROUPS],
    ['/Groups?filter=members.display eq "user77"', GROUPS / 20],
    ['/Groups?filter=members[display eq "user77" and type eq "User"]', GROUPS / 20],
    ['/Groups?filter=not (members.display co "user")', 0],
    ['/Users?filter=groups.display eq "group77"', USERS / 20],
    ['/Users?filter=groups.display eq "nothing" or userName eq "user9"', 1],
  ] as const) {
    test(path, async () => {
      statements.length = 0;
      const reply = await server.send('GET', `${path.replaceAll(' ', '%20')}&count=1&attributes=id`);
      assert.equal(reply.status, 200, reply.text);
      assert.equal(reply.body.totalResults, total);
      for (const statement of statements.slice()) {
        const count = touched(await planOf(database.db, statement));
        // Every record and every membership a few times; not each record for each group.
        assert.ok(count <= 10 * (USERS + GROUPS + memberships), `${count} rows: ${statement.text}`);
      }
    });
  }
});

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Db, Statement } from '../../src/store/db.ts';
import { type TestDatabase, testDatabase } from '../support/database.ts';
import { planOf, touched } from './plan-cost.ts';
import { onPostgres } from '../support/server.ts';
import { type ScimServer, scimServer } from './server.ts';

describe('the cost of finding one among thousands', () => {
  let database: TestDatabase;
  let server: ScimServer;
  const statements: Statement[] = [];

  before(async () => {
    database = await testDatabase();
    const watched: Db = {
      ...database.db,
      rows: <R>(statement: Statement) => {
        statements.push(statement);
        return database.db.rows<R>(statement);
      },
      row: <R>(statement: Statement) => {
        statements.push(statement);
        return database.db.row<R>(statement);
      },
    };
    server = await scimServer(watched);
    for (const source of ['okta', 'entra']) {
      await database.db.rows({
        text: `insert into record (source, anchor, kind, user_name, display_name, name_key, external_id, emails, email_keys, resource)
          select $1, kind || '-' || n, kind, kind || n, kind || n, kind || n, 'e-' || kind || n, array['m' || n], array['m' || n],
            jsonb_build_object('userName', kind || n, 'active', true, 'emails',
              jsonb_build_array(jsonb_build_object('value', 'M' || n, 'type', 'work')))
          from generate_series(1, 4000) n, unnest(array['user', 'group']) kind`,
        values: [source],
      });
    }
    await database.db.rows({
      text: `insert into membership (group_key, member_key) select g.key, u.key from record g, record u
        where g.source = 'okta' and u.source = 'okta' and g.anchor = 'group-9' and u.kind = 'user' and u.key < 1000`,
    });
  });
  after(async () => {
    await server.close();
    await database.close();
  });

  const requests: ReadonlyArray<readonly [path: string, total?: number]> = [
    ['/Users/user-77'],
    ['/Groups/group-77'],
    ['/Users?filter=userName eq "USER77"', 1],
    ['/Users?filter=externalId eq "e-user77"', 1],
    ['/Users?filter=id eq "user-77"', 1],
    ['/Users?filter=emails[type eq "work"].value eq "m77"', 1],
    ['/Users?filter=emails.value eq "M77" and active eq true', 1],
    ['/Users?filter=userName eq "user77" or externalId eq "e-user78"', 2],
    ['/Groups?filter=displayName eq "Group77"&excludedAttributes=members', 1],
    ['/Groups?filter=id eq "group-9" and members eq "user-3"&attributes=id', 1],
    ['/Groups?filter=id eq "group-9" and members eq "user-3999"&attributes=id', 0],
  ];

  for (const analyzed of [false, true]) {
    for (const [path, total] of requests) {
      // How much a search in the index on addresses costs, PostgreSQL knows by its statistics alone.
      if (!analyzed && path.includes('emails')) continue;
      test(`${path} ${analyzed ? 'with' : 'without'} statistics`, async () => {
        if (analyzed) await database.db.rows({ text: 'analyze' });
        statements.length = 0;
        const reply = await server.send('GET', path.replaceAll(' ', '%20'));
        assert.equal(reply.status, 200, reply.text);
        if (total !== undefined) assert.equal(reply.body.totalResults, total);
        const seen = [...statements];
        assert.ok(seen.length >= 1 && seen.length <= 2, seen.map((s) => s.text).join('\n'));
        for (const statement of seen) {
          const plan = await planOf(database.db, statement);
          assert.ok(touched(plan) <= 40, `${touched(plan)} rows: ${JSON.stringify(plan)}`);
        }
      });
    }
  }

  /** Rows that each statement of a request touches. */
  async function costs(path: string): Promise<{ readonly rows: number[]; readonly body: Record<string, unknown> }> {
    statements.length = 0;
    const reply = await server.send('GET', path);
    assert.equal(reply.status, 200, reply.text);
    const rows: number[] = [];
    for (const statement of statements.slice()) {
      rows.push(touched(await planOf(database.db, statement)));
    }
    return { rows, body: reply.body };
  }

  test('a name is found from the root as well', async () => {
    const { rows, body } = await costs(`/?filter=${encodeURIComponent('userName eq "USER77" and active eq true')}`);
    assert.equal(body['totalResults'], 1);
    assert.ok(Math.max(...rows) <= 40, rows.join(' '));
  });

  test('a page of a walk by cursor costs the page, at the beginning and far on', async () => {
    // PostgreSQL 15 may walk over all users behind the place to find the groups there: docs/scim.md says so.
    for (const path of onPostgres ? ['/Users'] : ['/Users', '/']) {
      let body: Record<string, unknown> = { nextCursor: '' };
      let rows: number[] = [];
      // So many are left at the end that to sort them all would be no choice for any version of the server.
      for (const count of [10, 1000, 10]) {
        ({ rows, body } = await costs(`${path}?cursor=${String(body['nextCursor'])}&count=${count}`));
      }
      assert.ok(Math.max(...rows) <= 200, `${path}: ${rows.join(' ')}`);
      assert.equal((body['Resources'] as unknown[]).length, 10);
    }
  });
});

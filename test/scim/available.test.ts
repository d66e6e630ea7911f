import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { createAvailable } from '../../src/scim/available.ts';
import { createResources } from '../../src/store/resources.ts';
import { type TestDatabase, testDatabase } from '../support/database.ts';
import { OTHER_TOKEN, type ScimServer, scimServer } from './server.ts';

const ROLE = 'urn:okta:scim:schemas:core:1.0:Role';
const declared = { roles: [{ value: 'dba', display: 'DBA', type: 'PAM' }, { value: 'a/b' }], entitlements: [] };

describe('roles and entitlements that may be assigned', () => {
  let database: TestDatabase;
  let server: ScimServer;
  before(async () => {
    database = await testDatabase();
    server = await scimServer(database.db, {
      sources: () =>
        new Map([
          ['okta', { id: 'okta', declared }],
          ['entra', { id: 'entra' }],
        ]),
    });
  });
  after(async () => {
    await server.close();
    await database.close();
  });
  beforeEach(() => database.db.rows({ text: 'truncate record, membership, person, person_record cascade' }));

  const ids = async (path: string): Promise<string[]> =>
    (await server.send('GET', path)).body.Resources.map((r: { id: string }) => r.id);
  /** What was found serves for a moment; every test makes an endpoint of its own instead of waiting. */
  const fresh = async (): Promise<void> => {
    await server.close();
    server = await scimServer(database.db, {
      sources: () =>
        new Map([
          ['okta', { id: 'okta', declared }],
          ['entra', { id: 'entra' }],
        ]),
    });
  };

  test('are announced as resource types whose schemas are listed, and can be asked for one by one', async () => {
    const types = (await server.send('GET', '/ResourceTypes')).body.Resources;
    assert.deepEqual(
      types.map((t: { id: string; endpoint: string; schema: string }) => [t.id, t.endpoint, t.schema]).slice(2),
      [
        ['Role', '/Roles', ROLE],
        ['Entitlement', '/Entitlements', ROLE.replace('Role', 'Entitlement')],
      ],
    );
    for (const { schema, id } of types) {
      assert.equal((await server.send('GET', `/Schemas/${schema}`)).status, 200);
      assert.equal((await server.send('GET', `/ResourceTypes/${id}`)).status, 200);
    }
  });

  test('are those that the settings declare and those that users of the source have', async () => {
    await fresh();
    const roles = [
      { value: 'audit', display: 'Auditor', type: 'X' },
      { value: 'dba', display: 'other' },
    ];
    const ann = (await server.send('POST', '/Users', { userName: 'ann', roles })).body;
    await server.send('POST', '/Users', {
      userName: 'bob',
      roles: [{ value: 'audit' }],
      entitlements: [{ value: 'e' }],
    });
    await server.send(
      'POST',
      `${server.origin}/scim/entra/v2/Users`,
      { userName: 'x', roles: [{ value: 'foreign' }] },
      {
        authorization: `Bearer ${OTHER_TOKEN}`,
      },
    );
    const { body } = await server.send('GET', '/Roles');
    assert.deepEqual(body.Resources, [
      {
        schemas: [ROLE],
        id: 'a/b',
        displayName: 'a/b',
        meta: { resourceType: 'Role', location: `${server.base}/Roles/a%2Fb` },
      },
      {
        schemas: [ROLE],
        id: 'audit',
        displayName: 'Auditor',
        type: 'X',
        meta: { resourceType: 'Role', location: `${server.base}/Roles/audit` },
      },
      {
        schemas: [ROLE],
        id: 'dba',
        displayName: 'DBA',
        type: 'PAM',
        meta: { resourceType: 'Role', location: `${server.base}/Roles/dba` },
      },
    ]);
    assert.deepEqual(await ids('/Entitlements'), ['e']);
    for (const resource of body.Resources) {
      assert.deepEqual((await server.send('GET', resource.meta.location)).body, resource);
    }
    await fresh();
    await server.send('DELETE', `/Users/${ann.id}`);
    await server.send('PATCH', `/Users/${(await server.send('GET', '/Users')).body.Resources[0].id}`, {
      Operations: [{ op: 'remove', path: 'roles' }],
    });
    assert.deepEqual(await ids('/Roles'), ['a/b', 'dba']);
  });

  test('are paged, filtered, sorted and projected as resources are', async () => {
    await fresh();
    await server.send('POST', '/Users', { userName: 'ann', roles: ['c', 'b', 'z'].map((value) => ({ value })) });
    const page = (await server.send('GET', '/Roles?startIndex=2&count=2')).body;
    assert.deepEqual([page.totalResults, page.startIndex, page.itemsPerPage], [5, 2, 2]);
    assert.deepEqual(
      page.Resources.map((r: { id: string }) => r.id),
      ['b', 'c'],
    );
    const filter = (text: string) => `/Roles?filter=${encodeURIComponent(text)}`;
    assert.deepEqual(await ids(filter('displayName eq "dBA"')), ['dba']);
    assert.deepEqual(await ids(filter('id eq "B"')), []);
    assert.deepEqual(await ids(filter('type pr or id gt "y"')), ['dba', 'z']);
    assert.deepEqual(await ids('/Roles?sortBy=type&sortOrder=ascending'), ['dba', 'a/b', 'b', 'c', 'z']);
    assert.deepEqual(await ids('/Roles?sortOrder=descending&count=2'), ['z', 'dba']);
    const search = await server.send('POST', '/Roles/.search', { filter: 'id eq "dba"', attributes: ['displayName'] });
    assert.deepEqual(search.body.Resources, [{ schemas: [ROLE], id: 'dba', displayName: 'DBA' }]);
    assert.equal((await server.send('GET', filter('nosuch eq 1'))).body.scimType, 'invalidFilter');
  });

  test('are written by nobody', async () => {
    for (const [method, path] of [
      ['POST', '/Roles'],
      ['PUT', '/Roles/dba'],
      ['PATCH', '/Roles/dba'],
      ['DELETE', '/Roles/dba'],
    ] as const) {
      const reply = await server.send(method, path, method === 'DELETE' ? undefined : {});
      assert.deepEqual([reply.status, reply.headers.get('allow')], [405, 'GET']);
    }
    assert.equal((await server.send('GET', '/Roles/nosuch')).status, 404);
    assert.equal((await server.send('GET', '/Roles/dba/x')).status, 404);
  });

  test('users are looked through at most for a twentieth of the time, and never twice at once', async () => {
    let [now, looks] = [0, 0];
    const resources = createResources(database.db);
    const slow = {
      ...resources,
      carried: async () => {
        looks++;
        now += 100;
        if (looks === 3) throw new Error('away');
        return [{ value: `v${looks}` }];
      },
    };
    const available = createAvailable(slow, () => now)('okta', {});
    const values = async () => (await available('roles')).map((v) => v.value);
    assert.deepEqual(await Promise.all([values(), values()]), [['v1'], ['v1']]);
    now += 1_900;
    assert.deepEqual(await values(), ['v1']);
    now += 101;
    assert.deepEqual(await values(), ['v2']);
    now += 2_001;
    await assert.rejects(values());
    assert.deepEqual(await values(), ['v4']);
  });
});

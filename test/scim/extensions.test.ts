import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import type { ExtensionAttribute, ExtensionSchema } from '../../src/model/extensions.ts';
import { extendedTypes } from '../../src/scim/schema/extensions.ts';
import { type TestDatabase, testDatabase } from '../support/database.ts';
import { type ScimServer, scimServer } from './server.ts';

const HR = 'urn:acme:params:scim:schemas:extension:hr:2.0:User';
const ASSET = 'urn:acme:params:scim:schemas:extension:asset:2.0:Group';
const PATCH = 'urn:ietf:params:scim:api:messages:2.0:PatchOp';

const attribute = (name: string, more: Partial<ExtensionAttribute> = {}): ExtensionAttribute => ({
  name,
  type: 'string',
  multiValued: false,
  description: '',
  required: false,
  caseExact: false,
  mutability: 'readWrite',
  ...more,
});
const schema = (attributes: readonly ExtensionAttribute[], more: Partial<ExtensionSchema> = {}): ExtensionSchema => ({
  id: HR,
  name: 'hr',
  description: '',
  resource: 'User',
  required: false,
  attributes,
  ...more,
});

const FULL = [
  attribute('costUnit', { caseExact: true, canonicalValues: ['A', 'B'] }),
  attribute('level', { type: 'integer' }),
  attribute('score', { type: 'decimal' }),
  attribute('contractEnd', { type: 'dateTime' }),
  attribute('onCall', { type: 'boolean' }),
  attribute('teams', { multiValued: true }),
  attribute('pin', { mutability: 'writeOnly' }),
  attribute('born', { mutability: 'immutable' }),
  attribute('badge', {
    type: 'complex',
    subAttributes: [attribute('colour'), attribute('floor', { type: 'integer' })],
  }),
  attribute('sites', { type: 'complex', multiValued: true, subAttributes: [attribute('value'), attribute('role')] }),
];

let database: TestDatabase;
let server: ScimServer;
let declared: readonly ExtensionSchema[] = [];
before(async () => {
  database = await testDatabase();
  server = await scimServer(database.db, {
    sources: () => new Map([['okta', { id: 'okta', types: extendedTypes(declared) }]]),
  });
});
after(async () => {
  await server.close();
  await database.close();
});
beforeEach(async () => {
  declared = [schema(FULL), schema([attribute('owner')], { id: ASSET, name: 'asset', resource: 'Group' })];
  await database.db.rows({ text: 'truncate record, membership, person, person_record, dirty, event cascade' });
});

const post = (body: object) => server.send('POST', '/Users', body);
const patch = (id: string, ...Operations: unknown[]) =>
  server.send('PATCH', `/Users/${id}`, { schemas: [PATCH], Operations });
const found = async (filter: string): Promise<string[]> => {
  const reply = await server.send('GET', `/Users?filter=${encodeURIComponent(filter)}`);
  assert.equal(reply.status, 200, `${filter}: ${reply.text}`);
  return reply.body.Resources.map((r: { userName: string }) => r.userName).toSorted();
};
const stored = async (id: string): Promise<{ resource: Record<string, never>; attributes: Record<string, unknown> }> =>
  (await database.db.row({ text: 'select resource, attributes from record where anchor = $1', values: [id] }))!;

test('declared schemas are served as they are', async () => {
  const types = (await server.send('GET', '/ResourceTypes')).body.Resources;
  const extensions = types.find((t: { id: string }) => t.id === 'User').schemaExtensions;
  assert.deepEqual(extensions.at(-1), { schema: HR, required: false });
  assert.deepEqual(types.find((t: { id: string }) => t.id === 'Group').schemaExtensions, [
    { schema: ASSET, required: false },
  ]);
  const served = (await server.send('GET', `/Schemas/${HR}`)).body;
  assert.equal(served.id, HR);
  const by = new Map<string, Record<string, unknown>>(served.attributes.map((a: { name: string }) => [a.name, a]));
  assert.deepEqual(by.get('costUnit'), {
    name: 'costUnit',
    type: 'string',
    multiValued: false,
    description: 'costUnit',
    required: false,
    caseExact: true,
    mutability: 'readWrite',
    returned: 'default',
    uniqueness: 'none',
    canonicalValues: ['A', 'B'],
  });
  assert.equal(by.get('pin')?.['returned'], 'never');
  assert.deepEqual(
    (by.get('badge')?.['subAttributes'] as Array<{ name: string }> | undefined)?.map((a) => a.name),
    ['colour', 'floor'],
  );
});

test('only declared attributes are stored, in the declared types, with or without the URN in schemas', async () => {
  const made = await post({
    schemas: ['urn:ietf:params:scim:schemas:core:2.0:User'],
    userName: 'ann',
    [HR.toUpperCase()]: {
      COSTUNIT: 'A',
      level: '7',
      score: 2.5,
      contractEnd: '2026-12-31',
      onCall: 'True',
      teams: ['red', 'blue', 'red'],
      pin: '123456',
      other: 'x',
      badge: { colour: 'green', floor: 3, more: 1 },
      sites: [{ value: 'BER', role: 'x' }],
    },
    'urn:other:User': { a: 1 },
  });
  assert.equal(made.status, 201, made.text);
  const wanted = {
    costUnit: 'A',
    level: 7,
    score: 2.5,
    contractEnd: '2026-12-31T00:00:00Z',
    onCall: true,
    teams: ['red', 'blue'],
    badge: { colour: 'green', floor: 3 },
    sites: [{ value: 'BER', role: 'x' }],
  };
  assert.deepEqual(made.body[HR], wanted);
  assert.ok(made.body.schemas.includes(HR));
  const row = await stored(made.body.id);
  assert.deepEqual(Object.keys(row.resource).toSorted(), [HR, 'active', 'userName'].toSorted());
  assert.deepEqual(row.resource[HR], wanted);
  assert.equal(row.attributes['level'], 7);
  assert.equal(row.attributes['contractEnd'], '2026-12-31T00:00:00.000Z');
  assert.equal(row.attributes['badgeColour'], 'green');
  assert.deepEqual(row.attributes['sites'], ['BER']);
  assert.equal(row.attributes['born'], null, 'delivered, and empty');
  assert.ok(!('pin' in row.attributes));
});

test('wrong values are refused with the path', async () => {
  for (const [value, detail] of [
    [{ level: 1.5 }, /:level has to be a whole number/],
    [{ level: 'x' }, /:level has to be a whole number/],
    [{ score: 'x' }, /:score has to be a number/],
    [{ contractEnd: '2026-02-30T00:00:00Z' }, /:contractEnd has to be a time/],
    [{ onCall: 'maybe' }, /:onCall has to be true or false/],
    [{ teams: 'red' }, /:teams has to be an array/],
    [{ badge: 'x' }, /:badge has to be an object/],
    ['x', /has to be an object/],
  ] as const) {
    const reply = await post({ userName: 'bad', [HR]: value });
    assert.equal(reply.status, 400, JSON.stringify(value));
    assert.equal(reply.body.scimType, 'invalidValue');
    assert.match(reply.body.detail, detail);
  }
});

test('PATCH paths lead into declared schemas', async () => {
  const { id } = (await post({ userName: 'ann', [HR]: { teams: ['red'], badge: { colour: 'green' } } })).body;
  const after = await patch(
    id,
    { op: 'Add', path: `${HR}:level`, value: '9' },
    { op: 'add', path: `${HR}:teams`, value: ['blue', 'red'] },
    { op: 'replace', path: `${HR}:badge.floor`, value: 4 },
    { op: 'add', path: `${HR}:sites`, value: [{ value: 'BER' }, { value: 'HAM' }] },
    { op: 'replace', path: `${HR}:sites[value eq "BER"].role`, value: 'lead' },
    { op: 'replace', value: { [`${HR}:costUnit`]: 'B', [HR]: { onCall: true } } },
  );
  assert.equal(after.status, 200, after.text);
  assert.deepEqual(after.body[HR], {
    teams: ['red', 'blue'],
    badge: { colour: 'green', floor: 4 },
    level: 9,
    sites: [{ value: 'BER', role: 'lead' }, { value: 'HAM' }],
    costUnit: 'B',
    onCall: true,
  });
  const less = await patch(
    id,
    { op: 'remove', path: `${HR}:teams`, value: ['red'] },
    { op: 'remove', path: `${HR}:sites[value eq "HAM"]` },
    { op: 'remove', path: `${HR}:badge` },
    { op: 'remove', path: `${HR}:level` },
  );
  assert.deepEqual(less.body[HR], {
    teams: ['blue'],
    sites: [{ value: 'BER', role: 'lead' }],
    costUnit: 'B',
    onCall: true,
  });
  assert.equal((await patch(id, { op: 'add', path: `${HR}:nothing`, value: 1 })).body.scimType, 'invalidPath');
  assert.equal((await patch(id, { op: 'remove', path: HR })).body[HR], undefined);
});

test('filters and sorting go by the declared types', async () => {
  for (const [userName, value] of [
    [
      'ann',
      {
        level: 9,
        contractEnd: '2026-06-01T10:00:00+02:00',
        teams: ['Red'],
        costUnit: 'A',
        sites: [{ value: 'BER', role: 'x' }],
      },
    ],
    ['bob', { level: 10, contractEnd: '2026-06-01T09:00:00Z', onCall: true, badge: { floor: 2 } }],
    ['cyd', { score: 0.5, teams: ['blue', 'red'] }],
  ] as const) {
    assert.equal((await post({ userName, [HR]: value })).status, 201);
  }
  assert.deepEqual(await found(`${HR}:level gt 9`), ['bob']);
  assert.deepEqual(await found(`${HR}:level ge 9`), ['ann', 'bob']);
  assert.deepEqual(await found(`${HR}:level eq "10"`), ['bob']);
  assert.deepEqual(await found(`${HR}:level ne 10`), ['ann', 'cyd']);
  assert.deepEqual(await found(`${HR}:score lt 1.25`), ['cyd']);
  assert.deepEqual(await found(`${HR}:contractEnd lt "2026-06-01T08:30:00Z"`), ['ann']);
  assert.deepEqual(await found(`${HR}:teams eq "red"`), ['ann', 'cyd']);
  assert.deepEqual(await found(`${HR}:teams co "lu"`), ['cyd']);
  assert.deepEqual(await found(`${HR}:costUnit eq "a"`), []);
  assert.deepEqual(await found(`${HR}:onCall eq "True"`), ['bob']);
  assert.deepEqual(await found(`${HR}:badge.floor eq 2`), ['bob']);
  assert.deepEqual(await found(`${HR}:sites[value eq "ber" and role eq "x"]`), ['ann']);
  assert.deepEqual(await found(`${HR}:teams pr`), ['ann', 'cyd']);
  assert.deepEqual(await found('teams eq "blue"'), ['cyd']);
  for (const sortBy of [`${HR}:level`, `${HR}:contractEnd`]) {
    const sorted = (await server.send('GET', `/Users?sortBy=${encodeURIComponent(sortBy)}`)).body.Resources;
    const names = sorted.map((r: { userName: string }) => r.userName);
    assert.deepEqual(names, ['ann', 'bob', 'cyd'], sortBy);
    // From the root, where groups have no such attribute, one by one.
    const walked: string[] = [];
    let cursor: string | undefined = '';
    while (cursor !== undefined) {
      const page = `/?count=1&sortBy=${encodeURIComponent(sortBy)}&cursor=${encodeURIComponent(cursor)}`;
      const { status, body, text } = await server.send('GET', page);
      assert.equal(status, 200, text);
      walked.push(...body.Resources.map((r: { userName: string }) => r.userName));
      cursor = body.nextCursor;
    }
    assert.deepEqual(walked, ['ann', 'bob', 'cyd'], sortBy);
  }
  for (const wrong of [`${HR}:level co "1"`, `${HR}:level eq "x"`, `${HR}:nothing eq "x"`, `${HR}:pin eq 1e999`]) {
    const reply = await server.send('GET', `/Users?filter=${encodeURIComponent(wrong)}`);
    assert.equal(reply.body?.scimType ?? 'none', wrong.includes(':pin') ? 'none' : 'invalidFilter', wrong);
  }
});

test('an immutable value is set once; a PUT without it keeps it; a leave is never refused for it', async () => {
  const { id } = (await post({ userName: 'ann' })).body;
  assert.equal((await patch(id, { op: 'add', path: `${HR}:born`, value: '1' })).body[HR].born, '1');
  for (const operation of [
    { op: 'replace', path: `${HR}:born`, value: '2' },
    { op: 'remove', path: `${HR}:born` },
  ]) {
    const reply = await patch(id, operation);
    assert.deepEqual([reply.status, reply.body.scimType], [400, 'mutability']);
  }
  const put = (body: object) => server.send('PUT', `/Users/${id}`, body);
  assert.equal((await put({ userName: 'ann', [HR]: { born: '2' } })).status, 400);
  assert.equal((await put({ userName: 'ann', title: 'x' })).body[HR].born, '1');
  const left = await put({ userName: 'ann', active: false, [HR]: { born: '2' } });
  assert.deepEqual([left.status, left.body.active, left.body[HR].born], [200, false, '1']);
});

test('what is required must be there, but what came before the declaration does not stop a PATCH, nor a leave', async () => {
  const old = (await post({ userName: 'old' })).body.id;
  declared = [
    schema([attribute('unit', { required: true }), attribute('level', { type: 'integer' })], { required: true }),
  ];
  assert.equal((await server.send('GET', '/ResourceTypes/User')).body.schemaExtensions.at(-1).required, true);
  assert.match((await post({ userName: 'new' })).body.detail, /hr:2\.0:User:unit is required/);
  assert.equal((await post({ userName: 'new', [HR]: { unit: 'x' } })).status, 201);
  assert.equal((await patch(old, { op: 'replace', path: 'title', value: 'x' })).status, 200);
  assert.equal((await server.send('PUT', `/Users/${old}`, { userName: 'old' })).status, 400);
  assert.equal((await server.send('PUT', `/Users/${old}`, { userName: 'old', active: false })).status, 200);
});

test('when a declaration goes, what is stored stays, is not shown, and goes with the next write', async () => {
  const { id } = (await post({ userName: 'ann', [HR]: { level: 7, teams: ['red'] } })).body;
  declared = [schema([attribute('teams', { multiValued: true })])];
  assert.deepEqual((await server.send('GET', `/Users/${id}`)).body[HR], { teams: ['red'] });
  assert.equal((await server.send('GET', `/Users?filter=${encodeURIComponent(`${HR}:level eq 7`)}`)).status, 400);
  assert.deepEqual((await stored(id)).resource[HR], { level: 7, teams: ['red'] }, 'nothing is rewritten by itself');
  declared = [];
  const shown = (await server.send('GET', `/Users/${id}`)).body;
  assert.ok(!(HR in shown) && !shown.schemas.includes(HR));
  declared = [schema(FULL)];
  assert.equal((await server.send('GET', `/Users/${id}`)).body[HR].level, 7, 'a mistake in the settings loses nothing');
  declared = [schema([attribute('teams', { multiValued: true })])];
  await patch(id, { op: 'replace', path: 'title', value: 'x' });
  assert.deepEqual((await stored(id)).resource[HR], { teams: ['red'] });
  declared = [];
  await patch(id, { op: 'replace', path: 'title', value: 'y' });
  assert.ok(!(HR in (await stored(id)).resource));
});

test('when a type changes, values of the old type are not shown, match no filter and break none', async () => {
  const { id } = (await post({ userName: 'ann', [HR]: { costUnit: 'x', teams: ['red'], contractEnd: '2026-01-01' } }))
    .body;
  for (const type of ['integer', 'dateTime', 'boolean', 'complex'] as const) {
    const parts = type === 'complex' ? { subAttributes: [attribute('value')] } : {};
    declared = [
      schema([
        attribute('costUnit', { type, ...parts }),
        attribute('teams'),
        attribute('contractEnd', { type: 'integer' }),
      ]),
    ];
    assert.ok(!(HR in (await server.send('GET', `/Users/${id}`)).body), type);
    for (const path of ['costUnit', 'teams', 'contractEnd']) {
      assert.equal((await server.send('GET', `/Users?sortBy=${encodeURIComponent(`${HR}:${path}`)}`)).status, 200);
    }
    assert.deepEqual(await found(`${HR}:contractEnd gt 1`), []);
  }
  declared = [
    schema([attribute('costUnit', { type: 'integer' }), attribute('teams', { type: 'integer', multiValued: true })]),
  ];
  assert.deepEqual(await found(`${HR}:costUnit eq 1 or ${HR}:teams gt 0`), []);
  declared = [schema([attribute('costUnit', { multiValued: true })])];
  assert.deepEqual(await found(`${HR}:costUnit eq "x"`), [], 'a single value where several are declared');
  declared = [schema([attribute('level', { type: 'dateTime' })])];
  await database.db.rows({
    text: `update record set resource = jsonb_set(resource, '{${HR}}', '{"level": "2026-02-31T00:00:00Z"}')`,
  });
  assert.deepEqual(await found(`${HR}:level gt "2020-01-01T00:00:00Z"`), [], 'no day of the calendar');
});

test('an attribute that is declared later is unknown until the client writes, be it the same again', async () => {
  declared = [];
  const { id, meta } = (await post({ userName: 'ann' })).body;
  declared = [schema([attribute('level', { type: 'integer' })])];
  assert.ok(!('level' in (await stored(id)).attributes));
  const put = () => server.send('PUT', `/Users/${id}`, { userName: 'ann' });
  const changed = await put();
  assert.equal((await stored(id)).attributes['level'], null);
  assert.notEqual(changed.body.meta.version, meta.version);
  assert.equal((await put()).body.meta.version, changed.body.meta.version, 'and then nothing changes any more');
});

test('groups have declared schemas too', async () => {
  const made = await server.send('POST', '/Groups', { displayName: 'g', [ASSET]: { owner: 'ann', x: 1 } });
  assert.deepEqual(made.body[ASSET], { owner: 'ann' });
  const { id } = made.body;
  const Operations = [{ op: 'replace', path: `${ASSET}:owner`, value: 'bob' }];
  assert.equal((await server.send('PATCH', `/Groups/${id}`, { schemas: [PATCH], Operations })).status, 204);
  const filter = encodeURIComponent(`${ASSET}:owner eq "bob"`);
  assert.equal((await server.send('GET', `/Groups?filter=${filter}`)).body.totalResults, 1);
});

test('bulk requests know declared schemas, and an id that no store could hold is told as any other', async () => {
  const bulk = (...Operations: unknown[]) =>
    server.send('POST', '/Bulk', { schemas: ['urn:ietf:params:scim:api:messages:2.0:BulkRequest'], Operations });
  const made = await bulk({
    method: 'POST',
    path: '/Users',
    bulkId: 'a',
    data: { userName: 'ann', [HR]: { level: 7 } },
  });
  assert.equal(made.body.Operations[0].status, '201', made.text);
  const id = made.body.Operations[0].location.split('/').at(-1);
  assert.deepEqual((await stored(id)).resource[HR], { level: 7 });
  const Operations = [{ op: 'add', path: `${HR}:level`, value: 8 }];
  await bulk({ method: 'PATCH', path: `/Users/${id}`, data: { schemas: [PATCH], Operations } });
  assert.deepEqual((await stored(id)).resource[HR], { level: 8 });
  const odd = await bulk({ method: 'DELETE', path: '/Users/a\u0000b' }, { method: 'DELETE', path: '/Users/\ud800' });
  for (const { status } of odd.body.Operations) assert.match(status, /^40[04]$/, odd.text);
});

test('the enterprise schema is whole', async () => {
  const URN = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User';
  const served = (await server.send('GET', `/Schemas/${URN}`)).body.attributes.map((a: { name: string }) => a.name);
  assert.deepEqual(served, ['employeeNumber', 'costCenter', 'organization', 'division', 'department', 'manager']);
  const all = { employeeNumber: '1', costCenter: 'c', organization: 'o', division: 'd', department: 'x' };
  const made = await post({
    userName: 'ann',
    [URN]: { ...all, manager: { value: 'm', $ref: '../Users/m', displayName: 'M' } },
  });
  assert.deepEqual(made.body[URN], { ...all, manager: { value: 'm', $ref: '../Users/m' } });
  assert.equal((await stored(made.body.id)).attributes['manager'], 'm');
});

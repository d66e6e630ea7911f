import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { IRREGULAR_FORMS, type IrregularForm } from '../../src/scim/irregular.ts';
import { extendedTypes } from '../../src/scim/schema/extensions.ts';
import { createMetrics } from '../../src/web/metrics.ts';
import { type TestDatabase, testDatabase } from '../support/database.ts';
import { type ScimServer, scimServer, TOKEN } from './server.ts';

const HR = 'urn:acme:hr:2.0:User';
/** The source declares one number, which clients that know only text send as text. */
const types = extendedTypes([
  {
    id: HR,
    name: 'hr',
    description: '',
    resource: 'User',
    required: false,
    attributes: [
      {
        name: 'level',
        type: 'integer',
        multiValued: false,
        description: '',
        required: false,
        caseExact: false,
        mutability: 'readWrite',
      },
    ],
  },
]);
const ENTERPRISE = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User';

describe('irregular forms are read, and counted by client', () => {
  let database: TestDatabase;
  let server: ScimServer;
  let user: string;
  let group: string;
  const noted: Array<{ source: string; client: string; form: IrregularForm }> = [];
  before(async () => {
    database = await testDatabase();
    server = await scimServer(database.db, {
      sources: () => new Map([['okta', { id: 'okta', types }]]),
      onIrregular: (info) => void noted.push(info),
    });
    user = (await server.send('POST', '/Users', { userName: 'ann' })).body.id;
    group = (await server.send('POST', '/Groups', { displayName: 'G', members: [{ value: user }] })).body.id;
  });
  after(async () => {
    await server.close();
    await database.close();
  });

  type Request = readonly [method: string, path: string, body?: unknown, headers?: Record<string, string>];
  const patch = (...Operations: unknown[]): Request => ['PATCH', `/Users/${user}`, { Operations }];
  const filter = (text: string): Request => ['GET', `/Users?filter=${encodeURIComponent(text)}`];
  const replace = (path: string, value: unknown) => ({ op: 'replace', path, value });

  const cases: ReadonlyArray<readonly [form: IrregularForm, request: () => Request]> = [
    ['attributes-filter', () => ['GET', `/Users/${user}?attributes=${encodeURIComponent('emails[type eq "work"]')}`]],
    ['bare-token', () => ['GET', '/Users?count=0', undefined, { authorization: TOKEN }]],
    ['boolean-text', () => patch(replace('active', 'False'))],
    ['boolean-text', () => ['PUT', `/Users/${user}`, { userName: 'ann', active: 'True' }]],
    ['boolean-text', () => patch(replace('emails', [{ value: 'a', primary: 'true' }]))],
    ['filter-boolean-text', () => filter('active eq "True"')],
    ['filter-unquoted', () => filter('userName eq ann')],
    // What can't be read of a PUT does not keep a leaver's access (docs/decisions/0019).
    ['leave-only', () => ['PUT', `/Users/${user}`, { userName: 'ann', active: false, title: 7 }]],
    ['manager-bare', () => patch(replace(`${ENTERPRISE}:manager`, user))],
    ['manager-bare', () => patch(replace(`${ENTERPRISE}:manager`, [{ value: user }]))],
    ['no-operations', () => patch()],
    ['number-text', () => patch(replace(`${HR}:level`, '7'))],
    ['number-text', () => filter(`${HR}:level gt "3"`)],
    ['op-case', () => patch({ op: 'Replace', path: 'title', value: 'x' })],
    ['path-case', () => patch(replace('Title', 'y'))],
    ['path-case', () => patch(replace('EMAILS[type eq "work"]', { value: 'z', type: 'work' }))],
    ['path-keys', () => patch({ op: 'replace', value: { 'name.givenName': 'A' } })],
    ['path-keys', () => patch({ op: 'replace', value: { [`${ENTERPRISE}:department`]: 'A' } })],
    ['path-short', () => patch(replace('department', 'B'))],
    ['read-only-echo', () => ['PATCH', `/Groups/${group}`, { Operations: [{ op: 'replace', value: { id: group } }] }]],
    [
      'remove-list',
      () => [
        'PATCH',
        `/Groups/${group}`,
        { Operations: [{ op: 'remove', path: 'members', value: [{ value: user }] }] },
      ],
    ],
    ['remove-list', () => patch({ op: 'remove', path: 'emails', value: [{ value: 'a' }] })],
    ['role-unfolded', () => patch(replace('roles', [{ value: 'r', displayName: 'R' }]))],
    ['role-unfolded', () => patch(replace('roles', [{ value: '{"value":"r2"}' }]))],
    ['text-for-element', () => patch({ op: 'add', path: 'entitlements', value: 'e' })],
    ['url-flag', () => ['GET', '?aadOptscim062020/Users?count=0']],
    ['value-path-made', () => patch(replace('phoneNumbers[type eq "fax"].value', '1'))],
  ];

  for (const [form, request] of cases) {
    test(`${form}: ${JSON.stringify(request().slice(1, 3)).slice(0, 90)}`, async () => {
      noted.length = 0;
      const reply = await server.send(...request());
      assert.ok(reply.status < 300, reply.text);
      const forms = noted.map((n) => n.form).filter((f) => f !== 'path-short' || form === 'path-short');
      assert.ok(forms.includes(form), JSON.stringify(forms));
      const beside = form === 'path-case' ? ['path-case', 'value-path-made'] : [form];
      assert.deepEqual(
        forms.filter((f) => !beside.includes(f)),
        [],
      );
      assert.ok(noted.every((n) => n.source === 'okta' && n.client === 'test'));
    });
  }

  test('every form has a case above, and a line in docs/scim.md', () => {
    assert.deepEqual([...new Set(cases.map(([form]) => form))], IRREGULAR_FORMS);
    const page = readFileSync(new URL('../../docs/scim.md', import.meta.url), 'utf8');
    assert.deepEqual(
      IRREGULAR_FORMS.filter((form) => !page.includes(`\`${form}\``)),
      [],
    );
  });

  test('regular forms are not counted', async () => {
    noted.length = 0;
    const requests: Request[] = [
      [
        'POST',
        '/Users',
        {
          userName: 'reg',
          active: true,
          emails: [{ value: 'a', type: 'work', primary: true }],
          [ENTERPRISE]: { department: 'D', manager: { value: user } },
          roles: [{ value: 'r', display: 'R' }],
        },
      ],
      filter(
        'userName eq "ann" and active eq true and meta.created gt "2020-01-01T00:00:00Z" and emails[type eq "work"]',
      ),
      patch(
        { op: 'add', path: `${ENTERPRISE}:department`, value: 'X' },
        { op: 'replace', value: { title: 'T', emails: [{ value: 'b', type: 'work' }] } },
      ),
      patch({ op: 'replace', path: 'emails[type eq "work"].value', value: 'c' }, { op: 'remove', path: 'title' }),
      [
        'PATCH',
        `/Groups/${group}`,
        {
          Operations: [
            { op: 'remove', path: `members[value eq "${user}"]` },
            { op: 'add', path: 'members', value: [{ value: user }] },
          ],
        },
      ],
    ];
    for (const request of requests) assert.ok((await server.send(...request)).status < 300);
    assert.deepEqual(noted, []);
  });

  test('the metric has a bounded number of series', async () => {
    const metrics = createMetrics(() => Promise.reject(new Error('away')));
    for (let i = 0; i < 300; i++) metrics.irregular({ source: 'okta', client: `c${i}`, form: 'op-case' });
    metrics.irregular({ source: 'okta', client: 'c0', form: 'op-case' });
    const lines = (await metrics.text())
      .split('\n')
      .filter((line) => line.startsWith('drawbridge_scim_irregular_total{'));
    assert.equal(lines.length, 201);
    assert.ok(lines.includes('drawbridge_scim_irregular_total{source="okta",client="c0",form="op-case"} 2'));
    assert.ok(lines.includes('drawbridge_scim_irregular_total{source="okta",client="other",form="op-case"} 100'));
  });
});

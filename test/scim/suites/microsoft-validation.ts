import { type Check, filled, is, type Request, status, type Step, type Suite, text } from './suite.ts';

const USER = 'urn:ietf:params:scim:schemas:core:2.0:User';
const GROUP = 'urn:ietf:params:scim:schemas:core:2.0:Group';
const ENTERPRISE = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User';
const PATCH = 'urn:ietf:params:scim:api:messages:2.0:PatchOp';
const DONE = [200, 204];
const MADE = [200, 201];

/** What Entra ID writes to an application by its default mapping, by the names that its mappings have. */
const MAPPED = {
  User: [
    'userName',
    'active',
    'displayName',
    'title',
    'preferredLanguage',
    'externalId',
    'nickName',
    'userType',
    'locale',
    'timezone',
    'name.givenName',
    'name.familyName',
    'name.formatted',
    'emails[type eq "work"].value',
    'phoneNumbers[type eq "work"].value',
    'phoneNumbers[type eq "mobile"].value',
    'phoneNumbers[type eq "fax"].value',
    'addresses[type eq "work"].formatted',
    'addresses[type eq "work"].streetAddress',
    'addresses[type eq "work"].locality',
    'addresses[type eq "work"].region',
    'addresses[type eq "work"].postalCode',
    'addresses[type eq "work"].country',
    'roles[primary eq "True"].value',
    `${ENTERPRISE}:employeeNumber`,
    `${ENTERPRISE}:department`,
    `${ENTERPRISE}:costCenter`,
    `${ENTERPRISE}:organization`,
    `${ENTERPRISE}:division`,
    `${ENTERPRISE}:manager`,
  ],
  Group: ['displayName', 'externalId', 'members'],
};

/** The parts of a name: `attribute`, `attribute.part`, `attribute[type eq "of"].part` or `schema:attribute`. */
function partsOf(path: string): { schema?: string; attribute: string; by?: string; of?: string; part?: string } {
  if (path.startsWith('urn:')) {
    const at = path.lastIndexOf(':');
    return { schema: path.slice(0, at), attribute: path.slice(at + 1) };
  }
  const found = /^(?<attribute>\w+)(?:\[(?<by>\w+) eq "(?<of>\w+)"\])?(?:\.(?<part>\w+))?$/.exec(path)?.groups;
  return { attribute: path, ...found };
}

/** The suite names what it finds in /Schemas as mappings do, and looks for each mapped attribute among those names. */
function discoverable(core: string, path: string): Check {
  const { schema = core, attribute, by, of, part } = partsOf(path);
  const parts = [
    ...(part === undefined ? [] : [{ name: part }]),
    ...(by === undefined ? [] : [{ name: by, ...(by === 'type' ? { canonicalValues: { $some: [of] } } : {}) }]),
  ];
  const wanted = { name: attribute, ...(parts.length === 0 ? {} : { subAttributes: { $some: parts } }) };
  return { wants: { at: 'Resources', has: { id: schema, attributes: { $some: [wanted] } } } };
}

/** Where `valueAt` finds it: the resources below have one element of each list. */
function placeOf(path: string): string {
  const { schema, attribute, by, part } = partsOf(path);
  return [schema, attribute, by === undefined ? undefined : '0', part].filter((p) => p !== undefined).join('/');
}

/** References, and what decides whether there is a user at all, are left out of these. */
const CLEARED = [
  'displayName',
  'title',
  'preferredLanguage',
  'nickName',
  'name.givenName',
  'name.familyName',
  'name.formatted',
  'emails[type eq "work"].value',
  'phoneNumbers[type eq "mobile"].value',
  'addresses[type eq "work"].streetAddress',
  'addresses[type eq "work"].country',
  `${ENTERPRISE}:employeeNumber`,
  `${ENTERPRISE}:department`,
  `${ENTERPRISE}:costCenter`,
];
const UPDATED = ['userName', 'externalId', 'userType', 'locale', 'timezone', ...CLEARED];

const get = (path: string): Request => ({ method: 'GET', path });
const post = (path: string, body: unknown): Request => ({ method: 'POST', path, body });
const patch = (path: string, Operations: unknown): Request => ({
  method: 'PATCH',
  path,
  body: { schemas: [PATCH], Operations },
});
const step = (name: string, request: Request, checks: readonly Check[], save?: Step['save']): Step => ({
  name,
  request,
  checks,
  ...(save === undefined ? {} : { save }),
});

const user = (userName: string) => ({
  schemas: [USER, ENTERPRISE],
  userName,
  externalId: `entra-${userName}`,
  active: true,
  displayName: 'Test One',
  title: 'Tester',
  preferredLanguage: 'en-US',
  nickName: 'one',
  name: { givenName: 'Test', familyName: 'One', formatted: 'Test One' },
  emails: [{ type: 'work', primary: true, value: 'one@entra.example' }],
  phoneNumbers: [{ type: 'mobile', primary: true, value: '555-0100' }],
  addresses: [{ type: 'work', primary: true, streetAddress: '1 Street', country: 'IS' }],
  [ENTERPRISE]: { employeeNumber: '7', department: 'Tests', costCenter: 'C7' },
});

/** With a path for each, or, but for elements of lists, as one object whose keys are the paths. */
type Form = 'paths' | 'keys';

function replacements(form: Form, values: ReadonlyArray<readonly [path: string, value: unknown]>): unknown[] {
  const withPath = values.map(([path, value]) => ({ op: 'replace', path, value }));
  if (form === 'paths') return withPath;
  const keys = values.filter(([path]) => !path.includes('['));
  return [...withPath.filter(({ path }) => path.includes('[')), { op: 'replace', value: Object.fromEntries(keys) }];
}

const updates = (form: Form): Step[] => {
  const values = UPDATED.map((path, i): readonly [string, string] => [path, `upd-${form}-${i}`]);
  return [
    step(`update (${form}): a user`, post('/Users', user(`upd-${form}`)), [status(MADE), filled('id')], { id: 'id' }),
    step(`update (${form}): replaced`, patch('/Users/{{id}}', replacements(form, values)), [status(DONE)]),
    step(`update (${form}): read`, get('/Users/{{id}}'), [
      status(200),
      // Of a list the suite only looks whether the value is somewhere in it.
      ...values.map(([path, value]) => (path.includes('[') ? text(value) : is(placeOf(path), value))),
    ]),
    step(`update (${form}): removed`, { method: 'DELETE', path: '/Users/{{id}}' }, []),
  ];
};

const clearing = (form: Form): Step[] => [
  step(`clear (${form}): a user`, post('/Users', user(`clear-${form}`)), [filled('id')], { id: 'id' }),
  step(
    `clear (${form}): with empty text`,
    patch(
      '/Users/{{id}}',
      replacements(
        form,
        CLEARED.map((path): readonly [string, unknown] => [path, '']),
      ),
    ),
    [status(DONE)],
  ),
  step(
    `clear (${form}): read`,
    get('/Users/{{id}}'),
    CLEARED.map((path): Check => ({ wants: { at: placeOf(path), empty: true } })),
  ),
  step(
    `clear (${form}): with null`,
    patch(
      '/Users/{{id}}',
      replacements(
        form,
        CLEARED.map((path): readonly [string, unknown] => [path, null]),
      ),
    ),
    [status(DONE)],
  ),
  step(
    `clear (${form}): read again`,
    get('/Users/{{id}}'),
    CLEARED.filter((path) => !path.includes('[')).map((path): Check => ({ wants: { at: placeOf(path), none: true } })),
  ),
  step(`clear (${form}): removed`, { method: 'DELETE', path: '/Users/{{id}}' }, []),
];

const MANAGER = `${ENTERPRISE}:manager`;
const managed = (op: string, value: string): Request => patch('/Users/{{id}}', [{ op, path: MANAGER, value }]);
const manager: readonly Step[] = [
  ...['id', 'one', 'two'].map((name) =>
    step(`manager: user ${name}`, post('/Users', user(`manager-${name}`)), [status(MADE)], { [name]: 'id' }),
  ),
  step('manager: set', managed('Add', '{{one}}'), [status(DONE)]),
  step('manager: is set', get('/Users/{{id}}'), [is(`${ENTERPRISE}/manager/value`, '{{one}}')]),
  step('manager: another', managed('replace', '{{two}}'), [status(DONE)]),
  step('manager: is the other', get('/Users/{{id}}'), [is(`${ENTERPRISE}/manager/value`, '{{two}}')]),
  step('manager: none, as empty text', managed('replace', ''), [status(DONE)]),
  step('manager: is gone', get('/Users/{{id}}'), [{ wants: { at: `${ENTERPRISE}/manager/value`, empty: true } }]),
];

/** At least eleven there, pages of five. */
const pages = (endpoint: 'Users' | 'Groups'): Step[] => [
  ...Array.from({ length: 11 }, (_, i) => {
    const name = `page-${endpoint}-${i}`;
    const body = endpoint === 'Users' ? user(name) : { schemas: [GROUP], displayName: name };
    return step(`pages of ${endpoint}: one more`, post(`/${endpoint}`, body), []);
  }),
  ...[0, 1, 2].map((page) =>
    step(`pages of ${endpoint}: page ${page + 1}`, get(`/${endpoint}?startIndex=${page * 5 + 1}&count=5`), [
      status(200),
      is('startIndex', page * 5 + 1),
    ]),
  ),
];

export const microsoftValidation: Suite = {
  name: "Microsoft's validation for the Entra ID gallery",
  about: 'Of its Logic App workflows the nine tests that talk to the SCIM server itself',
  source: 'AzureAD/SCIMReferenceCode, SCIMTests_Workflow.json at 28e331a2',
  steps: [
    step('schemas', get('/Schemas'), [
      status(200),
      filled('Resources'),
      ...MAPPED.User.map((path) => discoverable(USER, path)),
      ...MAPPED.Group.map((path) => discoverable(GROUP, path)),
    ]),
    ...clearing('paths'),
    ...clearing('keys'),
    step('a user', post('/Users', user('created')), [status(MADE), filled('id'), is('userName', 'created')]),
    ...updates('paths'),
    ...updates('keys'),
    step(
      'a group',
      post('/Groups', { schemas: [GROUP], displayName: 'created', externalId: 'entra-g' }),
      [status(MADE), filled('id'), is('displayName', 'created')],
      { group: 'id' },
    ),
    step(
      'the group changed',
      patch('/Groups/{{group}}', [
        { op: 'replace', path: 'displayName', value: 'upd-1' },
        { op: 'replace', path: 'externalId', value: 'upd-2' },
      ]),
      [status(DONE)],
    ),
    step('the group read', get('/Groups/{{group}}'), [
      status(200),
      is('displayName', 'upd-1'),
      is('externalId', 'upd-2'),
    ]),
    ...pages('Users'),
    ...pages('Groups'),
    ...manager,
  ],
};

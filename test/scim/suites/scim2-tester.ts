import { type Check, filled, has, is, type Request, status, type Step, type Suite, type Judgement } from './suite.ts';

const ERROR = 'urn:ietf:params:scim:api:messages:2.0:Error';
const PATCH = 'urn:ietf:params:scim:api:messages:2.0:PatchOp';
const SEARCH = 'urn:ietf:params:scim:api:messages:2.0:SearchRequest';
const USER = 'urn:ietf:params:scim:schemas:core:2.0:User';
const GROUP = 'urn:ietf:params:scim:schemas:core:2.0:Group';
const ENTERPRISE = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User';

const SCHEMAS = [
  USER,
  ENTERPRISE,
  GROUP,
  'urn:okta:scim:schemas:core:1.0:Role',
  'urn:okta:scim:schemas:core:1.0:Entitlement',
  ...['ServiceProviderConfig', 'ResourceType', 'Schema'].map((name) => `urn:ietf:params:scim:schemas:core:2.0:${name}`),
];

type Type = 'User' | 'Group';

interface Written {
  /** As a PATCH names it. */
  readonly path: string;
  /** As `valueAt` finds it in an answer. */
  readonly at: string;
  readonly value: unknown;
  /** Another value, for replace. */
  readonly other: unknown;
  /** May not be removed. */
  readonly required?: true;
  /** Never shown. */
  readonly hidden?: true;
}

const core = (
  path: string,
  value: unknown,
  other: unknown,
  more: Pick<Written, 'required' | 'hidden'> = {},
): Written => ({
  path,
  at: path,
  value,
  other,
  ...more,
});
const enterprise = (name: string, value: unknown, other: unknown): Written => ({
  path: `${ENTERPRISE}:${name}`,
  at: `${ENTERPRISE}/${name}`,
  value,
  other,
});
const words = (path: string): Written => core(path, `${path} one`, `${path} two`);
const list = (path: string, ...[value, other]: readonly [string, string]): Written => {
  const element = (v: string, display: string) => [{ value: v, display, type: 'other', primary: true }];
  return core(path, element(value, 'one'), element(other, 'two'));
};

/** Every attribute that a client may write, with two values of its type: the suite draws them at random. */
export const ATTRIBUTES: Readonly<Record<Type, readonly Written[]>> = {
  User: [
    core('userName', 'drawn-1', 'drawn-2', { required: true }),
    core('externalId', 'ext-1', 'ext-2'),
    core(
      'name',
      {
        formatted: 'Dr A B C Jr',
        familyName: 'C',
        givenName: 'A',
        middleName: 'B',
        honorificPrefix: 'Dr',
        honorificSuffix: 'Jr',
      },
      { formatted: 'D E', familyName: 'E', givenName: 'D' },
    ),
    ...['displayName', 'nickName', 'title', 'userType', 'preferredLanguage', 'locale', 'timezone'].map(words),
    core('profileUrl', 'https://one.test', 'https://two.test'),
    core('active', true, false),
    core('password', 'secret-1', 'secret-2', { hidden: true }),
    list('emails', 'a@one.test', 'b@two.test'),
    list('phoneNumbers', '5550100', '5550101'),
    list('ims', 'one', 'two'),
    list('photos', 'https://one.test/p', 'https://two.test/p'),
    core(
      'addresses',
      [
        {
          formatted: 'all of it',
          streetAddress: '1 Street',
          locality: 'Town',
          region: 'Region',
          postalCode: '1000',
          country: 'IS',
          type: 'work',
          primary: true,
        },
      ],
      [{ formatted: 'elsewhere', type: 'home' }],
    ),
    list('entitlements', 'e1', 'e2'),
    list('roles', 'r1', 'r2'),
    list('x509Certificates', 'AQID', 'BAUG'),
    ...['employeeNumber', 'costCenter', 'organization', 'division', 'department'].map((name) =>
      enterprise(name, `${name} one`, `${name} two`),
    ),
    enterprise('manager', { value: '{{boss}}' }, { value: '{{chief}}' }),
  ],
  Group: [
    core('displayName', 'Drawn 1', 'Drawn 2', { required: true }),
    core('externalId', 'ext-1', 'ext-2'),
    core('members', [{ value: '{{boss}}', type: 'User' }], [{ value: '{{chief}}', type: 'User' }]),
  ],
};

const get = (path: string): Request => ({ method: 'GET', path });
const patch = (path: string, op: string, attribute: Written, value?: unknown): Request => ({
  method: 'PATCH',
  path,
  body: { schemas: [PATCH], Operations: [{ op, path: attribute.path, ...(value === undefined ? {} : { value }) }] },
});
const step = (name: string, request: Request, checks: readonly Check[], save?: Step['save']): Step => ({
  name,
  request,
  checks,
  ...(save === undefined ? {} : { save }),
});
const refusals: readonly Check[] = [status(404), has('schemas', ERROR), is('status', '404')];

const forbidden = (endpoint: string): Step[] =>
  (['POST', 'PUT', 'PATCH', 'DELETE'] as const).map((method) =>
    step(`${method} on ${endpoint}`, { method, path: `/${endpoint}` }, [status(405)]),
  );

const readOnlyType: Judgement = {
  as: 'wrong',
  section: 'RFC 7643 6; RFC 9110 15.5.6',
  why: 'the suite makes a resource of every type that ResourceTypes names, and all its further checks of the type begin with that. No RFC says that every type can be written by clients: these list what may be assigned to users',
  instead: '405 with the methods there are in `Allow`',
  answers: [{ status: 405 }, { header: 'allow', says: 'GET' }, { at: 'schemas', has: ERROR }],
};

const discovery: readonly Step[] = [
  step('service provider config', get('/ServiceProviderConfig'), [
    status(200),
    has('schemas', 'urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig'),
    ...['patch', 'bulk', 'filter', 'changePassword', 'sort', 'etag'].map((feature): Check => ({
      wants: { at: `${feature}/supported`, type: 'boolean' },
    })),
    filled('authenticationSchemes'),
  ]),
  ...forbidden('ServiceProviderConfig'),

  step('all resource types', get('/ResourceTypes'), [status(200), filled('Resources')]),
  ...['User', 'Group', 'Role', 'Entitlement'].map((type) =>
    step(`resource type ${type}`, get(`/ResourceTypes/${type}`), [status(200), is('id', type)], {
      [`schemaOf${type}`]: 'schema',
    }),
  ),
  ...['User', 'Group', 'Role', 'Entitlement'].map((type) =>
    step(`the schema of resource type ${type}`, get(`/Schemas/{{schemaOf${type}}}`), [
      status(200),
      is('id', `{{schemaOf${type}}}`),
    ]),
  ),
  step('a resource type that does not exist', get('/ResourceTypes/9b1f'), refusals),
  ...forbidden('ResourceTypes'),

  step('all schemas', get('/Schemas'), [status(200), filled('Resources')]),
  ...SCHEMAS.map((id) => step(`schema ${id}`, get(`/Schemas/${id}`), [status(200), is('id', id)])),
  step('a schema that does not exist', get('/Schemas/9b1f'), refusals),
  ...forbidden('Schemas'),
  step(
    'the schemas of discovery itself',
    get('/Schemas'),
    ['ResourceType', 'ServiceProviderConfig', 'Schema'].map((name) => has('Resources/*/name', name)),
  ),
  step('an address that does not exist', get('/2f0c7d1e'), refusals),
];

/** A resource with what is required and no more. */
const bare = (type: Type, name: string): Record<string, unknown> =>
  type === 'User' ? { schemas: [USER], userName: name } : { schemas: [GROUP], displayName: name };

/** A resource with everything that may be written. */
function whole(type: Type, name: string, which: 'value' | 'other'): Record<string, unknown> {
  const body = bare(type, name);
  for (const attribute of ATTRIBUTES[type]) {
    const [head = '', sub] = attribute.at.split('/');
    if (attribute.required) continue;
    if (sub === undefined) body[head] = attribute[which];
    else body[head] = { ...(body[head] as object | undefined), [sub]: attribute[which] };
  }
  if (type === 'User') body['schemas'] = [USER, ENTERPRISE];
  return body;
}

function resources(type: Type): Step[] {
  const endpoint = `/${type}s`;
  const one = `${endpoint}/{{one}}`;
  const full = `${endpoint}/{{full}}`;
  // Of its own attributes the suite asks for the first and hides the second.
  const [asked, hidden] = type === 'User' ? ['externalId', 'name'] : ['externalId', 'members'];
  const projected = (name: string, send: (parameters: Record<string, string[]>) => Request, at: string): Step[] => [
    step(`${name}: attributes`, send({ attributes: [asked] }), [status(200), ...shown(at, asked, true)]),
    step(`${name}: excludedAttributes`, send({ excludedAttributes: [hidden] }), [
      status(200),
      ...shown(at, hidden, false),
    ]),
  ];
  const inUrl = (path: string) => (parameters: Record<string, string[]>) =>
    get(
      `${path}?${Object.entries(parameters)
        .map(([key, names]) => `${key}=${names.join(',')}`)
        .join('&')}`,
    );
  return [
    step(
      `${type}: made`,
      { method: 'POST', path: endpoint, body: bare(type, `${type} one`) },
      [status(201), filled('id')],
      {
        one: 'id',
      },
    ),
    step(`${type}: read`, get(one), [status(200), is('id', '{{one}}')]),
    step(`${type}: listed`, get(endpoint), [status(200), has('Resources/*/id', '{{one}}')]),
    step(
      `${type}: replaced`,
      { method: 'PUT', path: one, body: { ...whole(type, `${type} two`, 'other'), id: '{{one}}' } },
      [status(200), is('id', '{{one}}')],
    ),
    step(`${type}: deleted`, { method: 'DELETE', path: one }, [status(204)]),
    step(`${type}: gone`, get(one), [status(404)]),

    step(
      `${type}: made with everything`,
      { method: 'POST', path: endpoint, body: whole(type, `${type} full`, 'value') },
      [status(201)],
      { full: 'id' },
    ),
    ...projected(`${type} by id`, inUrl(full), ''),
    ...projected(`${type} in the list`, inUrl(endpoint), 'Resources/*'),
    ...projected(
      `${type} by POST /.search`,
      (parameters) => ({ method: 'POST', path: '/.search', body: { schemas: [SEARCH], ...parameters } }),
      'Resources/*',
    ),
    ...ATTRIBUTES[type].filter((a) => !a.required).flatMap((a) => removed(type, full, a)),

    step(`${type}: made for add`, { method: 'POST', path: endpoint, body: bare(type, `${type} add`) }, [], {
      one: 'id',
    }),
    ...ATTRIBUTES[type].filter((a) => !a.required).flatMap((a) => written(type, one, 'add', a, a.value)),
    step(`${type}: made for replace`, { method: 'POST', path: endpoint, body: bare(type, `${type} replace`) }, [], {
      one: 'id',
    }),
    ...ATTRIBUTES[type].flatMap((a) => written(type, one, 'replace', a, a.other)),
  ];
}

/** The resource made with everything does, or does not, show an attribute. */
function shown(at: string, attribute: string, visible: boolean): Check[] {
  if (at === '') return [visible ? filled(attribute) : { wants: { at: attribute, empty: true } }];
  return visible ? [has(at, { id: '{{full}}', [attribute]: 'ext-1' })] : [{ wants: { noText: `"${attribute}":` } }];
}

/** Users are answered with 200 and themselves, groups with 204 (RFC 7644 3.5.2 allows either). */
function written(type: Type, path: string, op: 'add' | 'replace', attribute: Written, value: unknown): Step[] {
  const there = attribute.hidden === true ? [] : [is(attribute.at, value)];
  return [
    step(`${type}: ${op} ${attribute.path}`, patch(path, op, attribute, value), [
      status([200, 204]),
      ...(type === 'User' ? there : []),
    ]),
    step(`${type}: ${attribute.path} is there after ${op}`, get(path), [status(200), ...there]),
  ];
}

const activeIsKnown: Judgement = {
  as: 'departure',
  section: 'RFC 7644 3.5.2.2; RFC 7643 4.1.1',
  why: "by the letter any attribute that is not required can be removed. What `active` means is the server's to say (RFC 7643 4.1.1); here it decides who has privileged access, and without a value nobody could tell whether the person is to be let in or locked out",
  instead: '400 `invalidValue` that says to send true or false, and nothing changes',
  answers: [{ status: 400 }, { at: 'scimType', is: 'invalidValue' }],
  further: {
    request: { method: 'GET', path: '/Users/{{full}}' },
    answers: [{ status: 200 }, { at: 'active', is: true }],
  },
};

function removed(type: Type, path: string, attribute: Written): Step[] {
  if (attribute.path === 'active') {
    const request = patch(path, 'remove', attribute);
    return [step('User: remove active', request, [{ wants: { status: [200, 204] }, judged: activeIsKnown }])];
  }
  const gone: Check[] = attribute.hidden === true ? [] : [{ wants: { at: attribute.at, empty: true } }];
  return [
    step(`${type}: remove ${attribute.path}`, patch(path, 'remove', attribute), [
      status([200, 204]),
      ...(type === 'User' ? gone : []),
    ]),
    step(`${type}: ${attribute.path} is gone after remove`, get(path), [status(200), ...gone]),
  ];
}

export const scim2Tester: Suite = {
  name: 'scim2-tester',
  about:
    'The compliance checks of the python-scim project: discovery, then every writable attribute of every resource type',
  source: 'python-scim/scim2-tester, scim2_tester/checkers at 118f4d0d and 00c3f961',
  steps: [
    ...discovery,
    step('somebody to refer to', { method: 'POST', path: '/Users', body: bare('User', 'boss') }, [], { boss: 'id' }),
    step('and somebody else', { method: 'POST', path: '/Users', body: bare('User', 'chief') }, [], { chief: 'id' }),
    ...resources('User'),
    ...resources('Group'),
    ...['Role', 'Entitlement'].map((type) =>
      step(
        `${type}: made`,
        {
          method: 'POST',
          path: type === 'Role' ? '/Roles' : '/Entitlements',
          body: { schemas: [`urn:okta:scim:schemas:core:1.0:${type}`], displayName: 'one' },
        },
        [{ wants: { status: 201 }, judged: readOnlyType }],
      ),
    ),
  ],
};

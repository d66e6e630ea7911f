import { type Check, is, type Request, type Step, status, type Suite, text, type Judgement } from './suite.ts';

const USER = 'urn:ietf:params:scim:schemas:core:2.0:User';
const GROUP = 'urn:ietf:params:scim:schemas:core:2.0:Group';
const ENTERPRISE = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User';
const PATCH = 'urn:ietf:params:scim:api:messages:2.0:PatchOp';

/** The collection sends application/json throughout. */
const type = 'application/json';
const get = (path: string): Request => ({ method: 'GET', path });
const post = (path: string, body: unknown): Request => ({ method: 'POST', path, body, type });
const put = (path: string, body: unknown): Request => ({ method: 'PUT', path, body, type });
const patch = (path: string, ...Operations: unknown[]): Request => ({
  method: 'PATCH',
  path,
  body: { schemas: [PATCH], Operations },
  type,
});
const remove = (path: string): Request => ({ method: 'DELETE', path });
const step = (name: string, request: Request, checks: readonly Check[], save?: Step['save']): Step => ({
  name,
  request,
  checks,
  ...(save === undefined ? {} : { save }),
});
const created = (name: string, request: Request, variable: string, ...more: readonly Check[]): Step =>
  step(name, request, [status(201), ...more], { [variable]: 'id' });
const deleted = (name: string, path: string): Step => step(name, remove(path), [status(204)]);

/** Sub-attributes in capitals, as the collection writes them. */
const emails = (work: string, home: string) => [
  { Primary: true, type: 'work', value: work },
  { Primary: false, type: 'home', value: home },
];
const person = (userName: string, more: object) => ({
  userName,
  active: true,
  displayName: 'Nora Quist',
  schemas: [USER],
  externalId: `ms-${userName}`,
  name: { formatted: 'Nora Quist', familyName: 'Quist', givenName: 'Nora' },
  ...more,
});
const employee = (userName: string, more: object = {}) =>
  person(userName, { schemas: [ENTERPRISE, USER], emails: emails('work@one.example', 'home@one.example'), ...more });

/** All kinds of attributes, also null, meta of the client's own, and one externalId for all of them. */
const detailed = (userName: string | undefined, more: object = {}) => ({
  ...(userName === undefined ? {} : { userName }),
  active: true,
  addresses: [
    {
      country: 'Iceland',
      formatted: '1 Harbour Street\nReykjavik',
      locality: 'Reykjavik',
      postalCode: '101',
      region: 'Capital',
      streetAddress: '1 Harbour Street',
      type: 'work',
      primary: false,
    },
    {
      country: null,
      formatted: '2 Hill Road\nAkureyri',
      locality: null,
      postalCode: null,
      region: null,
      streetAddress: null,
      type: 'other',
      primary: false,
    },
  ],
  displayName: 'Una Berg',
  emails: [
    { type: 'work', primary: true, value: 'una@mail.example' },
    { type: 'work', primary: false, value: 'una@example.com' },
  ],
  meta: { created: '2019-09-18T18:15:26.5788954+00:00', lastModified: '2019-09-18T18:15:26.5788976+00:00' },
  name: {
    formatted: 'Una Berg',
    familyName: 'Employee',
    givenName: 'Una',
    honorificPrefix: null,
    honorificSuffix: null,
  },
  phoneNumbers: [
    { type: 'fax', primary: false, value: '312-555-0100' },
    { type: 'mobile', primary: false, value: '312-555-0101' },
    { type: 'work', primary: true, value: '312-555-0102' },
  ],
  preferredLanguage: 'is',
  roles: [],
  title: 'Engineer',
  externalId: '5f0c11de-0000-4000-8000-000000000001',
  schemas: [USER],
  ...more,
});
const family = { name: { formatted: 'Una Berg', familyName: 'Sailor', givenName: 'Una' } };

const noToken: Judgement = {
  as: 'wrong',
  section: 'RFC 7644 2',
  why: 'SCIM leaves to others how a client comes by its token, and names no endpoint for it (3.2). One that gives a token to whoever asks would be a hole',
  instead: '404; an operator makes tokens with `drawbridge tokens create`',
  answers: [{ status: 404 }, { at: 'schemas', has: 'urn:ietf:params:scim:api:messages:2.0:Error' }],
};
const mayBe200: Judgement = {
  as: 'wrong',
  section: 'RFC 7644 3.5.2',
  why: "a PATCH is answered with 200 and the resource, or with 204: the choice is the server's",
  instead: '200 and the user as it then is',
  answers: [{ status: 200 }, { at: 'id', is: '{{sailor}}' }],
};
const notDisplay: Judgement = {
  as: 'wrong',
  section: 'RFC 7643 4.2, 2.4',
  why: "`displayName` is no sub-attribute of a member. The name of a member is `display`, and the server's own: a client could else label one person as another",
  instead: 'the member is added, and `display` is the `displayName` of the user',
  answers: [{ status: 200 }, { at: 'members', is: [{ value: '{{fourth}}', display: 'Nora Quist' }] }],
};
const noSuchMember = (name: string, Operations: unknown[]): Judgement => ({
  as: 'wrong',
  section: 'RFC 7643 4.2; RFC 7644 3.5.2',
  why: `\`value\` of a member is the id of a resource of the server, and this text is none: whom a membership is for has to be known before it gives access`,
  instead:
    '400 `invalidValue` that names the id. With the id of a user the same form is taken, bare text and all, with 204',
  answers: [{ status: 400 }, { at: 'scimType', is: 'invalidValue' }, { text: name }],
  further: {
    request: { method: 'PATCH', path: '/Groups/{{group}}', body: { schemas: [PATCH], Operations }, type },
    answers: [{ status: 204 }],
  },
});

const GARBAGE_MEMBER = (value: string, user: string, wrongName: string): Step => {
  const operations = (id: string): unknown[] => [{ op: 'add', path: 'members', value: id }];
  return step(
    wrongName,
    {
      method: 'PATCH',
      path: '/Groups/{{group}}',
      body: { id: '{{group}}', schemas: [PATCH], Operations: operations(value) },
      type,
    },
    [{ wants: { status: 204 }, judged: noSuchMember(value, operations(user)) }],
  );
};

const nameless = { ...detailed(undefined, { active: false }), id: '{{sailor}}', userame: 'Sailor' };
const leaves: Judgement = {
  as: 'departure',
  section: 'RFC 7644 3.5.1',
  why: 'the body lacks the required `userName`, and also makes an active user inactive. That a leaver keeps access because of a fault elsewhere in the profile would be worse ([decision](decisions/0019-a-leave-with-a-fault.md))',
  instead:
    '200: the user is inactive, and everything else stays as it was. The same body is refused with 400 from then on',
  answers: [{ status: 200 }, { at: '', is: { id: '{{sailor}}', userName: 'Sailor', active: false } }],
  further: { request: put('/Users/{{sailor}}', nameless), answers: [{ status: 400 }, { text: 'userName' }] },
};

const refused = (name: string): Step => step(name, post('/Users', detailed('emp3')), [status(409), text('detail')]);

export const microsoft: Suite = {
  name: "Microsoft's SCIM tests for Postman",
  about: 'The collection that Microsoft gives to makers of SCIM servers for Entra ID',
  source: 'AzureAD/SCIMReferenceCode, PostmanCollection.json at 16b6694d',
  steps: [
    step('a token', { method: 'GET', path: '/Token', type }, [{ wants: { status: 200 }, judged: noToken }]),

    step('users, in lower case', get('/users'), [status(200)]),
    step('groups', get('/Groups'), [status(200)]),
    step('resource types', get('/ResourceTypes'), [status(200), is('Resources/0/endpoint', '/Users')]),
    step('service provider config', get('/ServiceProviderConfig'), [status(200), is('patch/supported', true)]),
    step('schemas', get('/Schemas'), [status(200), text('User Account')]),

    created('a user', post('/Users', person('first', { emails: emails('a@one.example', 'b@one.example') })), 'first'),
    created(
      'a user with the enterprise extension',
      post('/Users', employee('second', { [ENTERPRISE]: { Department: 'Sales', Manager: { Value: 'Boss' } } })),
      'second',
    ),
    step('the first user', get('/Users/{{first}}'), [status(200), is('id', '{{first}}')]),
    step('the second user', get('/Users/{{second}}'), [status(200), is('id', '{{second}}')]),
    step('some attributes of all', get('/Users?attributes=userName,emails'), [status(200), text('{{first}}')]),
    step('a filter in another case, behind a slash', get('/Users/?filter=DisplayName+eq+%22Nora%20Quist%22'), [
      text('{{first}}'),
    ]),
    step('another userName', patch('/Users/{{first}}', { op: 'replace', path: 'userName', value: 'renamed' }), []),
    step('it is changed', get('/Users/{{first}}'), [status(200), is('id', '{{first}}'), is('userName', 'renamed')]),
    step(
      'the second user replaced',
      put('/Users/{{second}}', {
        ...employee('second-again', { name: { formatted: 'New Name', familyName: 'Name', givenName: 'New' } }),
        id: '{{second}}',
      }),
      [status(200)],
    ),
    step('it is replaced', get('/Users/{{second}}'), [status(200), is('name/formatted', 'New Name')]),
    deleted('the first user goes', '/Users/{{first}}'),
    deleted('the second user goes', '/Users/{{second}}'),

    created(
      'an empty group',
      post('/Groups', { externalId: 'g1', schemas: [GROUP], displayName: 'G1', members: [] }),
      'g1',
    ),
    created('a user for groups', post('/Users', employee('third')), 'third'),
    created('another', post('/Users', employee('fourth')), 'fourth'),
    created(
      'a group with a member',
      post('/Groups', {
        schemas: [GROUP],
        externalId: 'g2',
        displayName: 'G2',
        members: [{ value: '{{third}}', display: 'VP' }],
      }),
      'g2',
    ),
    step('groups', get('/Groups'), [status(200)]),
    created(
      'a third group',
      post('/Groups', { externalId: 'g3', schemas: [GROUP], displayName: 'G3', members: [] }),
      'g3',
    ),
    step(
      'the third group replaced',
      put('/Groups/{{g3}}', {
        schemas: [GROUP],
        id: '{{g3}}',
        displayName: 'G3 again',
        members: [
          { value: '{{third}}', display: 'VP' },
          { value: '{{fourth}}', display: 'SVP' },
        ],
      }),
      [status(200)],
    ),
    step('it is replaced', get('/Groups/{{g3}}'), [status(200), is('id', '{{g3}}'), text('{{third}}')]),
    step('a member added', patch('/Groups/{{g1}}', addFourth()), []),
    step('that member removed', patch('/Groups/{{g1}}', { op: 'remove', path: 'members[value eq "{{fourth}}"]' }), []),
    step('and added again', patch('/Groups/{{g1}}', addFourth()), []),
    step('the member is there', get('/Groups/{{g1}}'), [
      status(200),
      is('id', '{{g1}}'),
      { wants: { text: 'new User' }, judged: notDisplay },
    ]),
    step('all members removed', patch('/Groups/{{g1}}', { op: 'remove', path: 'members' }), []),
    step('no member is there', get('/Groups/{{g1}}'), [
      status(200),
      is('id', '{{g1}}'),
      { wants: { noText: 'new User' } },
    ]),
    deleted('the third user goes', '/Users/{{third}}'),
    deleted('the fourth user goes', '/Users/{{fourth}}'),
    deleted('the first group goes', '/Groups/{{g1}}'),
    deleted('the second group goes', '/Groups/{{g2}}'),
    deleted('the third group goes', '/Groups/{{g3}}'),

    created(
      'a user with two addresses',
      post('/Users', employee('fifth', { emails: emails('marker357', 'home@one.example') })),
      'first',
    ),
    created(
      'another',
      post('/Users', employee('sixth', { emails: emails('jump@one.example', 'home@one.example') })),
      'second',
    ),
    step('an attribute with a filter on its type', get('/Users?attributes=emails%5Btype+eq+%22work%22%5D'), [
      status(200),
      text('marker357'),
    ]),
    step('an attribute with a filter on its value', get('/Users?attributes=emails%5Bvalue+eq+%22marker357%22%5D'), [
      status(200),
      text('marker357'),
    ]),
    deleted('the one goes', '/Users/{{first}}'),
    deleted('the other goes', '/Users/{{second}}'),

    created(
      'a user with all kinds of attributes',
      post('/Users', detailed('Sailor', family)),
      'sailor',
      is('userName', 'Sailor'),
      is('active', true),
    ),
    created('active as text', post('/Users', detailed('emp1', { active: 'True' })), 'emp1', is('active', true)),
    step('all users', get('/Users'), [status(200), is('totalResults', 2), text('Sailor')]),
    created('a third', post('/Users', detailed('emp2')), 'emp2'),
    created('a fourth', post('/Users', detailed('emp3')), 'emp3'),
    step('no userName', post('/Users', detailed(undefined)), [status(400)]),
    step('no JSON', post('/Users', '{ "acve": tre, "title": "Engineer", roles": [] }'), [status(400)]),
    refused('a userName that is taken'),
    refused('and once more'),
    step('replaced without a userName', put('/Users/{{sailor}}', nameless), [
      { wants: { status: 400 }, judged: leaves },
    ]),
    step(
      'replaced with a misspelt attribute',
      put('/Users/{{sailor}}', {
        ...detailed('Sailor', { ...family, active: false, addresses: undefined }),
        id: '{{sailor}}',
        adreses: [{ country: 'Norway', type: 'work' }],
      }),
      [status(200), { wants: { noText: 'Addresses' } }],
    ),
    created(
      'a user with a department',
      post('/Users', detailed('enterprise', { [ENTERPRISE]: { Department: 'Sales' }, schemas: [USER, ENTERPRISE] })),
      'enterprise',
    ),
    step('another userName', patch('/Users/{{sailor}}', { op: 'Replace', path: 'userName', value: 'newname' }), [
      { wants: { status: 204 }, judged: mayBe200 },
    ]),
    step('inactive', patch('/Users/{{sailor}}', { op: 'Replace', path: 'active', value: false }), [
      { wants: { status: 204 }, judged: mayBe200 },
    ]),
    step('both are changed', get('/Users/{{sailor}}'), [is('userName', 'newname'), is('active', false)]),
    step(
      'replaced',
      put('/Users/{{sailor}}', {
        ...detailed('Sailor', { ...family, active: false, addresses: [{ country: 'Norway', type: 'work' }] }),
        id: '{{sailor}}',
      }),
      [status(200), is('userName', 'Sailor'), is('active', false), text('Norway')],
    ),
    step('a page', get('/Users?startIndex=1&count=2'), [is('totalResults', 5), is('itemsPerPage', 2)]),
    step('some attributes', get('/Users?attributes=userName,emails'), [is('totalResults', 5)]),
    refused('a userName that is still taken'),
    step(
      'a filter with parentheses, without quotes',
      get(
        '/Users?filter=name.FamilyName%20eq%20Employee%20and%20(emails.Value%20co%20example.com%20or%20emails.Value%20co%20example.org)',
      ),
      [is('totalResults', 4)],
    ),
    step('a filter on a beginning, without quotes', get('/Users?filter=userName%20sw%20S'), [is('totalResults', 1)]),
    step(
      'a filter on a time, without quotes',
      get('/Users?filter=meta.Created%20gt%202015-10-10T14:38:21.8617979-07:00'),
      [is('totalResults', 5)],
    ),

    created('a group', post('/Groups', { displayName: 'Group', externalId: 'g4', schemas: [GROUP] }), 'group'),
    GARBAGE_MEMBER('string id 1', '{{emp1}}', 'a member that does not exist, as bare text'),
    GARBAGE_MEMBER('string id 2', '{{emp2}}', 'another'),
    step('the group', get('/Groups/{{group}}'), [status(200)]),
    step('the group without its members', get('/Groups/{{group}}?excludedAttributes=members'), [status(200)]),
    step(
      'the group replaced',
      put('/Groups/{{group}}', { id: '{{group}}', displayName: 'Crew', externalId: 'g5', schemas: [GROUP] }),
      [status(200), is('displayName', 'Crew')],
    ),
    ...['sailor', 'emp1', 'emp2', 'emp3', 'enterprise'].map((name) => deleted(`${name} goes`, `/Users/{{${name}}}`)),
    deleted('the group goes', '/Groups/{{group}}'),
    step('no users are left', get('/Users?attributes=userName'), [status(200), is('Resources', [])]),
    step('no groups are left', get('/Groups'), [status(200), is('Resources', [])]),
  ],
};

function addFourth(): unknown {
  return {
    name: 'addMember',
    op: 'add',
    path: 'members',
    value: [{ displayName: 'new User', value: '{{fourth}}' }],
  };
}

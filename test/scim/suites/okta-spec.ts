import { type Check, filled, has, is, isNumber, type Request, status, type Suite } from './suite.ts';

const LIST = 'urn:ietf:params:scim:api:messages:2.0:ListResponse';
const ERROR = 'urn:ietf:params:scim:api:messages:2.0:Error';
const USER = 'urn:ietf:params:scim:schemas:core:2.0:User';

const get = (path: string): Request => ({ method: 'GET', path });
const named = (userName: string): Request => get(`/Users?filter=${encodeURIComponent(`userName eq "${userName}"`)}`);

/** What Okta reads of a user; `active` has to be true here, since false would count as empty. */
const profile = (at: string): readonly Check[] =>
  ['id', 'name/familyName', 'name/givenName', 'userName', 'active', 'emails/0/value'].map((path) => filled(at + path));

const newcomer = {
  schemas: [USER],
  userName: 'ida.lund@okta.example',
  name: { givenName: 'Ida', familyName: 'Lund' },
  emails: [{ primary: true, value: 'ida@okta.example', type: 'work' }],
  displayName: 'Ida Lund',
  active: true,
};

export const oktaSpec: Suite = {
  name: "Okta's SPEC test",
  about: "Okta's required test of a SCIM 2.0 server, before an integration is submitted",
  source: 'Okta-SCIM-20-SPEC-Test.json, by the Go port in mwhorse46/node_okta_app',
  steps: [
    {
      name: 'somebody is there: the test asks for that',
      given: true,
      request: {
        method: 'POST',
        path: '/Users',
        body: { ...newcomer, userName: 'first@okta.example', emails: [{ value: 'first@okta.example', type: 'work' }] },
      },
      checks: [],
    },
    {
      name: 'the first user',
      request: get('/Users?count=1&startIndex=1'),
      save: { id: 'Resources/0/id' },
      checks: [
        status(200),
        filled('Resources'),
        has('schemas', LIST),
        isNumber('itemsPerPage'),
        isNumber('startIndex'),
        isNumber('totalResults'),
        ...profile('Resources/0/'),
      ],
    },
    {
      name: 'that user by its id',
      request: get('/Users/{{id}}'),
      checks: [status(200), ...profile(''), is('id', '{{id}}')],
    },
    {
      name: 'a userName that nobody has',
      request: named('nobody@okta.example'),
      checks: [status(200), has('schemas', LIST), is('totalResults', 0)],
    },
    {
      name: 'an id that nobody has',
      request: get('/Users/00000000-0000-4000-8000-000000000000'),
      checks: [status(404), filled('detail'), has('schemas', ERROR)],
    },
    {
      name: 'the newcomer is not there yet',
      request: named(newcomer.userName),
      checks: [status(200), is('totalResults', 0), has('schemas', LIST)],
    },
    {
      name: 'the newcomer',
      request: { method: 'POST', path: '/Users', body: newcomer },
      save: { newcomer: 'id' },
      checks: [
        status(201),
        is('active', true),
        filled('id'),
        is('name/familyName', 'Lund'),
        is('name/givenName', 'Ida'),
        has('schemas', USER),
        is('userName', newcomer.userName),
      ],
    },
    {
      name: 'the newcomer is there',
      request: get('/Users/{{newcomer}}'),
      checks: [
        status(200),
        is('userName', newcomer.userName),
        is('name/familyName', 'Lund'),
        is('name/givenName', 'Ida'),
      ],
    },
    {
      name: 'the newcomer again',
      request: { method: 'POST', path: '/Users', body: newcomer },
      checks: [status(409)],
    },
    { name: 'a userName in capitals', request: named(newcomer.userName.toUpperCase()), checks: [status(200)] },
    {
      name: 'groups',
      request: get('/Groups'),
      checks: [
        status(200),
        {
          wants: { withinMs: 600 },
          elsewhere: 'RFC 7644 sets no time; `npm run bench -- scim-read` measures it (docs/performance.md)',
        },
      ],
    },
  ],
};

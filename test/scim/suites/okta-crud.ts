import { has, is, type Request, status, type Suite } from './suite.ts';

const PATCH = 'urn:ietf:params:scim:api:messages:2.0:PatchOp';
const USER = 'urn:ietf:params:scim:schemas:core:2.0:User';
const LIST = 'urn:ietf:params:scim:api:messages:2.0:ListResponse';
const USER_NAME = 'omar.diaz@okta.example';

const lookup: Request = {
  method: 'GET',
  path: `/Users?filter=${encodeURIComponent(`userName eq "${USER_NAME}"`)}&startIndex=1&count=100`,
};
const active = (value: boolean): Request => ({
  method: 'PATCH',
  path: '/Users/{{id}}',
  body: { schemas: [PATCH], Operations: [{ op: 'replace', value: { active: value } }] },
});
const profile = (givenName: string) => ({
  schemas: [USER],
  userName: USER_NAME,
  name: { givenName, familyName: 'Diaz' },
  emails: [{ primary: true, value: USER_NAME, type: 'work' }],
  phoneNumbers: [{ primary: true, value: '555-0100', type: 'work' }],
  title: 'Analyst',
  displayName: `${givenName} Diaz`,
  locale: 'en-US',
  externalId: '00u1omar',
  groups: [],
  active: true,
});

/** What is looked at in Okta itself (the app, the user there, who is assigned) can't be seen by a server. */
export const oktaCrud: Suite = {
  name: "Okta's CRUD test",
  about:
    'Its thirteen steps are done in Okta; here are the requests that reach a SCIM server by them, and what they verify there',
  source: 'okta/okta-developer-docs, build-provisioning-integration/test-scim-app',
  steps: [
    { name: 'assigned: is the user there?', request: lookup, checks: [status(200), is('totalResults', 0)] },
    {
      name: 'assigned: the user is made',
      request: { method: 'POST', path: '/Users', body: { ...profile('Omar'), password: 'Kv7-secret' } },
      save: { id: 'id' },
      checks: [status(201), is('userName', USER_NAME), is('active', true)],
    },
    {
      name: 'the user was made on the server',
      request: lookup,
      checks: [
        status(200),
        has('schemas', LIST),
        is('totalResults', 1),
        is('Resources/0/userName', USER_NAME),
        is('Resources/0/name', { givenName: 'Omar', familyName: 'Diaz' }),
        is('Resources/0/emails/0/value', USER_NAME),
        is('Resources/0/active', true),
      ],
    },
    {
      name: 'another first name: the user is read',
      request: { method: 'GET', path: '/Users/{{id}}' },
      checks: [status(200), is('id', '{{id}}')],
    },
    {
      name: 'another first name: the user is replaced',
      request: { method: 'PUT', path: '/Users/{{id}}', body: { ...profile('Omer'), id: '{{id}}' } },
      checks: [status(200), is('name/givenName', 'Omer')],
    },
    {
      name: 'the first name was changed on the server',
      request: lookup,
      checks: [status(200), is('totalResults', 1), is('Resources/0/name/givenName', 'Omer')],
    },
    { name: 'deactivated', request: active(false), checks: [status([200, 204])] },
    {
      name: 'the user was deactivated on the server, and is still there',
      request: lookup,
      checks: [status(200), is('totalResults', 1), is('Resources/0/active', false)],
    },
    {
      name: 'reactivated and assigned again: the user is found',
      request: lookup,
      checks: [status(200), is('Resources/0/id', '{{id}}')],
    },
    {
      name: 'reactivated and assigned again: the user is replaced',
      request: { method: 'PUT', path: '/Users/{{id}}', body: { ...profile('Omer'), id: '{{id}}', active: true } },
      checks: [status(200)],
    },
    {
      name: 'the user was reactivated on the server',
      request: lookup,
      checks: [status(200), is('totalResults', 1), is('Resources/0/id', '{{id}}'), is('Resources/0/active', true)],
    },
    { name: 'no longer assigned', request: active(false), checks: [status([200, 204])] },
    {
      name: 'the user was deactivated on the server once more',
      request: lookup,
      checks: [status(200), is('totalResults', 1), is('Resources/0/active', false)],
    },
  ],
};

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { CORE_ATTRIBUTES } from '../model/attributes.ts';
import { groupFields, userFields } from './facts.ts';
import { projectionOf } from './projection.ts';
import { GROUP, RESOURCE_TYPES, USER } from './schema/index.ts';
import type { Attribute } from './schema/types.ts';
import { readResource } from './values.ts';

const ENTERPRISE = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User';

describe('reading a body', () => {
  test('brings names into the spelling of the schema and leaves out what is not kept', () => {
    const body = {
      SCHEMAS: ['urn:ietf:params:scim:schemas:core:2.0:User', 'urn:example:unknown'],
      ID: 'x',
      UserName: 'Ann',
      Active: 'TRUE',
      Emails: [{ Primary: 'False', Type: 'work', VALUE: 'a@example.com', junk: 1 }],
      meta: { resourceType: 'Nonsense' },
      groups: [{ value: 'g' }],
      password: 'x',
      addresses: null,
      phoneNumbers: [],
      roles: [null],
      title: null,
      name: {},
      [ENTERPRISE.toUpperCase()]: { Department: 'D', manager: ['m'] },
      'urn:example:unknown': { a: 1 },
      custom: 'x',
    };
    assert.deepEqual(readResource(USER, body), {
      userName: 'Ann',
      active: true,
      emails: [{ primary: false, type: 'work', value: 'a@example.com' }],
      [ENTERPRISE]: { department: 'D', manager: { value: 'm' } },
    });
  });

  test('keeps equal values once and one primary mark', () => {
    const read = readResource(USER, {
      userName: 'a',
      emails: [
        { value: 'x', primary: true },
        { value: 'y', primary: true },
        { value: 'x', primary: true },
      ],
    });
    assert.deepEqual(read['emails'], [
      { value: 'x', primary: true },
      { value: 'y', primary: false },
    ]);
  });

  test('keeps values as they were sent', () => {
    const body = { userName: ' Ann ', phoneNumbers: [{ value: '+1 (555) 0100', type: 'own type' }] };
    assert.deepEqual(readResource(USER, body), body);
  });

  test('leaves members to the memberships', () => {
    assert.deepEqual(readResource(GROUP, { displayName: 'G', members: [{ value: 'a' }] }), { displayName: 'G' });
  });
});

describe('what rules see', () => {
  test('every attribute comes under a name and in a type that is declared', () => {
    const { attributes } = userFields({
      userName: 'Ann',
      displayName: 'Ann A.',
      externalId: 'E',
      name: { givenName: 'G', familyName: 'F', middleName: 'M', formatted: 'X' },
      nickName: 'N',
      profileUrl: 'https://x',
      title: 'T',
      userType: 'U',
      preferredLanguage: 'en',
      locale: 'en-GB',
      timezone: 'Europe/London',
      active: false,
      emails: [{ value: 'second@example.com' }, { value: 'first@example.com', primary: true }],
      roles: [{ value: 'r' }, { display: 'no value' }],
      entitlements: [{ value: 'e' }],
      [ENTERPRISE]: {
        employeeNumber: '1',
        costCenter: 'C',
        organization: 'O',
        division: 'D',
        department: 'P',
        manager: { value: 'm' },
      },
    });
    const wanted = new Map(CORE_ATTRIBUTES.map((a) => [a.name, a.type]));
    assert.deepEqual(Object.keys(attributes).toSorted(), [...wanted.keys()].toSorted());
    for (const [name, value] of Object.entries(attributes)) {
      const type = Array.isArray(value) ? 'list<string>' : typeof value === 'boolean' ? 'bool' : typeof value;
      assert.equal(type, wanted.get(name), name);
    }
    assert.equal(attributes['email'], 'first@example.com');
    assert.deepEqual(attributes['emails'], ['first@example.com', 'second@example.com']);
    assert.equal(attributes['active'], false);
  });

  test('what has no value is left out', () => {
    assert.deepEqual(userFields({ userName: 'a', title: '' }).attributes, { userName: 'a', active: true });
  });

  test('keys for comparison are folded, for users and groups', () => {
    assert.equal(userFields({ userName: 'ÄnnE\u0301' }).nameKey, 'änn\u00e9');
    assert.equal(groupFields({ displayName: 'Vault Admins' }).nameKey, 'vault admins');
  });
});

describe('choosing attributes', () => {
  const resource = {
    schemas: ['s'],
    id: '1',
    userName: 'ann',
    name: { givenName: 'G', familyName: 'F' },
    emails: [{ value: 'v', type: 'work' }],
    groups: [{ value: 'g' }],
    [ENTERPRISE]: { department: 'D', division: 'X' },
    meta: { version: 'W/"1"' },
  };
  const show = (attributes?: string, excluded?: string) => projectionOf(USER, attributes, excluded).apply(resource);

  test('shows what is asked for, and always id and schemas', () => {
    assert.deepEqual(show('USERNAME, name.givenName,emails.value,emails.type,nosuch'), {
      schemas: ['s'],
      id: '1',
      userName: 'ann',
      name: { givenName: 'G' },
      emails: [{ value: 'v', type: 'work' }],
    });
    assert.deepEqual(show(`${ENTERPRISE}:department`), { schemas: ['s'], id: '1', [ENTERPRISE]: { department: 'D' } });
    assert.deepEqual(show(ENTERPRISE), { schemas: ['s'], id: '1', [ENTERPRISE]: resource[ENTERPRISE] });
    assert.deepEqual(show('nosuch'), { schemas: ['s'], id: '1' });
  });

  test('a filter on the values of what is asked for is passed over; it hides nothing that is excluded', () => {
    const all = { schemas: ['s'], id: '1', emails: resource.emails };
    assert.deepEqual(show('emails[type eq "home"]'), all);
    assert.deepEqual(show('userName,emails[value eq "a,b]\\"" and type eq "x"].type,nosuch[a pr]'), {
      schemas: ['s'],
      id: '1',
      userName: 'ann',
      emails: [{ type: 'work' }],
    });
    assert.deepEqual(show('emails[type eq "home'), { schemas: ['s'], id: '1' });
    assert.deepEqual(show(undefined, 'emails[type eq "work"]'), resource);
    const noted: string[] = [];
    projectionOf(USER, 'userName,emails[type eq "work"]', undefined, (form) => noted.push(form));
    assert.deepEqual(noted, ['attributes-filter']);
  });

  test('leaves out what is not wanted, but never id and schemas', () => {
    const { groups: _, ...rest } = resource;
    assert.deepEqual(show(undefined, 'groups,id,schemas'), rest);
    assert.deepEqual(show(undefined, `name.givenName,${ENTERPRISE}:division,emails.type`), {
      ...resource,
      name: { familyName: 'F' },
      emails: [{ value: 'v' }],
      [ENTERPRISE]: { department: 'D' },
    });
  });

  test('says whether memberships have to be read', () => {
    const reads = (attributes?: string, excluded?: string) => projectionOf(GROUP, attributes, excluded).links;
    assert.deepEqual(
      [
        reads(),
        reads('members'),
        reads('members.value'),
        reads('displayName'),
        reads('', 'members'),
        reads('', 'members.display'),
      ],
      [true, true, true, false, false, true],
    );
  });

  test('shows everything when nothing is named', () => {
    assert.deepEqual(show('', ' '), resource);
  });
});

describe('the schemas', () => {
  const all = RESOURCE_TYPES.flatMap((t) => [t.schema, ...t.extensions]);
  const attributes = (list: readonly Attribute[]): Attribute[] =>
    list.flatMap((a) => [a, ...attributes(a.subAttributes ?? [])]);

  test('hold no null, and references say what they refer to', () => {
    for (const attribute of all.flatMap((s) => attributes(s.attributes))) {
      assert.ok(!Object.values(attribute).some((v) => v === null || v === undefined), attribute.name);
      if (attribute.type === 'reference') assert.ok((attribute.referenceTypes ?? []).length > 0, attribute.name);
      if (attribute.type === 'complex') assert.ok((attribute.subAttributes ?? []).length > 0, attribute.name);
      assert.ok(attribute.canonicalValues === undefined || attribute.canonicalValues.length > 0, attribute.name);
    }
  });
});

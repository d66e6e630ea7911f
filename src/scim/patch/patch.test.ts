import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { GROUP, USER } from '../schema/index.ts';
import type { Resource } from '../values.ts';
import { applyPatch } from './apply.ts';
import { isMembersOperation, type MemberChange, memberChange } from './members.ts';
import { parsePatch } from './parse.ts';

const ENTERPRISE = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User';
const CORE = 'urn:ietf:params:scim:schemas:core:2.0:User';

const patch = (resource: Resource, ...Operations: unknown[]): Resource =>
  applyPatch(USER, 'own-id', { userName: 'ann', active: true, ...resource }, parsePatch(USER, { Operations }));

/** What the operations make of the resource, without the two attributes that every user has. */
const made = (resource: Resource, ...operations: unknown[]): Resource => {
  const { userName: _u, active: _a, ...rest } = patch(resource, ...operations);
  return rest;
};

const work = { value: 'w', type: 'work', primary: true };
const home = { value: 'h', type: 'home' };

describe('PATCH of a user', () => {
  const cases: ReadonlyArray<readonly [name: string, before: Resource, operation: unknown, after: Resource]> = [
    ['sets a first value by Add', {}, { op: 'Add', path: 'title', value: 'T' }, { title: 'T' }],
    ['sets a first value by Replace', {}, { op: 'Replace', path: 'TITLE', value: 'T' }, { title: 'T' }],
    ['removes a value', { title: 'T' }, { op: 'Remove', path: 'title' }, {}],
    ['takes null for no value', { title: 'T' }, { op: 'replace', path: 'title', value: null }, {}],
    [
      'sets a sub-attribute',
      { name: { givenName: 'A' } },
      { op: 'add', path: 'name.familyName', value: 'B' },
      { name: { givenName: 'A', familyName: 'B' } },
    ],
    [
      'removes the last sub-attribute with its parent',
      { name: { givenName: 'A' } },
      { op: 'remove', path: 'name.givenName' },
      {},
    ],
    [
      'merges a complex value',
      { name: { givenName: 'A', middleName: 'M' } },
      { op: 'replace', path: 'name', value: { givenName: 'B', middleName: null } },
      { name: { givenName: 'B' } },
    ],
    [
      'reads keys of a path-less value as paths',
      {},
      {
        op: 'replace',
        value: { 'name.givenName': 'A', [`${ENTERPRISE}:department`]: 'D', [`${CORE}:title`]: 'T', unknown: 1 },
      },
      { name: { givenName: 'A' }, [ENTERPRISE]: { department: 'D' }, title: 'T' },
    ],
    [
      'reads value paths among those keys',
      {},
      { op: 'add', value: { 'emails[type eq "work"].value': 'w' } },
      { emails: [{ type: 'work', value: 'w' }] },
    ],
    [
      'merges an extension given as an object',
      { [ENTERPRISE]: { division: 'X' } },
      { op: 'replace', value: { [ENTERPRISE]: { department: 'D' } } },
      { [ENTERPRISE]: { division: 'X', department: 'D' } },
    ],
    ['removes an extension as a whole', { [ENTERPRISE]: { division: 'X' } }, { op: 'remove', path: ENTERPRISE }, {}],
    [
      'removes an extension with its last attribute',
      { [ENTERPRISE]: { division: 'X' } },
      { op: 'remove', path: `${ENTERPRISE}:division` },
      {},
    ],
    ['takes the core URN as a path', {}, { op: 'replace', path: CORE, value: { title: 'T' } }, { title: 'T' }],
    [
      'takes a bare manager',
      {},
      { op: 'Add', path: `${ENTERPRISE}:manager`, value: 'm' },
      { [ENTERPRISE]: { manager: { value: 'm' } } },
    ],
    [
      'takes a manager in an array, by the short path',
      {},
      { op: 'Add', path: 'manager', value: [{ $ref: null, value: 'm' }] },
      { [ENTERPRISE]: { manager: { value: 'm' } } },
    ],
    [
      'forgets the details of an old manager',
      { [ENTERPRISE]: { manager: { value: 'm', $ref: '../m' } } },
      { op: 'Replace', path: `${ENTERPRISE}:manager`, value: 'n' },
      { [ENTERPRISE]: { manager: { value: 'n' } } },
    ],
    [
      'takes an empty manager for none',
      { [ENTERPRISE]: { manager: { value: 'm' } } },
      { op: 'Replace', path: 'manager', value: '' },
      {},
    ],
    [
      'appends, keeping equal values once',
      { emails: [home] },
      { op: 'add', path: 'emails', value: [home, { value: 'x' }] },
      { emails: [home, { value: 'x' }] },
    ],
    ['appends one value that is no array', {}, { op: 'add', path: 'emails', value: home }, { emails: [home] }],
    ['replaces a list', { emails: [home] }, { op: 'replace', value: { emails: [work] } }, { emails: [work] }],
    ['empties a list by []', { emails: [home] }, { op: 'replace', path: 'emails', value: [] }, {}],
    ['removes a list', { emails: [home] }, { op: 'remove', path: 'emails' }, {}],
    [
      'removes the named elements only',
      { emails: [home, work] },
      { op: 'Remove', path: 'emails', value: [{ value: 'h' }] },
      { emails: [work] },
    ],
    [
      'changes the matching element only',
      { emails: [home, work] },
      { op: 'replace', path: 'emails[type eq "WORK"].value', value: 'n' },
      { emails: [home, { ...work, value: 'n' }] },
    ],
    [
      'makes an element out of eq conditions',
      {},
      { op: 'Replace', path: 'addresses[type eq "work" and primary eq "True"].locality', value: 'L' },
      { addresses: [{ type: 'work', primary: true, locality: 'L' }] },
    ],
    [
      'removes matching elements',
      { emails: [home, work] },
      { op: 'remove', path: 'emails[type eq "home"]' },
      { emails: [work] },
    ],
    [
      'removes nothing where nothing matches',
      { emails: [home] },
      { op: 'remove', path: 'emails[type eq "fax"]' },
      { emails: [home] },
    ],
    [
      'drops an element of which only labels are left',
      { emails: [home, work] },
      { op: 'Remove', path: 'emails[type eq "home"].value' },
      { emails: [work] },
    ],
    [
      'keeps an element of which more is left',
      { emails: [{ ...home, display: 'H' }] },
      { op: 'Remove', path: 'emails[type eq "home"].value' },
      { emails: [{ type: 'home', display: 'H' }] },
    ],
    [
      'merges into matching elements',
      { emails: [home] },
      { op: 'replace', path: 'emails[type eq "home"]', value: { display: 'H' } },
      { emails: [{ ...home, display: 'H' }] },
    ],
    [
      'moves the primary mark to a new value',
      { emails: [work, home] },
      { op: 'replace', path: 'emails[type eq "home"].primary', value: 'True' },
      {
        emails: [
          { ...work, primary: false },
          { ...home, primary: true },
        ],
      },
    ],
    [
      'reads a role out of JSON in its value',
      {},
      { op: 'Add', path: 'roles', value: [{ value: '{"id":"1","value":"Auditor","displayName":"An auditor"}' }] },
      { roles: [{ value: 'Auditor', display: 'An auditor' }] },
    ],
    ['drops a password', {}, { op: 'replace', value: { password: 'x' } }, {}],
    ['passes over its own id', {}, { op: 'replace', value: { id: 'own-id', schemas: ['x'] } }, {}],
  ];
  for (const [name, before, operation, after] of cases) {
    test(name, () => assert.deepEqual(made(before, operation), after));
  }

  test('reads "False" as a boolean', () => {
    assert.equal(patch({}, { op: 'Replace', path: 'active', value: 'False' })['active'], false);
  });

  test('leaves the resource that it was given alone', () => {
    const before = { userName: 'ann', emails: [{ ...work }], name: { givenName: 'A' } };
    const copy = structuredClone(before);
    patch(
      before,
      { op: 'replace', path: 'emails[type eq "work"].value', value: 'x' },
      { op: 'add', path: 'name.familyName', value: 'F' },
    );
    assert.deepEqual(before, copy);
  });

  test('has no more than one primary value and no two equal ones, whatever is done', () => {
    const element = fc.record({
      value: fc.constantFrom('a', 'b', 'c'),
      type: fc.constantFrom('work', 'home'),
      primary: fc.boolean(),
    });
    const path = fc.constantFrom('emails', 'emails[type eq "work"]', 'emails[value eq "b"]');
    const operation = fc.oneof(
      fc.record({
        op: fc.constantFrom('add', 'replace'),
        path: fc.constant('emails'),
        value: fc.array(element, { maxLength: 4 }),
      }),
      fc.record({ op: fc.constantFrom('add', 'replace'), path, value: element }),
      fc.record({ op: fc.constant('remove'), path }),
    );
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 6 }), (operations) => {
        const emails = (patch({}, ...operations)['emails'] ?? []) as Array<Record<string, unknown>>;
        assert.ok(emails.filter((e) => e['primary'] === true).length <= 1);
        const keys = emails.map((e) => JSON.stringify(Object.entries(e).toSorted()));
        assert.equal(new Set(keys).size, keys.length);
      }),
    );
  });

  test('done twice comes to the same as done once', () => {
    const operation = fc.constantFrom(
      { op: 'add', path: 'emails', value: [home, work] },
      { op: 'replace', path: 'emails', value: [work] },
      { op: 'add', path: 'phoneNumbers[type eq "work"].value', value: '1' },
      { op: 'remove', path: 'emails[type eq "home"]' },
      { op: 'replace', value: { 'name.givenName': 'A', title: 'T' } },
      { op: 'remove', path: 'title' },
    );
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 5 }), operation, (before, last) => {
        assert.deepEqual(patch({}, ...before, last, last), patch({}, ...before, last));
      }),
    );
  });
});

describe('operations on members', () => {
  const change = (...Operations: unknown[]): MemberChange | undefined =>
    memberChange(parsePatch(GROUP, { Operations }).filter(isMembersOperation));
  const ids = (...values: string[]) => values.map((value) => ({ value }));

  test('become additions and removals', () => {
    assert.deepEqual(
      change(
        { op: 'Add', path: 'members', value: [{ $ref: null, value: 'a' }] },
        { op: 'Remove', path: 'Members', value: ids('b') },
        { op: 'remove', path: 'members[value eq "c" or value eq "d"]' },
        { op: 'add', value: { members: ids('e') } },
      ),
      { type: 'delta', add: new Set(['a', 'e']), remove: new Set(['b', 'c', 'd']) },
    );
  });

  test('become a whole list by a replace or a remove without a value', () => {
    assert.deepEqual(change({ op: 'replace', path: 'members', value: ids('a') }), {
      type: 'set',
      members: new Set(['a']),
    });
    assert.deepEqual(change({ op: 'remove', path: 'members' }), { type: 'set', members: new Set() });
    assert.deepEqual(change({ op: 'replace', value: { members: [] } }), { type: 'set', members: new Set() });
  });

  test('name nobody, and change nothing', () => {
    assert.equal(change(), undefined);
    assert.equal(change({ op: 'add', path: 'members', value: [] }), undefined);
    assert.equal(change({ op: 'Remove', path: 'members', value: [] }), undefined);
    assert.equal(change({ op: 'replace', path: 'members[value eq "a"].display', value: 'A' }), undefined);
  });

  test('folded come to the same as one after the other', () => {
    const id = fc.constantFrom('a', 'b', 'c', 'd');
    const operation = fc.record({
      op: fc.constantFrom('add', 'remove', 'replace'),
      named: fc.array(id, { maxLength: 3 }),
      all: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.uniqueArray(id), fc.array(operation, { maxLength: 6 }), (start, operations) => {
        const wanted = new Set(start);
        for (const { op, named, all } of operations) {
          if (op === 'replace' || (op === 'remove' && all)) wanted.clear();
          if (op !== 'remove') for (const n of named) wanted.add(n);
          else if (!all) for (const n of named) wanted.delete(n);
        }
        const folded = change(
          ...operations.map(({ op, named, all }) => ({
            op,
            path: 'members',
            ...(op === 'remove' && all ? {} : { value: ids(...named) }),
          })),
        );
        const got = folded?.type === 'set' ? new Set(folded.members) : new Set(start);
        if (folded?.type === 'delta') {
          for (const n of folded.remove) got.delete(n);
          for (const n of folded.add) got.add(n);
        }
        assert.deepEqual(got, wanted);
      }),
    );
  });
});

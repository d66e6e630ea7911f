import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { GROUP, USER } from '../schema/index.ts';
import { ScimError } from '../errors.ts';
import { matches } from './evaluate.ts';
import { MAX_FILTER_DEPTH, MAX_FILTER_TERMS, parseFilter } from './parse.ts';

const ENTERPRISE = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User';

const ann = {
  id: 'Id-1',
  externalId: 'Ext-1',
  userName: 'Ann@Example.com',
  active: true,
  title: 'Chief "Key" Holder \\o/',
  name: { givenName: 'Ann', familyName: "O'Hara" },
  emails: [
    { value: 'Ann@Example.com', type: 'work', primary: true },
    { value: 'ann@home.example', type: 'home' },
  ],
  [ENTERPRISE]: { employeeNumber: '701984', manager: { value: 'Boss-1' } },
  meta: { resourceType: 'User', created: '2026-01-31T09:30:00.000Z' },
};

const holds = (filter: string): boolean => matches(parseFilter(USER, filter), ann);

describe('what a filter says', () => {
  const cases: ReadonlyArray<readonly [filter: string, expected: boolean]> = [
    ['userName eq "ann@EXAMPLE.com"', true],
    ['USERNAME EQ "ann@example.com"', true],
    ['externalId eq "Ext-1"', true],
    ['externalId eq "ext-1"', false],
    ['id eq "id-1"', false],
    ['externalId eq Ext-1', true],
    ['active eq true', true],
    ['active eq "True"', true],
    ['active ne "False"', true],
    ['title eq "chief \\"key\\" holder \\\\o/"', true],
    ['title co "\\u0022key"', true],
    ['name.familyName sw "o\'"', true],
    ['name.familyName ew "RA"', true],
    ['nickName eq "x"', false],
    ['nickName ne "x"', true],
    ['nickName pr', false],
    ['nickName eq null', true],
    ['title ne null', true],
    ['name pr', true],
    ['not (nickName eq "x")', true],
    ['NOT (userName pr)', false],
    ['emails eq "ann@home.example"', true],
    ['emails co "HOME"', true],
    ['emails.type eq "work"', true],
    ['emails.type ne "work"', false],
    ['emails[type eq "work" and value co "home"]', false],
    ['emails[type eq "home" and value co "home"]', true],
    ['emails[type eq "work"].value eq "ANN@example.com"', true],
    ['emails[type eq "work"].value eq "ann@home.example"', false],
    ['emails[primary eq "True"].value pr', true],
    ['emails[not (type eq "work")]', true],
    ['emails[(type eq "x" or type eq "home") and value pr]', true],
    ['userName eq "x" or userName eq "y" and active eq true', false],
    ['active eq true or userName eq "x" and userName eq "y"', true],
    ['(active eq true or userName eq "x") and userName eq "y"', false],
    ['((((active eq true))) and (not (userName eq "y")))', true],
    [`${ENTERPRISE}:employeeNumber eq "701984"`, true],
    [`${ENTERPRISE.toUpperCase()}:EMPLOYEENUMBER eq "701984"`, true],
    [`${ENTERPRISE}:manager.value eq "Boss-1"`, true],
    [`${ENTERPRISE}:manager eq "boss-1"`, false],
    ['manager eq "Boss-1"', true],
    ['urn:ietf:params:scim:schemas:core:2.0:User:name.givenName eq "ann"', true],
    ['meta.created gt "2026-01-31T10:00:00+01:00"', true],
    ['meta.created le "2026-01-31T09:30:00Z"', true],
    ['meta.created eq "2026-01-31T10:30:00.000+01:00"', true],
    ['userName gt "ann"', true],
    ['userName lt "ann"', false],
    ['  userName\tpr  ', true],
  ];
  for (const [filter, expected] of cases) {
    test(filter, () => assert.equal(holds(filter), expected));
  }

  test('members of a group by their id, in three spellings', () => {
    const group = { members: [{ value: 'a' }, { value: 'b' }] };
    for (const filter of ['members eq "b"', 'members.value eq "b"', 'members[value eq "b"]']) {
      assert.equal(matches(parseFilter(GROUP, filter), group), true, filter);
      assert.equal(matches(parseFilter(GROUP, filter.replace('"b"', '"B"')), group), false, filter);
    }
  });
});

describe('the reader of filters', () => {
  test('holds out against any text: a filter or a refusal that names its kind', () => {
    const pieces = [
      'userName',
      'emails',
      'eq',
      'pr',
      'and',
      'or',
      'not',
      '(',
      ')',
      '[',
      ']',
      '"a"',
      '"',
      '\\',
      '.',
      ':',
      ' ',
    ];
    const text = fc.oneof(
      fc.string(),
      fc.array(fc.constantFrom(...pieces), { maxLength: 30 }).map((p) => p.join(' ')),
    );
    fc.assert(
      fc.property(text, (filter) => {
        try {
          parseFilter(USER, filter);
        } catch (error) {
          assert.ok(error instanceof ScimError, String(error));
          assert.equal(error.scimType, 'invalidFilter');
        }
      }),
      { numRuns: 500 },
    );
  });

  test('takes nesting and length up to its bounds', () => {
    const nested = (n: number): string => `${'('.repeat(n)}title pr${')'.repeat(n)}`;
    assert.ok(parseFilter(USER, nested(MAX_FILTER_DEPTH)));
    assert.throws(() => parseFilter(USER, nested(MAX_FILTER_DEPTH + 1)), { scimType: 'invalidFilter' });
    const long = (n: number): string => Array.from({ length: n }, () => 'title pr').join(' and ');
    assert.ok(parseFilter(USER, long(MAX_FILTER_TERMS)));
    assert.throws(() => parseFilter(USER, long(MAX_FILTER_TERMS + 1)), { scimType: 'invalidFilter' });
  });

  test('says where it stopped', () => {
    assert.throws(() => parseFilter(USER, 'userName is "a"'), /Character 10 .*"is".*operator/);
    assert.throws(() => parseFilter(USER, 'userName eq "a" and'), /ends where an attribute name/);
  });
});

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import * as fc from 'fast-check';
import type { Filter } from '../../src/model/filter.ts';
import { matches } from '../../src/scim/filter/evaluate.ts';
import { parseFilter } from '../../src/scim/filter/parse.ts';
import { MAX_FILTER_LENGTH } from '../../src/scim/filter/tokens.ts';
import { groupFields, userFields } from '../../src/scim/facts.ts';
import { present } from '../../src/scim/present.ts';
import { GROUP, USER } from '../../src/scim/schema/index.ts';
import { readResource } from '../../src/scim/values.ts';
import { createResources, type ResourceKind, type Resources } from '../../src/store/resources.ts';
import { type TestDatabase, testDatabase } from '../support/database.ts';

const CORE = 'urn:ietf:params:scim:schemas:core:2.0:User';
const ENTERPRISE = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User';
const writer = { source: 'okta', actor: 'scim:okta/test' };

/** Letters of which PostgreSQL and JavaScript make different lower cases; each still equals itself. */
const ODD = ['ΑΣ', 'ας', 'ασ', 'İ'];

/**
 * Words that are easily got wrong: combining and composed accents, letters without a lower case of their own, what LIKE and regular expressions know, quotes, line ends, characters above and below the surrogates.
 */
const word = fc.constantFrom(
  'a',
  'A',
  'aB',
  'b',
  '',
  'é',
  'e\u0301',
  'É',
  'ı',
  'ß',
  'ẞ',
  'ss',
  '%',
  'a_b',
  '\\',
  '\\\\',

  '"',
  "'",
  "';--",
  'a"b',
  '\n',
  '\t',
  '/',
  'null',
  'true',
  '😀',
  '\uffee',
  '\u00a0',
  'x.y*',
  '[a]',
  '(a)',
  ' a ',
  '$1',
);
const maybe = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(value, { nil: undefined });
const element = fc.record({
  value: maybe(word),
  display: maybe(word),
  type: maybe(word),
  primary: maybe(fc.boolean()),
});

const userBody = fc.record({
  externalId: maybe(word),
  displayName: maybe(word),
  title: maybe(word),
  profileUrl: maybe(word),
  active: fc.boolean(),
  name: maybe(fc.record({ formatted: maybe(word), givenName: maybe(word) })),
  emails: fc.array(element, { maxLength: 3 }),
  roles: fc.array(element, { maxLength: 2 }),
  x509Certificates: fc.array(fc.record({ value: word }), { maxLength: 2 }),
  addresses: fc.array(fc.record({ locality: maybe(word), type: maybe(word) }), { maxLength: 2 }),
  [ENTERPRISE]: maybe(
    fc.record({ department: maybe(word), manager: maybe(fc.record({ value: maybe(word), $ref: maybe(word) })) }),
  ),
});

/** A JSON string in one of its spellings: each character by itself or as its escape. */
const spelled = fc.tuple(word, fc.array(fc.boolean(), { minLength: 1, maxLength: 5 })).map(([text, escaped]) => {
  const units = Array.from({ length: text.length }, (_, i) => text.charAt(i));
  const out = units.map((c, i) =>
    escaped[i % escaped.length] === true
      ? `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`
      : JSON.stringify(c).slice(1, -1),
  );
  // Half of a surrogate pair is written as an escape by JSON.stringify; the pair together is the same character.
  return `"${out.join('')}"`;
});
const anyCase = (text: string): fc.Arbitrary<string> =>
  fc
    .array(fc.boolean(), { minLength: 1, maxLength: 7 })
    .map((flips) =>
      Array.from(text, (c, i) => (flips[i % flips.length] === true ? c.toUpperCase() : c.toLowerCase())).join(''),
    );
const name = (...names: string[]): fc.Arbitrary<string> => fc.constantFrom(...names).chain(anyCase);
const op = fc.constantFrom('eq', 'ne', 'co', 'sw', 'ew', 'gt', 'ge', 'lt', 'le').chain(anyCase);
const equality = fc.constantFrom('eq', 'ne').chain(anyCase);
const blank = fc.constantFrom(' ', '  ', '\t', ' \n ');
const words = (...parts: Array<fc.Arbitrary<string>>): fc.Arbitrary<string> =>
  fc.tuple(blank, ...parts).map(([b, ...p]) => p.join(b));

const instant = fc.integer({ min: -2, max: 2 });
const zone = fc.constantFrom('Z', '+02:00', '-11:30', '.000Z');

/** `and`, `or`, `not` and parentheses over terms, to any depth that the generator gives. */
const grammar = (term: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc.letrec<{ filter: string }>((tie) => ({
    filter: fc.oneof(
      { maxDepth: 4, depthSize: 'medium' },
      term,
      words(tie('filter'), fc.constantFrom('and', 'or').chain(anyCase), tie('filter')),
      tie('filter').map((f) => `(${f})`),
      fc
        .tuple(fc.constant('not').chain(anyCase), fc.constantFrom('', ' '), tie('filter'))
        .map(([n, b, f]) => `${n}${b}(${f})`),
    ),
  })).filter;

const elementTerm = fc.oneof(
  words(name('value', 'display', 'type'), op, spelled),
  words(name('primary'), equality, fc.constantFrom('true', 'false', '"True"')),
  words(name('value', 'display', 'type', 'primary'), anyCase('pr')),
  words(name('display'), equality, fc.constant('null')),
);
const inElement = grammar(elementTerm);

const userTerm = (created: string): fc.Arbitrary<string> =>
  fc.oneof(
    words(
      name('userName', 'externalId', 'displayName', 'title', 'profileUrl', 'name.formatted', 'name.givenName'),
      op,
      spelled,
    ),
    words(name('emails', 'emails.value', 'emails.type', 'roles', 'roles.display', 'addresses.locality'), op, spelled),
    words(name('x509Certificates', 'x509Certificates.value', 'meta.resourceType'), op, spelled),
    words(name(`${CORE}:title`, `${CORE}:name.givenName`, `${CORE}:emails.value`, 'department'), op, spelled),
    words(name(`${ENTERPRISE}:department`, `${ENTERPRISE}:manager`, `${ENTERPRISE}:manager.value`), op, spelled),
    words(name(`${ENTERPRISE}:manager.$ref`, 'groups', 'groups.value', 'groups.display', 'groups.type'), op, spelled),
    words(
      name(
        'title',
        'name',
        'name.givenName',
        'emails',
        'emails.type',
        'roles',
        'groups',
        'groups.display',
        'addresses',
      ),
      anyCase('pr'),
    ),
    words(
      name(`${ENTERPRISE}:manager`, `${ENTERPRISE}:department`, 'meta.created', 'meta', 'id', 'active'),
      anyCase('pr'),
    ),
    words(name('title', 'externalId', 'emails.display', `${ENTERPRISE}:department`), equality, fc.constant('null')),
    words(name('active', 'emails.primary', 'roles.primary'), equality, fc.constantFrom('true', 'FALSE', '"True"')),
    fc.tuple(name('emails', 'roles'), inElement).map(([n, f]) => `${n}[${f}]`),
    fc
      .tuple(name('emails', `${CORE}:roles`), inElement, words(name('value', 'type'), op, spelled))
      .map(([n, f, c]) => `${n}[${f}].${c}`),
    fc
      .tuple(
        name('meta.created', 'meta.lastModified'),
        fc.constantFrom('eq', 'ne', 'gt', 'ge', 'lt', 'le'),
        instant,
        zone,
      )
      .map(([n, o, ms, z]) => `${n} ${o} "${dateIn(new Date(Date.parse(created) + ms), z)}"`),
    fc.constantFrom('meta.created gt "2020-01-31"', 'meta.created lt "2020-01-31T00:00:00"'),
  );

const groupTerm = (ids: readonly string[]): fc.Arbitrary<string> =>
  fc.oneof(
    words(name('displayName', 'externalId', 'members.display', 'members.type'), op, spelled),
    words(
      name('members', 'members.value', 'id'),
      equality,
      fc.constantFrom(...ids).map((id) => `"${id}"`),
    ),
    words(name('members', 'members.value', 'members.display', 'externalId'), anyCase('pr')),
    words(name('members.type'), op, fc.constantFrom('"User"', '"group"', '"U"')),
    fc
      .tuple(
        grammar(
          fc.oneof(
            words(
              name('value'),
              equality,
              fc.constantFrom(...ids).map((id) => `"${id}"`),
            ),
            words(name('display', 'type'), op, fc.oneof(spelled, fc.constantFrom('"User"', '"Group"'))),
            words(name('display', 'value'), anyCase('pr')),
          ),
        ),
      )
      .map(([f]) => `members[${f}]`),
  );

/** The instant in another zone, or with a fraction. */
function dateIn(at: Date, how: string): string {
  if (how === 'Z' || how === '.000Z') return at.toISOString();
  const [, sign, hours, minutes] = /^([+-])(\d\d):(\d\d)$/.exec(how) ?? [];
  const shift = (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes)) * 60_000;
  return new Date(at.getTime() + shift).toISOString().replace('Z', how);
}

describe('the whole grammar of filters, in SQL and in memory', () => {
  let database: TestDatabase;
  let resources: Resources;
  const stored: Record<ResourceKind, Array<Record<string, unknown>>> = { user: [], group: [] };

  before(async () => {
    database = await testDatabase();
    resources = createResources(database.db);
    const ids: string[] = [];
    for (const [i, body] of fc.sample(userBody, { numRuns: 60, seed: 7 }).entries()) {
      const resource = readResource(USER, { ...body, userName: `${['a', 'É', 'ΑΣ', 'u%_'][i % 4]}${i}` });
      const made = await resources.create(writer, 'user', userFields(resource));
      if (made.outcome === 'done') ids.push(made.stored.id);
    }
    for (const [i, title] of ODD.entries()) {
      const made = readResource(USER, {
        userName: `odd${i}`,
        externalId: title,
        displayName: 'odd',
        name: { givenName: title },
      });
      await resources.create({ ...writer, source: 'odd' }, 'user', userFields(made));
    }
    for (const [i, displayName] of fc.sample(word, { numRuns: 30, seed: 8 }).entries()) {
      const body = {
        displayName: displayName.trim() === '' ? 'x' : displayName,
        externalId: i % 3 === 0 ? 'a' : undefined,
      };
      const members = ids.filter((_, n) => (n * 7 + i) % 13 === 0);
      const made = await resources.create(writer, 'group', groupFields(readResource(GROUP, body)), members);
      if (made.outcome === 'done' && i % 4 === 0) ids.push(made.stored.id);
    }
    for (const [kind, type] of [
      ['user', USER],
      ['group', GROUP],
    ] as const) {
      const { page } = await resources.list('okta', kind, { offset: 0, limit: 1000, links: true });
      stored[kind] = page.map((s) => present(type, s, 'https://x/scim/v2'));
    }
  });
  after(() => database.close());

  async function agrees(kind: ResourceKind, text: string): Promise<number> {
    const filter = parseFilter(kind === 'user' ? USER : GROUP, text);
    const { page } = await resources.list('okta', kind, { filter, offset: 0, limit: 1000, links: false });
    const wanted = stored[kind].filter((s) => matches(filter, s)).map((s) => s['id']);
    assert.deepEqual(
      page.map((s) => s.id),
      wanted,
    );
    return wanted.length;
  }

  const short = (text: string): boolean => text.length < MAX_FILTER_LENGTH && (text.match(/ /g) ?? []).length < 250;

  test('users', async () => {
    const meta = stored.user[30]?.['meta'] as { created: string };
    let some = 0;
    await fc.assert(
      fc.asyncProperty(grammar(userTerm(meta.created)).filter(short), async (text) => {
        const hits = await agrees('user', text);
        if (hits > 0 && hits < stored.user.length) some++;
      }),
      { numRuns: 600 },
    );
    assert.ok(some > 100, `only ${some} filters chose some and not others`);
  });

  test('groups, by their members too', async () => {
    const ids = stored.group.flatMap((g) => ((g['members'] ?? []) as Array<{ value: string }>).map((m) => m.value));
    let some = 0;
    await fc.assert(
      fc.asyncProperty(grammar(groupTerm([...new Set(ids)])).filter(short), async (text) => {
        const hits = await agrees('group', text);
        if (hits > 0 && hits < stored.group.length) some++;
      }),
      { numRuns: 300 },
    );
    assert.ok(some > 50, `only ${some} filters chose some and not others`);
  });

  test('every text equals itself, whatever the attribute is stored as', async () => {
    for (const kind of ['user', 'group'] as const) {
      for (const resource of stored[kind]) {
        for (const [key, value] of Object.entries(resource)) {
          if (typeof value !== 'string' || value === '') continue;
          const filter = parseFilter(kind === 'user' ? USER : GROUP, `${key} eq ${JSON.stringify(value)}`);
          const { page } = await resources.list('okta', kind, { filter, offset: 0, limit: 1000, links: false });
          assert.ok(
            page.some((s) => s.id === resource['id']),
            `${key} ${JSON.stringify(value)}`,
          );
        }
      }
    }
  });

  test('letters that lower case treats in different ways still equal themselves', async () => {
    for (const text of ODD) {
      for (const name of ['name.givenName', 'externalId']) {
        const filter = parseFilter(USER, `${name} eq ${JSON.stringify(text)} and ${name} le ${JSON.stringify(text)}`);
        const { page } = await resources.list('odd', 'user', { filter, offset: 0, limit: 10, links: false });
        assert.ok(
          page.some((s) => s.resource['externalId'] === text),
          `${name} ${text}`,
        );
      }
    }
  });

  test('and binds closer than or, not closer than both', () => {
    const shape = (text: string): unknown => {
      const of = (f: Filter): unknown => {
        if (f.type === 'and' || f.type === 'or') return [f.type, ...f.filters.map(of)];
        if (f.type === 'not') return ['not', of(f.filter)];
        return f.type === 'present' ? f.attribute.path[0] : '?';
      };
      return of(parseFilter(USER, text));
    };
    assert.deepEqual(shape('title pr or locale pr and not (name pr) or id pr'), [
      'or',
      'title',
      ['and', 'locale', ['not', 'name']],
      'id',
    ]);
    assert.deepEqual(shape('(title pr or locale pr) and name pr'), ['and', ['or', 'title', 'locale'], 'name']);
    assert.deepEqual(shape('not (title pr) and name pr'), ['and', ['not', 'title'], 'name']);
  });

  test('addresses of members and groups are not searched for, and that is said', () => {
    for (const [type, text] of [
      [GROUP, 'members.$ref eq "x"'],
      [GROUP, 'members[$ref pr]'],
      [USER, 'groups.$ref pr'],
    ] as const) {
      assert.throws(() => parseFilter(type, text), { scimType: 'invalidFilter' });
    }
  });
});

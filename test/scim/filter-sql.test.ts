import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import * as fc from 'fast-check';
import { USER } from '../../src/scim/schema/index.ts';
import { parseFilter } from '../../src/scim/filter/parse.ts';
import { matches } from '../../src/scim/filter/evaluate.ts';
import { userFields } from '../../src/scim/facts.ts';
import { createResources, type Resources } from '../../src/store/resources.ts';
import { present } from '../../src/scim/present.ts';
import { readResource } from '../../src/scim/values.ts';
import { type TestDatabase, testDatabase } from '../support/database.ts';

const ENTERPRISE = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User';
const writer = { source: 'okta', actor: 'scim:okta/test' };

/** Few and short values, so that comparisons are often true. */
const word = fc.constantFrom('a', 'A', 'b', 'ab', 'Ab', 'BA', 'é', 'É', 'a%', '_', 'a\\b', "o'a", 'a "b"', 'ab.c@x');
const maybe = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(value, { nil: undefined });
const types = fc.constantFrom('work', 'home', 'WORK');
const element = fc.record({ value: word, type: maybe(types), primary: maybe(fc.boolean()) });

const user = fc.record({
  externalId: maybe(word),
  displayName: maybe(word),
  title: maybe(word),
  active: fc.boolean(),
  name: maybe(fc.record({ givenName: maybe(word), familyName: maybe(word) })),
  emails: fc.array(element, { maxLength: 3 }),
  [ENTERPRISE]: maybe(fc.record({ department: maybe(word), manager: maybe(fc.record({ value: word })) })),
});

const names = [
  'userName',
  'USERNAME',
  'externalId',
  'displayName',
  'title',
  'name.givenName',
  'name.familyName',
  'emails',
  'emails.value',
  'emails.type',
  `${ENTERPRISE}:department`,
  `${ENTERPRISE}:manager`,
  'urn:ietf:params:scim:schemas:core:2.0:User:title',
];
const quoted = word.map((w) => JSON.stringify(w));
const operator = fc.constantFrom('eq', 'ne', 'co', 'sw', 'ew', 'gt', 'ge', 'lt', 'le', 'EQ', 'Co');
const flag = fc.constantFrom('true', 'false', '"True"', '"FALSE"');
const join = (...parts: Array<fc.Arbitrary<string>>): fc.Arbitrary<string> =>
  fc.tuple(...parts).map((p) => p.join(' '));

const elementTerm = fc.oneof(
  join(fc.constantFrom('value', 'type', 'Type'), operator, quoted),
  join(fc.constant('primary'), fc.constantFrom('eq', 'ne'), flag),
  fc.constantFrom('type pr', 'primary pr', 'display pr'),
);
const term = fc.oneof(
  join(fc.constantFrom(...names), operator, quoted),
  join(fc.constantFrom(...names, 'name', 'emails.display', ENTERPRISE + ':manager.value'), fc.constant('pr')),
  join(fc.constant('active'), fc.constantFrom('eq', 'ne'), flag),
  join(fc.constant('emails.primary'), fc.constantFrom('eq', 'ne'), flag),
  fc.tuple(elementTerm, fc.constantFrom('and', 'or'), elementTerm).map(([a, op, b]) => `emails[${a} ${op} not (${b})]`),
  elementTerm.map((t) => `emails[${t}]`),
  fc.tuple(elementTerm, quoted).map(([t, v]) => `emails[${t}].value eq ${v}`),
  join(fc.constantFrom('title', 'displayName'), fc.constantFrom('eq', 'ne'), fc.constant('null')),
);
const { filter } = fc.letrec<{ filter: string }>((tie) => ({
  filter: fc.oneof(
    { maxDepth: 3 },
    term,
    fc
      .tuple(tie('filter'), fc.constantFrom('and', 'or', 'AND'), tie('filter'))
      .map(([a, op, b]) => `(${a}) ${op} ${b}`),
    tie('filter').map((f) => `not (${f})`),
  ),
}));

describe('filters in SQL', () => {
  let database: TestDatabase;
  let resources: Resources;
  let stored: Array<Record<string, unknown>>;

  before(async () => {
    database = await testDatabase();
    resources = createResources(database.db);
    const sample = fc.sample(user, { numRuns: 120, seed: 42 });
    for (const [i, body] of sample.entries()) {
      const resource = readResource(USER, { ...body, userName: `${['a', 'Ab', 'é', "o'"][i % 4]}${i}` });
      await resources.create(writer, 'user', userFields(resource));
    }
    const { page } = await resources.list('okta', 'user', { offset: 0, limit: 1000, links: false });
    stored = page.map((s) => present(USER, s, 'https://x/scim/v2'));
  });
  after(() => database.close());

  test('choose the same users as the filter in memory', async () => {
    let hits = 0;
    await fc.assert(
      fc.asyncProperty(filter, async (text) => {
        const parsed = parseFilter(USER, text);
        const { total, page } = await resources.list('okta', 'user', {
          filter: parsed,
          offset: 0,
          limit: 1000,
          links: false,
        });
        const wanted = stored.filter((s) => matches(parsed, s)).map((s) => s['id']);
        assert.deepEqual(
          page.map((s) => s.id),
          wanted,
        );
        assert.equal(total, wanted.length);
        if (wanted.length > 0 && wanted.length < stored.length) hits++;
      }),
      { numRuns: 400 },
    );
    assert.ok(hits > 100, `only ${hits} filters chose some users and not others: the test says too little`);
  });

  test('times compare in the form in which they are shown', async () => {
    const meta = stored[60]?.['meta'] as { created: string };
    const find = (text: string) =>
      resources.list('okta', 'user', { filter: parseFilter(USER, text), offset: 0, limit: 1000, links: false });
    const same = await find(`meta.created eq "${meta.created}"`);
    assert.ok(same.page.some((s) => s.id === stored[60]?.['id']));
    const [before, later] = [
      await find(`meta.created lt "${meta.created}"`),
      await find(`meta.created gt "${meta.created}"`),
    ];
    assert.equal(before.total + same.total + later.total, stored.length);
  });

  test('a value that is sorted by comes last when it is missing, first when descending', async () => {
    const sortBy = { path: ['title'], type: 'string', caseExact: false } as const;
    const query = { sortBy, offset: 0, limit: 1000, links: false };
    const up = (await resources.list('okta', 'user', query)).page;
    const down = (await resources.list('okta', 'user', { ...query, descending: true })).page;
    const titles = up.map((s) => (s.resource['title'] as string | undefined)?.toLowerCase());
    const known = titles.filter((t) => t !== undefined);
    assert.ok(known.length > 10 && known.length < titles.length);
    assert.deepEqual(titles.slice(0, known.length), known.toSorted());
    assert.equal(down[0]?.resource['title'], undefined);
  });

  test('pages of any size give every user once, in one order', async () => {
    for (const limit of [1, 7, 50, 119, 120]) {
      const ids: string[] = [];
      for (let offset = 0; ; offset += limit) {
        const { page, total } = await resources.list('okta', 'user', { offset, limit, links: false });
        assert.equal(total, stored.length);
        if (page.length === 0) break;
        ids.push(...page.map((s) => s.id));
      }
      assert.deepEqual(
        ids,
        stored.map((s) => s['id']),
      );
    }
  });
});

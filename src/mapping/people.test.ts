import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { ATTRIBUTES, graphOf, record } from '../../test/support/planning.ts';
import type { GroupId, LinkedRecord } from '../model/person.ts';
import { closure } from './closure.ts';
import { createEngine } from './engine.ts';
import { inputOf } from './input.ts';
import { buildPerson } from './people.ts';
import { withPrecedence } from './precedence.ts';

const GRAPH = graphOf({ team: ['unit'], unit: ['all', 'team'], all: [], other: ['gone'] });
const person = (...records: LinkedRecord[]): ReturnType<typeof buildPerson> =>
  buildPerson({ id: 'p_1', generation: 3, records }, GRAPH, ATTRIBUTES);

test('a record becomes a person with attributes, groups and paths', () => {
  const ann = person(record({ anchor: 'ann', attributes: { title: 'Dr' }, memberOf: ['okta/team'] }));
  assert.equal(ann.life, 'active');
  assert.equal(ann.generation, 3);
  assert.equal(ann.email, 'ann@example.com');
  assert.deepEqual(ann.attributes, {
    userName: 'ann',
    active: true,
    displayName: 'ann',
    email: 'ann@example.com',
    emails: ['ann@example.com'],
    title: 'Dr',
  });
  assert.deepEqual([...ann.groups.keys()], ['okta/team', 'okta/unit', 'okta/all']);
  assert.deepEqual(
    ann.groups.get('okta/all')?.map((s) => s.name),
    ['team', 'unit', 'all'],
  );
});

test('only what a source stated ends or suspends anything', () => {
  const of = (over: Partial<LinkedRecord>): string => person(record({ anchor: 'a', ...over })).life;
  assert.equal(of({ gone: 'explicit', active: false }), 'left');
  assert.equal(of({ active: false }), 'suspended');
  for (const gone of ['absent', 'scoped-out', 'unknown', 'removed'] as const) assert.equal(of({ gone }), 'active');
  const left = person(record({ anchor: 'a', gone: 'explicit', memberOf: ['okta/team'] }));
  assert.equal(left.evidence, 'explicit');
  assert.equal(left.groups.size, 0);
});

test('what a record covers and leaves out is none, what it does not cover is unknown', () => {
  const some = person(record({ anchor: 'a', covers: ['title'], attributes: {} }));
  assert.ok(some.covers.has('title') && some.covers.has('userName') && some.covers.has('active'));
  assert.ok(!some.covers.has('department'));
  const kept = person(record({ anchor: 'a', covers: ['title'], attributes: { department: 'as of last year' } }));
  assert.ok(!kept.covers.has('department') && !kept.covers.has('email'));
  assert.equal(kept.attributes['department'], undefined);
  const all = person(record({ anchor: 'a' }));
  assert.ok(all.covers.has('department') && all.covers.has('contractEnd'));
});

test('the first record that covers an attribute decides, even with none; groups are the union', () => {
  const both = person(
    record({ anchor: 'a', covers: ['title'], memberOf: ['okta/team'] }),
    record({
      anchor: 'b',
      covers: ['title', 'department'],
      attributes: { title: 'x', department: 'y' },
      memberOf: ['okta/other'],
    }),
  );
  assert.equal(both.attributes['title'], undefined);
  assert.equal(both.attributes['department'], 'y');
  assert.deepEqual([...both.groups.keys()].toSorted(), ['okta/all', 'okta/other', 'okta/team', 'okta/unit']);
});

test('a person without a record is refused', () => {
  assert.throws(() => person(), RangeError);
});

test('a group that is not there passes nothing on', () => {
  assert.deepEqual([...closure(['okta/nowhere', 'okta/other'], GRAPH).keys()], ['okta/other']);
});

test('closure: every group that can be reached, by a shortest path, whatever the order', () => {
  const names = ['a', 'b', 'c', 'd', 'e'];
  const edges = fc.tuple(...names.map(() => fc.subarray(names)));
  fc.assert(
    fc.property(edges, fc.subarray(names), (parents, direct) => {
      const id = (name: string): GroupId => `okta/${name}`;
      const of = (list: readonly string[]) => list.map(id);
      const graph = graphOf(Object.fromEntries(names.map((n, i) => [n, parents[i] ?? []])));
      const turned = graphOf(
        Object.fromEntries(names.map((n, i) => [n, (parents[i] ?? []).toReversed()] as const).toReversed()),
      );
      const found = closure(of(direct), graph);
      assert.deepEqual([...closure(of(direct.toReversed()), turned)], [...found]);
      const distance = new Map(of(direct).map((g) => [g, 1]));
      for (let round = 0; round < names.length; round++) {
        for (const [g, d] of distance) {
          for (const up of graph.parents.get(g) ?? []) distance.set(up, Math.min(distance.get(up) ?? 99, d + 1));
        }
      }
      assert.deepEqual(
        new Map([...found].map(([g, path]) => [g, path.length])),
        new Map([...distance].toSorted((x, y) => [...found.keys()].indexOf(x[0]) - [...found.keys()].indexOf(y[0]))),
      );
      for (const path of found.values()) {
        path.forEach((step, i) => {
          const next = path[i + 1];
          if (next !== undefined) assert.ok(graph.parents.get(step.id)?.includes(next.id));
        });
      }
    }),
  );
});

test('an attribute that a record holds as null was delivered, and is empty; one that it lacks was not', () => {
  const build = (attributes: object) =>
    buildPerson(
      {
        id: 'p',
        generation: 0,
        records: [record({ anchor: 'a', attributes: attributes as LinkedRecord['attributes'] })],
      },
      GRAPH,
    );
  assert.ok(build({ level: null }).covers.has('level'));
  assert.ok(!('level' in build({ level: null }).attributes));
  assert.ok(!build({}).covers.has('level'));
  assert.equal(build({ level: 3 }).attributes['level'], 3);
});

test('precedence is per attribute: the first source that covers it decides, even with none', () => {
  const declared = withPrecedence(ATTRIBUTES, ['okta', 'hr'], { department: ['hr', 'okta'], costCenter: ['hr'] });
  const okta = record({
    anchor: 'ann',
    attributes: { department: 'from okta', costCenter: '1', title: 'from okta', userType: 'x' },
  });
  const hr = record({
    anchor: '7',
    source: 'hr',
    userName: 'a7',
    attributes: { department: 'from hr', title: 'from hr' },
  });
  const built = (...records: LinkedRecord[]): ReturnType<typeof buildPerson> =>
    buildPerson({ id: 'p_1', generation: 0, records }, GRAPH, declared);
  for (const person of [built(okta, hr), built(hr, okta)]) {
    assert.equal(person.attributes['department'], 'from hr');
    assert.equal(person.attributes['title'], 'from okta');
    assert.equal(person.attributes['costCenter'], undefined, 'hr covers it and has none');
    assert.ok(person.covers.has('costCenter'));
    assert.equal(person.userName, 'ann');
  }
  const alone = built(okta);
  assert.equal(alone.attributes['department'], 'from okta');
  assert.ok(!alone.covers.has('costCenter'), 'only hr may say it, and nobody asked hr');
  const narrow = built(okta, { ...hr, covers: ['title'], attributes: { title: 'from hr' } });
  assert.equal(narrow.attributes['department'], 'from okta', 'hr was not asked for it');
  const retired = built(record({ anchor: 'x', source: 'old', attributes: { title: 'from old' } }));
  assert.equal(retired.attributes['title'], 'from old', 'a source that left the settings goes last and is not lost');
});

test('an attribute of a declared schema is covered only by a record that has it, be it as null; so for one source too', () => {
  const declared = withPrecedence(
    [...ATTRIBUTES, { name: 'level', type: 'int', about: '', onlySaid: true, sources: ['okta'] }],
    ['okta', 'hr'],
  );
  const attributes = (values: object): LinkedRecord['attributes'] => values as LinkedRecord['attributes'];
  const build = (values: object): ReturnType<typeof buildPerson> =>
    buildPerson(
      { id: 'p', generation: 0, records: [record({ anchor: 'a', attributes: attributes(values) })] },
      GRAPH,
      declared,
    );
  assert.deepEqual(
    [build({ level: 3 }).attributes['level'], build({ level: null }).attributes['level']],
    [3, undefined],
  );
  assert.deepEqual(
    [{ level: 3 }, { level: null }, {}].map((values) => build(values).covers.has('level')),
    [true, true, false],
  );
  const compiled = createEngine(declared, ['okta', 'hr']).compile('user.from("okta").level == 3', 'bool', {
    file: 'r.yaml',
    line: 1,
    column: 1,
  });
  assert.ok('expression' in compiled);
  const outcomes = [{ level: 3 }, { level: null }, {}].map((values) =>
    compiled.expression.evaluate(inputOf(build(values), new Date(0))),
  );
  assert.deepEqual(outcomes, [
    { value: true },
    { value: false },
    { indeterminate: 'user.from("okta").level was not delivered' },
  ]);
});

test('two sources disagree: who is disabled or deleted in one of them is', () => {
  const okta = record({ anchor: 'ann' });
  const ad = record({ anchor: 'alee', source: 'ad', active: false });
  assert.equal(person(okta, ad).life, 'suspended');
  assert.equal(person(okta, { ...ad, gone: 'explicit' }).life, 'left');
});

test('a returner goes on under the new record: the old one says nothing any more, in its source alone', () => {
  const old = record({
    anchor: 'old',
    gone: 'explicit',
    active: false,
    memberOf: ['okta/other'],
    attributes: { title: 'old' },
  });
  const now = record({ anchor: 'new', memberOf: ['okta/all'] });
  const back = person(old, now);
  assert.equal(back.life, 'active');
  assert.deepEqual([...back.groups.keys()], ['okta/all']);
  assert.equal(back.attributes['title'], undefined);
  assert.equal(person(old, { ...now, active: false }).life, 'left');
  assert.equal(person(old, { ...now, source: 'ad' }).life, 'left', 'another source does not take the word back');
});

test('a secondary account gives its groups while it is active, and neither ends nor names anybody', () => {
  const ann = record({ anchor: 'ann', source: 'ad', memberOf: ['okta/all'] });
  const adm = record({ anchor: 'adm-ann', source: 'ad', secondary: true, memberOf: ['okta/team'] });
  assert.deepEqual([...person(adm, ann).groups.keys()].toSorted(), ['okta/all', 'okta/team', 'okta/unit']);
  assert.equal(person(adm, ann).userName, 'ann');
  const weak = withPrecedence(ATTRIBUTES, ['ad', 'okta']);
  const elsewhere = buildPerson({ id: 'p', generation: 0, records: [adm, { ...ann, source: 'okta' }] }, GRAPH, weak);
  assert.equal(elsewhere.attributes['userName'], 'ann', 'also where its source is the stronger one');
  for (const over of [{ active: false }, { active: false, gone: 'explicit' as const }]) {
    const without = person({ ...adm, ...over }, ann);
    assert.equal(without.life, 'active');
    assert.deepEqual([...without.groups.keys()], ['okta/all']);
  }
  const left = person(adm, { ...ann, active: false, gone: 'explicit' });
  assert.equal(left.life, 'left');
  assert.equal(left.groups.size, 0, 'and it does not keep a leaver');
  assert.equal(person({ ...adm, active: false }).life, 'suspended', 'alone it is all that is known of them');
});

test('a dormant record suspends nobody who is active elsewhere, and does as soon as it is more than that', () => {
  const okta = record({ anchor: 'ann' });
  const ad = record({ anchor: 'alee', source: 'ad', active: false, dormant: true });
  assert.equal(person(okta, ad).life, 'active');
  assert.equal(person(ad).life, 'suspended');
  assert.equal(person({ ...okta, active: false }, ad).life, 'suspended');
  assert.equal(person({ ...okta, secondary: true }, ad).life, 'suspended', 'a secondary account is no sign of life');
  assert.equal(person(okta, { ...ad, gone: 'explicit' }).life, 'left');
});

test('permuting records and sources changes nothing', () => {
  const flags = fc.record({
    source: fc.constantFrom('okta', 'ad', 'hr'),
    active: fc.boolean(),
    gone: fc.option(fc.constantFrom('explicit' as const, 'absent' as const), { nil: undefined }),
    secondary: fc.constantFrom(true as const, undefined),
    dormant: fc.constantFrom(true as const, undefined),
    title: fc.constantFrom('a', 'b', undefined),
  });
  const declared = withPrecedence(ATTRIBUTES, ['okta', 'ad', 'hr']);
  const build = (records: LinkedRecord[]) => buildPerson({ id: 'p_1', generation: 0, records }, GRAPH, declared);
  fc.assert(
    fc.property(fc.array(flags, { minLength: 1, maxLength: 6 }), fc.infiniteStream(fc.nat()), (all, random) => {
      const records = all.map(({ source, active, gone, secondary, dormant, title }, i) =>
        record({
          anchor: `r${i}`,
          source,
          active,
          ...(gone !== undefined && { gone, active: false }),
          ...(secondary !== undefined && { secondary }),
          ...(dormant !== undefined && { dormant }),
          attributes: title === undefined ? {} : { title },
          memberOf: [`okta/${['team', 'other', 'all'][i % 3]}` as GroupId],
        }),
      );
      const shuffled = records
        .map((one) => ({ one, at: random.next().value ?? 0 }))
        .toSorted((a, b) => a.at - b.at)
        .map(({ one }) => one);
      const shown = ({ life, evidence, groups, frozen, lapsed }: ReturnType<typeof build>) => ({
        life,
        evidence,
        groups: [...groups.keys()].toSorted(),
        frozen,
        lapsed: lapsed?.wholly,
      });
      assert.deepEqual(shown(build(shuffled)), shown(build(records)));
    }),
  );
});

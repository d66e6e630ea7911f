import assert from 'node:assert/strict';
import { test } from 'node:test';
import { array, assert as assertProperty, constantFrom, property, string, tuple } from 'fast-check';
import { allOf, tagTerm, term } from '../filters.ts';
import { Code } from '../wire.ts';
import { compileFilter, matches, parseFilter } from './filter.ts';
import { Refusal } from './refusal.ts';

interface Thing {
  readonly id: string;
  readonly email: string;
  readonly tags: ReadonlyArray<{ readonly name: string; readonly value: string }>;
}
const FIELDS = {
  id: (thing: Thing) => [thing.id],
  email: (thing: Thing) => [thing.email],
  firstname: () => [],
};
const finds = (filter: string, thing: Partial<Thing>): boolean =>
  compileFilter(parseFilter(filter), FIELDS, (one: Thing) => one.tags)({ id: 'a-1', email: '', tags: [], ...thing });

test('terms: names ignore case and underscores, values are bare, quoted, or both', () => {
  const read = (text: string) => parseFilter(text).map(({ field, value }) => [field, value]);
  assert.deepEqual(read(''), []);
  assert.deepEqual(read(' , \t'), []);
  assert.deepEqual(read('First_Name:Ann,lastName:"Mc \\"X\\", Jr" '), [
    ['firstname', 'ann'],
    ['lastname', 'mc "x", jr'],
  ]);
  assert.deepEqual(read('email:"z\\u00f6eb"@x.test'), [['email', 'zöeb@x.test']]);
  assert.deepEqual(read('name:a:b=c'), [['name', 'a:b=c']]);
  assert.deepEqual(read('name:""'), [['name', '']]);
});

test('terms of tags: key and value may each be quoted; without a value any will do', () => {
  const tags = [{ name: 'Env', value: 'prod=1' }];
  for (const filter of ['tag:env', 'tag:"env"="PROD=1"', 'tag:env=prod=1', 'tag:e*=prod*', 'tag:env="prod"=1']) {
    assert.ok(finds(filter, { tags }), filter);
  }
  for (const filter of ['tag:en', 'tag:env=prod', 'tag:env=""', 'tag:env tag:team']) {
    assert.ok(!finds(filter, { tags }), filter);
  }
});

test('terms are joined by AND, several ids by OR', () => {
  const thing = { id: 'a-1', email: 'ann@x.test' };
  assert.ok(finds('id:a-1 email:ANN@x.test', thing));
  assert.ok(!finds('id:a-1 email:bob@x.test', thing));
  assert.ok(finds('id:a-2,id:a-1', thing));
  assert.ok(!finds('id:a-2 id:a-3', thing));
  assert.ok(finds('id:a-* email:*@x.test', thing));
  assert.ok(!finds('firstname:ann', thing), 'a field of another kind does not match');
});

test('what is not a filter is INVALID_ARGUMENT', () => {
  for (const bad of [
    'ann',
    'email',
    ':x',
    'email:',
    'email:"open',
    'email:"bad \\x"',
    'colour:red',
    'tag:=x',
    'a b:c',
  ]) {
    assert.throws(
      () => finds(bad, {}),
      (error) => error instanceof Refusal && error.code === Code.INVALID_ARGUMENT,
      bad,
    );
  }
});

test('a star matches any run, as a naive search does', () => {
  const letters = string({ unit: constantFrom('a', 'b', '*'), maxLength: 8 });
  const naive = (pattern: string, text: string): boolean => {
    if (pattern === '') return text === '';
    if (pattern.startsWith('*')) return naive(pattern.slice(1), text) || (text !== '' && naive(pattern, text.slice(1)));
    return text !== '' && pattern[0] === text[0] && naive(pattern.slice(1), text.slice(1));
  };
  assertProperty(
    property(letters, string({ unit: constantFrom('a', 'b'), maxLength: 8 }), (pattern, text) => {
      assert.equal(matches(pattern, text), naive(pattern, text));
    }),
    { numRuns: 500 },
  );
});

test('whatever text our client asks for is read back as it was, in lower case', () => {
  const pair = tuple(
    string({ unit: 'grapheme' }),
    string({ unit: 'grapheme', minLength: 1 }),
    string({ unit: 'grapheme' }),
  );
  assertProperty(
    property(array(pair, { maxLength: 3 }), (values) => {
      const filter = allOf(...values.flatMap(([value, key, tag]) => [term('email', value), tagTerm(key, tag)]));
      const expected = values.flatMap(([value, key, tag]) => [
        [value.toLowerCase(), undefined],
        [tag.toLowerCase(), key.toLowerCase()],
      ]);
      assert.deepEqual(
        parseFilter(filter).map((one) => [one.value, one.tag?.key]),
        expected,
      );
    }),
    { numRuns: 200 },
  );
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ATTRIBUTES, ENGINE } from '../../test/support/planning.ts';
import { compileProfile, evaluateProfile } from './profile.ts';

const compile = (templates: Record<string, string>): ReturnType<typeof compileProfile> =>
  compileProfile({ target: 'pam', templates, attributes: ATTRIBUTES, engine: ENGINE });
const evaluate = (
  templates: Record<string, string>,
  user: Record<string, unknown>,
  requires: Array<'email'> = [],
): unknown => {
  const { template } = compile(templates);
  assert.ok(template);
  return evaluateProfile(template, { user, covers: new Set(Object.keys(user)), now: new Date(0) }, requires);
};
const BASE = { login: 'user.email.lowerAscii()', displayName: 'user.givenName + " " + user.familyName' };

test('templates make a profile; an optional field that is none is left out', () => {
  const user = { email: 'Ann@Example.com', givenName: 'Ann', familyName: 'Lee', title: null };
  assert.deepEqual(evaluate({ ...BASE, lastName: 'user.title' }, user), {
    profile: { login: 'ann@example.com', displayName: 'Ann Lee' },
  });
});

test('login, display name and what the target requires must be there', () => {
  const user = { email: '', givenName: 'Ann' };
  const none = 'it comes to none: what it rests on is empty';
  assert.deepEqual(evaluate({ ...BASE, email: 'user.email' }, user, ['email']), {
    lacks: [
      { field: 'login', because: none },
      { field: 'displayName', because: 'user.familyName was not delivered' },
      { field: 'email', because: none },
    ],
  });
  assert.deepEqual(evaluate({ login: '"a"', displayName: '"b"' }, {}, ['email']), {
    lacks: [{ field: 'email', because: 'no template gives it' }],
  });
});

test('every mistake comes at once', () => {
  const { template, problems } = compile({ login: 'user.emial', firstnam: '"x"', email: 'user.emails' });
  assert.equal(template, undefined);
  assert.deepEqual(
    problems.map((p) => [p.message, p.remedy]),
    [
      ['profile.login of target pam: no attribute `emial` is declared', 'did you mean `email`?'],
      ['profile.firstnam of target pam: there is no such field', 'did you mean `firstName`?'],
      ['profile.email of target pam: this gives list<string>, but a string is needed here', undefined],
      ['profile.displayName of target pam is missing', 'give an expression, such as user.displayName'],
    ],
  );
  assert.equal(problems[0]?.excerpt, 'user.emial\n     ^');
});

test('a place that is known is moved to the culprit', () => {
  const place = { file: 'drawbridge.yaml', line: 7, column: 10 };
  const { problems } = compileProfile({
    target: 'pam',
    templates: { ...BASE, login: 'user.emial' },
    attributes: ATTRIBUTES,
    place: () => place,
  });
  assert.deepEqual(problems[0]?.place, { ...place, column: 15 });
});

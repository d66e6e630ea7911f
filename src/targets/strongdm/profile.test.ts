import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compileProfile, evaluateProfile } from '../../mapping/profile.ts';
import { CORE_ATTRIBUTES } from '../../model/attributes.ts';
import { strongdm } from './index.ts';

const { template, problems } = compileProfile({
  target: 'strongdm',
  templates: strongdm.profile,
  attributes: CORE_ATTRIBUTES,
});

function profileOf(user: Readonly<Record<string, string>>): unknown {
  assert.deepEqual(problems, []);
  assert.ok(template !== undefined);
  const covers = new Set(CORE_ATTRIBUTES.map((attribute) => attribute.name));
  const made = evaluateProfile(template, { user, covers, now: new Date(0) }, strongdm.can.requires);
  return 'profile' in made ? made.profile : made.lacks.map((lack) => lack.field);
}

test('the default profile takes the e-mail address, or a userName that is one, and both names', () => {
  const names = { givenName: 'Ann', familyName: 'Example', displayName: 'Ann E.' };
  const profile = { displayName: 'Ann E.', firstName: 'Ann', lastName: 'Example' };
  assert.deepEqual(profileOf({ userName: 'ann', email: 'ann@x.test', ...names }), { login: 'ann@x.test', ...profile });
  assert.deepEqual(profileOf({ userName: 'ann@y.test', ...names }), { login: 'ann@y.test', ...profile });
  assert.deepEqual(profileOf({ userName: 'ann', ...names }), ['login']);
});

test('who has only a display name gets its first and last word as names', () => {
  const names = (displayName: string): unknown => {
    const { firstName, lastName } = profileOf({ userName: 'a@x.test', displayName }) as Record<string, string>;
    return [firstName, lastName];
  };
  assert.deepEqual(names(' Ann van der Example '), ['Ann', 'Example']);
  assert.deepEqual(names('Ann'), ['Ann', 'Ann']);
});

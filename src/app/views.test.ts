import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { folderWith } from '../../test/support/command-line.ts';
import { loadSettings } from '../config/load.ts';
import { kinds } from './kinds.ts';
import { loadViews } from './views.ts';

test('a profile field that the target has no use for is a mistake, with its place; the known ones are not', () => {
  const folder = folderWith({
    'd.yaml': `sources: { okta: { type: scim } }
targets:
  t:
    type: strongdm
    mode: full
    simulator: true
    profile:
      lastName: user.familyName
      email: user.email
`,
  });
  try {
    const { settings, document } = loadSettings({ file: join(folder.path, 'd.yaml'), env: {}, kinds });
    assert.ok(settings !== undefined);
    const errors = loadViews(settings, document).problems.filter((p) => p.severity === 'error');
    assert.deepEqual(
      errors.map(({ message, place }) => ({ message, line: place?.line })),
      [{ message: 'accounts of type strongdm have no email', line: 9 }],
    );
    assert.match(errors[0]?.remedy ?? '', /login, firstName, lastName, displayName/);
  } finally {
    folder.remove();
  }
});

import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { addUser, drawbridge, folderWith, urlOf } from '../../test/support/command-line.ts';
import { testDatabase } from '../../test/support/database.ts';
import { noteRevision } from '../store/rules.ts';

const SETTINGS = `
sources: { okta: { type: scim } }
targets: { sdm: { type: strongdm, mode: full, simulator: true } }
`;
const RULES = `
rules:
  - { id: staff, if: user.userName != "", grant: [ { target: sdm, role: staging } ] }
`;

test('while rules are withheld nothing is called unwanted; an empty list of rules is meant', async () => {
  const database = await testDatabase();
  const folder = folderWith({ 'd.yaml': SETTINGS, 'rules/r.yaml': RULES });
  const explain = async (...more: string[]): Promise<string> => {
    const args = ['explain', 'ann@example.com', 'sdm/staging', '--config', 'd.yaml', ...more];
    return (await drawbridge(args, { DATABASE_URL: urlOf(database.config) }, folder.path)).out;
  };
  try {
    await addUser(database.db, 'okta', 'ann@example.com');
    await noteRevision(database.db, 'r1', { rules: 1 });
    assert.match(await explain(), /role staging: wanted/);
    rmSync(join(folder.path, 'rules/r.yaml'));
    assert.match(await explain(), /role staging: undecided: the rules are withheld, not given by us/);
    assert.doesNotMatch(await explain(), /not wanted/);
    assert.equal((JSON.parse(await explain('--json')) as { withheld: boolean }).withheld, true);
    writeFileSync(join(folder.path, 'rules/r.yaml'), 'rules: []\n');
    assert.match(await explain(), /role staging: not wanted/);
  } finally {
    folder.remove();
    await database.close();
  }
});

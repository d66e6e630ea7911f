import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { addUser, drawbridge, folderWith, type Ran, urlOf } from '../../test/support/command-line.ts';
import { testDatabase } from '../../test/support/database.ts';
import { claimItems } from '../store/ledger.ts';
import { saveAccounts } from '../store/observations.ts';
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

test('an alias is told with its user name, and whether the account shows it', async () => {
  const database = await testDatabase();
  const { db } = database;
  const folder = folderWith({ 'd.yaml': SETTINGS, 'rules/r.yaml': RULES });
  const explain = async (): Promise<string> => {
    const args = ['explain', 'ann@example.com', '--config', 'd.yaml'];
    return (await drawbridge(args, { DATABASE_URL: urlOf(database.config) }, folder.path)).out;
  };
  try {
    await addUser(db, 'okta', 'ann@example.com');
    await noteRevision(db, 'r1', { rules: 1 });
    const person = (await db.row<{ id: string }>({ text: 'select id from person' }))?.id ?? '';
    const row = { target: 'sdm', person, created: true, plan: 'h', causes: [] };
    await claimItems(db, [
      { ...row, item: 'account', objectId: 'a-1' },
      { ...row, item: 'alias:linux', objectId: 'ann' },
    ]);
    const profile = { login: 'ann@example.com', displayName: 'Ann' };
    const account = { id: 'a-1', profile, active: true, roles: new Set<string>(), aliases: new Set(['linux=Ann']) };
    await saveAccounts(db, [{ target: 'sdm', person, account }]);
    assert.match(await explain(), /alias in set linux, ann: not wanted, given by .*; the target shows it/);
    await saveAccounts(db, [{ target: 'sdm', person, account: { ...account, aliases: new Set(['linux=bob']) } }]);
    assert.match(await explain(), /alias in set linux, ann: not wanted, given by .*; the target does not show it/);
  } finally {
    folder.remove();
    await database.close();
  }
});

test('--why-not: the part of each rule that does not hold, with its values; then what stands between', async () => {
  const database = await testDatabase();
  const folder = folderWith({
    'd.yaml': SETTINGS.replace('mode: full', 'mode: observe'),
    'rules/r.yaml': `
rules:
  - id: dba
    if: >-
      user.department == "Data" &&
      user.title in ["DBA", "Lead"]
    grant: [ { target: sdm, role: prod } ]
  - id: night
    when: { group: { source: okta, id: g-night, name: Night shift } }
    grant: [ { target: sdm, role: prod } ]
  - { id: staff, if: user.userName != "", grant: [ { target: sdm, role: staging } ] }
`,
  });
  const ask = async (...args: string[]): Promise<Ran> =>
    drawbridge(
      ['explain', 'ann@example.com', ...args, '--config', 'd.yaml'],
      { DATABASE_URL: urlOf(database.config) },
      folder.path,
    );
  try {
    await addUser(database.db, 'okta', 'ann@example.com', {
      title: 'Analyst',
      'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User': { department: 'Data' },
    });
    const { out, code } = await ask('sdm/prod', '--why-not');
    assert.equal(code, 0);
    assert.equal(
      out,
      `ann@example.com and sdm/prod: does not have it
  rule dba (rules/r.yaml:3) does not hold
    user.title in ["DBA", "Lead"] is false (rules/r.yaml:4)
    user.title is "Analyst"
  rule night (rules/r.yaml:8) does not hold
    not in group Night shift (g-night) of okta

And if a rule gave it
  sdm is in mode observe: drawbridge plan, then apply HASH
`,
    );
    const staging = (await ask('sdm/staging', '--why-not')).out;
    assert.match(staging, /sdm\/staging: is to have it, and does not have it yet\n {2}rule staff \(.*\) gives it\n/);
    assert.match(staging, /What stands between\n {2}sdm is in mode observe/);
    assert.match((await ask('sdm/prdo', '--why-not')).out, /No rule gives sdm\/prdo\. Did you mean sdm\/prod\?/);
    assert.match((await ask('sdm', '--why-not')).out, /an account at sdm: is to have it/);
    const json = (await ask('sdm/prod', '--why-not', '--json')).json<{
      rules: Array<{ rule: string }>;
      wanted: boolean;
    }>();
    assert.deepEqual([json.rules.map((r) => r.rule), json.wanted], [['dba', 'night'], false]);
    for (const [args, message] of [
      [['--why-not'], /needs to know what is missing/],
      [['smd/prod', '--why-not'], /Did you mean sdm\?/],
    ] as const) {
      const wrong = await ask(...args);
      assert.equal(wrong.code, 2);
      assert.match(wrong.err, message);
    }
    assert.match((await ask('sdm/prod')).out, /rule dba would give it, and does not hold \(--why-not says/);
    await database.db.rows({ text: 'update record set active = false' });
    assert.match((await ask('sdm/prod', '--why-not')).out, /the person is suspended at a source/);
  } finally {
    folder.remove();
    await database.close();
  }
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addUser, drawbridge, folderWith, urlOf } from '../../test/support/command-line.ts';
import { testDatabase } from '../../test/support/database.ts';

const SETTINGS = `
queue: {}
sources: { okta: { type: scim } }
targets: { sdm: { type: strongdm, mode: observe, simulator: true } }
`;
const RULES = `
rules:
  - id: live
    if: user.active
    grant: [ { target: sdm, role: staging } ]
  - id: trial
    if: user.active
    grant: [ { target: sdm, role: prod } ]
    deny: [ { target: sdm, role: staging } ]
    shadow: true
`;

test('plan and explain name the rules with their commit; explain shows rules on trial', async () => {
  const database = await testDatabase();
  const folder = folderWith({ 'd.yaml': SETTINGS, 'rules/r.yaml': RULES });
  const commit = '0123456789abcdef0123456789abcdef01234567';
  const run = async (...args: string[]) => {
    const env = { DATABASE_URL: urlOf(database.config), DRAWBRIDGE_RULES_COMMIT: `${commit}-dirty` };
    const ran = await drawbridge([...args, '--config', 'd.yaml'], env, folder.path);
    assert.equal(ran.code, 0, ran.err);
    return ran;
  };
  try {
    await addUser(database.db, 'okta', 'ann@example.com');
    await database.db.rows({ text: `insert into target_state (target, observed_at) values ('sdm', now())` });
    const plan = (await run('plan', '--json')).json<{ hash: string; rules: { revision: string; commit: string } }>();
    assert.equal(plan.rules.commit, `${commit}-dirty`);
    assert.match((await run('plan')).out, /Made by rules [0-9a-f]{12}, commit 0123456789ab-dirty\.\n/);
    const stored = await database.db.row<{ commit: string; revision: string }>({
      text: `select rules_commit as commit, rules_revision as revision from plan where hash = $1 order by id desc limit 1`,
      values: [plan.hash],
    });
    assert.deepEqual(stored, { commit: `${commit}-dirty`, revision: plan.rules.revision });
    const { out } = await run('explain', 'ann@example.com');
    assert.match(out, /last step, plan [0-9a-f]{12}: proposed\n {4}by rules [0-9a-f]{12}, commit 0123456789ab-dirty\n/);
    assert.match(
      out,
      /Rules on trial \(shadow\), which do nothing\n {2}rule trial would give role prod at sdm\n {2}rule trial would deny role staging at sdm\n/,
    );
    assert.match(out, /\nrules [0-9a-f]{12}, commit 0123456789ab-dirty\n$/);
    const json = (await run('explain', 'ann@example.com', 'sdm/prod', '--json')).json<{
      shadow: unknown[];
      rules: object;
    }>();
    assert.equal(json.shadow.length, 1);
    assert.deepEqual(json.rules, plan.rules);
    const bad = await drawbridge(['check', '--config', 'd.yaml'], { DRAWBRIDGE_RULES_COMMIT: 'a b' }, folder.path);
    assert.equal(bad.code, 2);
    assert.match(bad.out, /DRAWBRIDGE_RULES_COMMIT is no commit id/);
  } finally {
    folder.remove();
    await database.close();
  }
});

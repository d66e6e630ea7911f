import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addUser, drawbridge, folderWith, urlOf } from '../../test/support/command-line.ts';
import { testDatabase } from '../../test/support/database.ts';

const SETTINGS = `
sources: { okta: { type: scim } }
targets: { sdm: { type: strongdm, mode: full, simulator: true } }
`;

test('access verify: says that every chain is complete, or which is not, and ends with 1 then', async () => {
  const database = await testDatabase();
  const { db } = database;
  const folder = folderWith({ 'd.yaml': SETTINGS, 'rules/r.yaml': 'rules: []\n' });
  const verify = (...more: string[]) =>
    drawbridge(
      ['access', 'verify', '--config', 'd.yaml', ...more],
      { DATABASE_URL: urlOf(database.config) },
      folder.path,
    );
  try {
    const none = await verify();
    assert.equal(none.code, 0, none.err);
    assert.equal(none.out, '0 people, 0 given: every chain is complete.\n');
    await addUser(db, 'okta', 'ann@example.com');
    await db.rows({
      text: `insert into ledger (target, person, item, created, confirmed, plan)
        select 'sdm', id, 'role:root', true, true, 'x' from person`,
    });
    assert.match((await verify()).out, /0 people \(1 wait to be planned and were left out\)/);
    await db.rows({ text: 'delete from dirty' });
    const found = await verify();
    assert.equal(found.code, 1);
    assert.match(
      found.out,
      /ann@example\.com \(p_.*\): role:root at sdm\n {4}no rule wants it, and nothing is about to take it\n/,
    );
    assert.match(found.out, /1 person, 1 given: 1 chain not complete\. See explain PERSON\./);
    const json = (await verify('--json')).json<{ broken: number; chains: Array<{ breaks: string[] }> }>();
    assert.deepEqual([json.broken, json.chains[0]?.breaks], [1, ['no-cause', 'no-plan', 'no-answer']]);
  } finally {
    folder.remove();
    await database.close();
  }
});

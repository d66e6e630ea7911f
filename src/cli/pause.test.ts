import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addUser, drawbridge, folderWith, type Ran, urlOf } from '../../test/support/command-line.ts';
import { testDatabase } from '../../test/support/database.ts';

const SETTINGS = `
sources: { okta: { type: scim }, both: { type: scim } }
targets: { sdm: { type: strongdm, mode: full, simulator: true }, both: { type: strongdm, mode: full, simulator: true } }
`;

test('pause, resume, freeze, thaw: shown where one looks, told in the history, refused in clear words', async () => {
  const database = await testDatabase();
  const { db } = database;
  const folder = folderWith({ 'd.yaml': SETTINGS, 'rules/r.yaml': 'rules: []\n' });
  const cli = (...args: string[]): Promise<Ran> =>
    drawbridge([...args, '--config', 'd.yaml'], { DATABASE_URL: urlOf(database.config) }, folder.path);
  const because = ['--reason', 'looking into it'];
  try {
    await addUser(db, 'okta', 'ann@example.com');
    for (const [args, message] of [
      [['pause', 'sdm'], /pause needs --reason/],
      [['pause', 'smd', ...because], /there is no target or source "smd"/],
      [['pause', 'smd', ...because], /Did you mean sdm\?/],
      [['pause', 'both', ...because], /both is a target and a source/],
      [['freeze', 'ann@example.com'], /freeze needs --reason/],
    ] as const) {
      const ran = await cli(...args);
      assert.equal(ran.code, 2, args.join(' '));
      assert.match(ran.err, message);
    }
    assert.match((await cli('pause', 'sdm', ...because)).out, /1 target \(sdm\) paused; leavers are blocked as ever/);
    assert.match((await cli('pause', 'source:both', ...because)).out, /1 source \(both\) paused/);
    assert.match((await cli('targets', 'list')).out, /sdm is paused: looking into it/);
    assert.match((await cli('sources', 'list')).out, /both +scim +paused/);
    assert.match((await cli('sources', 'show', 'both')).out, /PAUSED .* by local:.*: looking into it/);
    assert.match(
      (await cli('pause', 'all', '--leavers', ...because)).out,
      /2 targets \(sdm, both\) paused; leavers wait too/,
    );
    assert.match((await cli('resume', 'all')).out, /2 targets \(sdm, both\) resumed/);
    assert.equal((await cli('resume', 'all')).code, 4);
    assert.match((await cli('resume', 'source:both')).out, /1 source \(both\) resumed/);

    assert.match((await cli('freeze', 'ann@example.com', ...because)).out, /ann@example\.com \(p_.*\) is frozen/);
    assert.equal((await cli('freeze', 'ann@example.com', ...because)).code, 4);
    assert.match((await cli('explain', 'ann@example.com')).out, /frozen: by an operator: looking into it/);
    assert.match((await cli('thaw', 'ann@example.com', ...because)).out, /is planned by the rules again/);
    assert.equal((await cli('thaw', 'ann@example.com', ...because)).code, 4);
    const kinds = await db.rows<{ kind: string }>({
      text: `select distinct kind from event where actor like 'local:%' order by kind`,
    });
    assert.deepEqual(
      kinds.map((row) => row.kind),
      ['person.frozen', 'person.thawed', 'source.paused', 'source.resumed', 'target.paused', 'target.resumed'],
    );
  } finally {
    folder.remove();
    await database.close();
  }
});

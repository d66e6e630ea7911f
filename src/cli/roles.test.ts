import assert from 'node:assert/strict';
import { test } from 'node:test';
import { drawbridge, folderWith, type Ran, urlOf } from '../../test/support/command-line.ts';
import { testDatabase } from '../../test/support/database.ts';
import { pinRoles, replaceRoles } from '../store/roles.ts';

const SETTINGS = `
sources: { okta: { type: scim } }
targets: { sdm: { type: strongdm, mode: full, simulator: true } }
`;

test('roles: what names stand for, whether that was renamed or is gone, and how a name is let go', async () => {
  const database = await testDatabase();
  const { db } = database;
  const folder = folderWith({ 'd.yaml': SETTINGS, 'rules/r.yaml': 'rules: []\n' });
  const roles = (...args: string[]): Promise<Ran> =>
    drawbridge(['roles', ...args, '--config', 'd.yaml'], { DATABASE_URL: urlOf(database.config) }, folder.path);
  try {
    assert.match((await roles('list')).out, /^No name was resolved yet/);
    const pin = (name: string) => ({ target: 'sdm', name, role: { id: `r-${name}`, name } });
    await pinRoles(db, [pin('same'), pin('old'), pin('gone')]);
    await db.rows({ text: `update target_role set seen_at = '2001-01-01'` });
    await replaceRoles(
      db,
      'sdm',
      [
        { id: 'r-same', name: 'same' },
        { id: 'r-old', name: 'new' },
      ],
      new Date(),
    );
    const { out } = await roles('list');
    assert.match(out, /sdm +same +r-same +ok +0/);
    assert.match(out, /sdm +old +r-old +called new +0/);
    assert.match(out, /sdm +gone +r-gone +gone +0/);
    const listed = (await roles('list', '--target', 'sdm', '--json')).json<Array<{ name: string; state: string }>>();
    assert.deepEqual(
      listed.map((r) => [r.name, r.state]),
      [
        ['gone', 'gone'],
        ['old', 'renamed'],
        ['same', 'ok'],
      ],
    );

    await db.rows({ text: 'delete from dirty' });
    assert.equal((await roles('repin', 'sdm', 'old')).code, 2, 'without a reason');
    assert.match((await roles('repin', 'smd', 'old', '--reason', 'x')).err, /Did you mean sdm\?/);
    assert.equal((await roles('repin', 'sdm', 'never', '--reason', 'x')).code, 4);
    const done = await roles('repin', 'sdm', 'old', '--reason', 'OPS-12');
    assert.match(done.out, /old at sdm is looked up anew with the next plan \(it stood for r-old\)/);
    const [event] = await db.rows<{ detail: { before: string; reason: string } }>({
      text: `select detail from event where kind = 'role.unpinned'`,
    });
    assert.deepEqual(event?.detail, { before: 'r-old', reason: 'OPS-12' });
    assert.deepEqual(await db.rows({ text: 'select kind from dirty' }), [{ kind: 'all' }]);
  } finally {
    folder.remove();
    await database.close();
  }
});

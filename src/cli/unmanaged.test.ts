import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { addUser, drawbridge, folderWith, type Ran, urlOf } from '../../test/support/command-line.ts';
import { type TestDatabase, testDatabase } from '../../test/support/database.ts';

const SETTINGS = `
sources: { okta: { type: scim } }
targets: { sdm: { type: strongdm, mode: full, simulator: true, roles: { prod: { authoritative: true } } } }
`;
let database: TestDatabase;
let folder: ReturnType<typeof folderWith>;
const cli = (...args: string[]): Promise<Ran> =>
  drawbridge(['unmanaged', ...args, '--config', 'd.yaml'], { DATABASE_URL: urlOf(database.config) }, folder.path);

before(async () => {
  database = await testDatabase();
  folder = folderWith({ 'd.yaml': SETTINGS, 'rules/r.yaml': 'rules: []\n' });
});
after(async () => {
  folder.remove();
  await database.close();
});

test('where nothing was seen, that is said', async () => {
  assert.match((await cli('list')).out, /Nothing that others gave/);
  assert.match((await cli('roles')).out, /Nothing that others gave/);
});

test('unmanaged list and roles tell what others gave, page by page', async () => {
  const { db } = database;
  await addUser(db, 'okta', 'ann@example.com');
  await db.rows({
    text: `with o as (
        insert into observed (target, account_id, login_key, account) values
          ('sdm', 'a-1', 'a', '{"id": "a-1", "profile": {"login": "ann@example.com"}, "roles": ["r-1", "r-2", "r-9"]}'),
          ('sdm', 'x-1', 'x', '{"id": "x-1", "profile": {"login": "root@example.com"}, "roles": ["r-2"], "privileged": true}')
      ), r as (
        insert into target_role (target, role_id, name) values ('sdm', 'r-1', 'db'), ('sdm', 'r-2', 'prod'), ('sdm', 'r-3', 'unused')
      )
      insert into ledger (target, person, item, created, confirmed, object_id, plan)
      select 'sdm', id, i.item, true, true, i.object, 'p' from person,
        (values ('account', 'a-1'), ('role:db', 'r-1')) as i(item, object)`,
  });
  const { out } = await cli('list');
  assert.match(out, /^sdm +prod +ann@example\.com +ann@example\.com/m);
  assert.match(out, /^sdm +r-9 +ann@example\.com +ann@example\.com/m);
  assert.match(out, /^sdm +prod +root@example\.com +not ours +administrator/m);
  assert.doesNotMatch(out, / db /);
  assert.ok(out.split('\n').every((line) => line.length <= 100));

  const first = (await cli('list', '--limit', '1', '--json')).json<{ unmanaged: unknown[]; next: string }>();
  assert.deepEqual([first.unmanaged.length, first.next], [1, 'sdm/a-1/r-2']);
  const rest = (await cli('list', '--after', first.next, '--json')).json<{ unmanaged: Array<{ roleId: string }> }>();
  assert.deepEqual(
    rest.unmanaged.map((one) => one.roleId),
    ['r-9', 'r-2'],
  );
  const ours = (await cli('list', '--filter', 'account:ours role:prod', '--json')).json<{ unmanaged: unknown[] }>();
  assert.equal(ours.unmanaged.length, 1);

  const roles = await cli('roles');
  assert.match(roles.out, /^sdm +prod \(authoritative\) +0 +1 +1$/m);
  assert.doesNotMatch(roles.out, /unused|^sdm +db/m);
  assert.match((await cli('roles', '--all')).out, /^sdm +db +1 +0 +0$/m);
});

test('a page that can not be, and a field that is none, are refused with what to write', async () => {
  const page = await cli('list', '--after', 'sdm');
  assert.equal(page.code, 2);
  assert.match(page.err, /TARGET\/ACCOUNT\/ROLE/);
  assert.equal((await cli('list', '--filter', 'colour:red')).code, 2);
});

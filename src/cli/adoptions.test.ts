import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { addUser, drawbridge, folderWith, type Ran, urlOf } from '../../test/support/command-line.ts';
import { type TestDatabase, testDatabase } from '../../test/support/database.ts';
import type { Observed } from '../model/accounts.ts';
import { adoptionMessage } from '../model/adoption.ts';
import type { Db } from '../store/db.ts';
import { replaceFindings } from '../store/findings.ts';
import { clock, savePage } from '../store/observations.ts';

const SETTINGS = `
sources: { okta: { type: scim } }
targets: { sdm: { type: strongdm, mode: full, simulator: true } }
`;
const EVIDENCE = { ann: 'verified-email', bob: 'email', cid: 'login', dee: 'verified-email' } as const;

let database: TestDatabase;
let folder: ReturnType<typeof folderWith>;
const cli = (...args: string[]): Promise<Ran> =>
  drawbridge(['adoptions', ...args, '--config', 'd.yaml'], { DATABASE_URL: urlOf(database.config) }, folder.path);

before(async () => {
  database = await testDatabase();
  folder = folderWith({ 'd.yaml': SETTINGS, 'rules/r.yaml': 'rules: []\n' });
  await fill(database.db);
});
after(async () => {
  folder.remove();
  await database.close();
});

/** Four people, each with an account in their way. */
async function fill(db: Db): Promise<void> {
  const accounts: Observed[] = [];
  for (const [name, evidence] of Object.entries(EVIDENCE)) {
    const anchor = await addUser(db, 'okta', `${name}@example.com`);
    const row = await db.row<{ person: string }>({
      text: 'select person from person_record join record on key = record_key where anchor = $1',
      values: [anchor],
    });
    const person = row?.person ?? '';
    const login = `${name}@example.com`;
    const profile = { login, displayName: name };
    accounts.push({ id: `x-${name}`, profile, active: true, roles: new Set(['r-1']), aliases: new Set() });
    const object = `x-${name}`;
    await replaceFindings(
      db,
      [person],
      [{ kind: 'adoption', person, target: 'sdm', object, message: adoptionMessage(evidence, login) }],
    );
  }
  await savePage(db, 'sdm', accounts, await clock(db), false);
  await db.rows({ text: 'delete from dirty' });
}

const loginsOf = (ran: Ran): string[] =>
  ran
    .json<{ adoptions: Array<{ login: string }> }>()
    .adoptions.map(({ login }) => login.split('@')[0] ?? '')
    .toSorted();

test('adoptions are listed with what speaks for them, filtered, and page by page', async () => {
  const { out, code } = await cli('list');
  assert.equal(code, 0);
  assert.match(out, /^TARGET +PERSON +ACCOUNT +BECAUSE OF +ROLES +SAID\n/);
  assert.match(out, /sdm +ann@example\.com +ann@example\.com +verified e-mail +1\n/);
  assert.match(out, /cid@example\.com +login only/);
  assert.ok(out.split('\n').every((line) => line.length <= 100));
  assert.deepEqual(loginsOf(await cli('list', '--filter', 'evidence:verified*', '--json')), ['ann', 'dee']);
  assert.deepEqual(loginsOf(await cli('list', '--filter', 'evidence:verified-email', '--json')), ['ann', 'dee']);
  assert.deepEqual(loginsOf(await cli('list', '--filter', 'evidence:email', '--json')), ['bob']);
  assert.deepEqual(loginsOf(await cli('list', '--filter', 'person:cid* target:sdm', '--json')), ['cid']);
  const seen: string[] = [];
  for (let next: string | undefined = ''; next !== undefined;) {
    const page: Ran = await cli('list', '--limit', '3', '--json', ...(next === '' ? [] : ['--after', next]));
    seen.push(...loginsOf(page));
    next = page.json<{ next?: string }>().next;
  }
  assert.deepEqual(seen.toSorted(), ['ann', 'bob', 'cid', 'dee']);
  assert.match(
    (await cli('show', 'bob@example.com')).out,
    /sdm: account bob@example\.com \(x-bob\), may sign in, 1 role/,
  );
});

test('resolve: one by name, many by a filter, each once; bad words say what is missing', async () => {
  for (const [args, message] of [
    [['resolve'], /needs --adopt or --leave/],
    [['resolve', '--adopt', '--leave', 'ann@example.com'], /needs --adopt or --leave, and one of them only/],
    [['resolve', '--adopt', '--reason', 'x'], /needs a person or --filter/],
    [['resolve', 'ann@example.com', '--adopt'], /needs --reason/],
    [['resolve', '--filter', 'acount:x', '--adopt', '--reason', 'x'], /with a known field/],
    [['list', '--after', 'x'], /is no row of adoptions list/],
  ] as const) {
    const ran = await cli(...args);
    assert.equal(ran.code, 2, args.join(' '));
    assert.match(ran.err, message);
  }
  const none = await cli('resolve', 'ann@example.com', 'other', '--adopt', '--reason', 'x');
  assert.equal(none.code, 4);
  assert.match(none.err, /no account waits for this person at other/);

  const left = await cli('resolve', 'cid@example.com', '--leave', '--reason', 'a test account');
  assert.equal(left.code, 0, left.err);
  assert.match(left.out, /1 account left alone/);
  const bulk = await cli('resolve', '--filter', 'evidence:verified*', '--adopt', '--reason', 'first import', '--json');
  assert.equal(bulk.json<{ adopt: unknown[] }>().adopt.length, 2);
  assert.equal((await cli('resolve', 'ann@example.com', '--adopt', '--reason', 'x')).code, 4, 'said already');
  assert.deepEqual(loginsOf(await cli('list', '--json')), ['bob']);
  assert.deepEqual(loginsOf(await cli('list', '--all', '--json')), ['ann', 'bob', 'cid', 'dee']);
  assert.match((await cli('show', 'cid@example.com')).out, /leave .* by local:.*: a test account/);
  const changed = await cli('resolve', 'cid@example.com', '--adopt', '--reason', 'it is his after all');
  assert.match(changed.out, /1 account adopted with the next plan/);
  const dirty = await database.db.rows<{ person: string }>({ text: 'select distinct person from dirty' });
  assert.equal(dirty.length, 3);
});

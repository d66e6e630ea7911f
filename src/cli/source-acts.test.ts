import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { addUser, drawbridge, folderWith, type Ran, urlOf } from '../../test/support/command-line.ts';
import { type TestDatabase, testDatabase } from '../../test/support/database.ts';
import { memoryDirectory, registerMemory } from '../../test/support/memory-directory.ts';
import { stands } from '../../test/support/readings.ts';
import { holdLock, LEADER } from '../store/lease.ts';

const directory = memoryDirectory('corp');
for (let i = 0; i < 30; i++) directory.person(`u${i}`);
directory.group('g', 'u0', 'u1');

let database: TestDatabase;
let folder: ReturnType<typeof folderWith>;
let forget: () => void;

const SETTINGS = 'sources:\n  okta: { type: scim }\n  corp: { type: memory, ttl: 10m }\n';

before(async () => {
  database = await testDatabase();
  folder = folderWith({
    'both.yaml': SETTINGS,
    'okta.yaml': 'sources:\n  okta: { type: scim }\n',
    'keys.yaml': `${SETTINGS}correlation: { keys: [userName] }\n`,
    'renamed.yaml': 'sources:\n  okta: { type: scim }\n  ad: { type: memory, was: corp }\n',
    'wrong.yaml': 'sources:\n  corp: { type: memory, ttl: soon, shrinkLimit: 10, canaris: [a] }\n',
  });
  forget = registerMemory(directory);
});
after(async () => {
  forget();
  folder.remove();
  await database.close();
});

const on =
  (file: string) =>
  (...args: string[]): Promise<Ran> =>
    drawbridge([...args, '--config', `${file}.yaml`], { DATABASE_URL: urlOf(database.config) }, folder.path);
const both = on('both');

test('a source is read by hand, and shown with how that went', async () => {
  const unread = await both('sources', 'show', 'corp');
  assert.match(unread.out, /never read/);
  const read = await both('sources', 'refresh', 'corp', '--json');
  assert.equal(read.code, 0, read.err);
  assert.equal(read.json<{ state: string }>().state, 'sealed');
  const listed = await both('sources', 'list');
  assert.match(listed.out, /corp +memory +sealed +30 +1 /);
  assert.match(listed.out, /okta +scim/);
  const shown = await both('sources', 'show', 'corp');
  assert.match(shown.out, /\d+ +\d{4}.* full +sealed +30\/1\/2 +31 new, members \+2 -0/);
  for (const line of `${listed.out}\n${shown.out}`.split('\n')) assert.ok(line.length <= 120, line);
  const again = await both('sources', 'refresh', 'corp');
  assert.match(again.out, /changes, sealed/);
});

test('a reading that is not sealed says why and how to accept it, and exits 1', async () => {
  for (const id of ['u2', 'u3', 'u4', 'u5']) directory.vanish(id);
  const read = await both('sources', 'refresh', 'corp', '--full');
  assert.equal(read.code, 1);
  assert.match(read.out, /not sealed: 4 of 30 users are missing/);
  directory.person('u6', { attributes: {} });
  assert.match((await both('sources', 'refresh', 'corp')).out, /changes, sealed/);
  const shown = await both('sources', 'show', 'corp');
  assert.match(shown.out, /^corp +memory +unsealed/, 'that changes go on being read does not hide it');
  assert.match(shown.out, /the last of everything, is not sealed: 4 of 30/);
  const old = await both(...(/sources accept corp \d+/.exec(read.out)?.[0] ?? '').split(' '), '--reason', 'they moved');
  assert.match(old.err, /not the newest[^]*refresh corp --full/);
  const next = await both('sources', 'refresh', 'corp', '--full');
  const [, command = ''] = /drawbridge (sources accept corp \d+) --reason/.exec(next.out) ?? [];
  const unreasoned = await both(...command.split(' '));
  assert.equal(unreasoned.code, 2);
  assert.match(unreasoned.err, /--reason/);
  const accepted = await both(...command.split(' '), '--reason', 'they moved');
  assert.equal(accepted.code, 0, accepted.err);
  assert.match(accepted.out, /counts as sealed: 4 missing/);
  assert.equal((await stands(database.db, 'corp'))['u2'], 'missing absent');
  const person = await both('explain', 'u2@example.com');
  assert.match(person.out, /missing \(absent\)/);
  assert.match(person.out, /frozen: their entry is missing at the source corp/);
  const again = await both(...command.split(' '), '--reason', 'they moved');
  assert.equal(again.code, 1);
  assert.match(again.err, /is accepted, not unsealed/);
});

test('a source that can not be read, and one that is not read at all', async () => {
  directory.faults = { dieBefore: 1 };
  const failed = await both('sources', 'refresh', 'corp', '--full');
  directory.faults = {};
  assert.equal(failed.code, 1);
  assert.match(failed.out, /broke off: the connection was closed/);
  const push = await both('sources', 'refresh', 'okta');
  assert.equal(push.code, 4);
  assert.match(push.err, /its client writes to us/);
  const unknown = await both('sources', 'refresh', 'crop');
  assert.equal(unknown.code, 2);
  assert.match(unknown.err, /Did you mean corp\?/);
});

test('settings of readings are checked', async () => {
  const checked = await on('wrong')('check');
  assert.equal(checked.code, 2);
  for (const text of [/ttl/, /shrinkLimit/, /canaris/]) assert.match(checked.out, text);
});

test('a retired source is let go of only when it is out of the settings, with a count, and when told', async () => {
  await addUser(database.db, 'okta', 'ann@example.com');
  const early = await both('sources', 'retire', 'corp', '--reason', 'x');
  assert.equal(early.code, 2);
  assert.match(early.err, /corp is in the settings/);
  const okta = on('okta');
  const counted = await okta('sources', 'retire', 'corp', '--reason', 'replaced');
  assert.equal(counted.code, 3);
  assert.match(counted.out, /corp has 30 users and 1 group; 0 persons have an account/);
  assert.match(counted.out, /--yes/);
  const frozen = await okta('explain', 'u0@example.com');
  assert.match(frozen.out, /frozen: the source corp is not in the settings any more/);
  const done = await okta('sources', 'retire', 'corp', '--reason', 'replaced', '--yes');
  assert.equal(done.code, 0, done.err);
  assert.equal((await stands(database.db, 'corp'))['u0'], 'gone scoped-out');
  assert.equal(Object.values(await stands(database.db, 'okta'))[0], 'there');
  assert.equal((await okta('sources', 'retire', 'corp', '--reason', 'replaced')).code, 4);
  const unknown = await okta('sources', 'retire', 'cropp', '--reason', 'x');
  assert.equal(unknown.code, 2);
});

test('a source that another one succeeds', async () => {
  const done = await both('sources', 'succeed', 'okta', 'corp', '--reason', 'migrated');
  assert.equal(done.code, 0, done.err);
  const events = await database.db.rows<{ detail: unknown }>({
    text: `select detail from event where kind = 'source.succeeded'`,
  });
  assert.deepEqual(events[0]?.detail, { reason: 'migrated' });
  assert.equal((await both('sources', 'succeed', 'okta', 'okta', '--reason', 'x')).code, 2);
  assert.equal((await both('sources', 'succeed', 'nobody', 'corp', '--reason', 'x')).code, 2);
});

test('a reading by hand finds the persons of other sources, but not by other settings than a running service', async () => {
  const { db } = database;
  await addUser(db, 'okta', 'twin@example.com');
  directory.person('late', { userName: 'twin@example.com' });
  const keys = on('keys');
  const held = await holdLock(db, LEADER, async () => {
    const refused = await keys('sources', 'refresh', 'corp');
    assert.equal(refused.code, 1);
    assert.match(refused.err, /the running service correlates records by other settings than this file/);
  });
  assert.equal(held, true);
  const read = await keys('sources', 'refresh', 'corp');
  assert.ok(read.code === 0 || read.code === 1, read.err);
  const shown = (await keys('people', 'show', 'twin@example.com', '--json')).json<{ records: { source: string }[] }>();
  assert.deepEqual(shown.records.map((record) => record.source).toSorted(), ['corp', 'okta']);
});

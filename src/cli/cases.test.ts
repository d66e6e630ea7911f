import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { drawbridge, folderWith, type Ran, urlOf } from '../../test/support/command-line.ts';
import { type Clients, clients } from '../../test/support/correlation.ts';
import { type TestDatabase, testDatabase } from '../../test/support/database.ts';
import type { Moved } from '../store/correlation/persons.ts';
import type { ResolvedCase } from '../store/correlation/cases.ts';
import type { StoredCase } from '../store/correlation/case-list.ts';

let database: TestDatabase;
let folder: ReturnType<typeof folderWith>;
let it: Clients;

before(async () => {
  database = await testDatabase();
  folder = folderWith({ 'drawbridge.yaml': 'sources: { okta: { type: scim }, ad: { type: scim } }\n' });
  it = await clients(database.db);
});
after(async () => {
  folder.remove();
  await database.close();
});

const cli = (...args: string[]): Promise<Ran> =>
  drawbridge([...args, '--config', 'drawbridge.yaml'], { DATABASE_URL: urlOf(database.config) }, folder.path);
const WHY = ['--reason', 'asked HR'];

interface Page {
  readonly cases: StoredCase[];
  readonly next?: string;
}
const listed = async (...args: string[]): Promise<Page> => (await cli('cases', 'list', '--json', ...args)).json<Page>();

function fits(ran: Ran): void {
  for (const line of ran.out.split('\n')) assert.ok([...line].length <= 100, line);
}

test('where nothing is open, that is what is said', async () => {
  const none = await cli('cases', 'list');
  assert.equal(none.code, 0);
  assert.match(none.out, /Nothing waits for a decision/);
  assert.deepEqual((await listed()).cases, []);
});

test('cases are listed in pages, filtered, shown with what can be decided, and resolved', async () => {
  await it.add('okta', 'ann.lee@example.com', { emp: '1', mail: 'team@example.com' });
  for (let i = 2; i < 6; i++) await it.add('ad', `user${i}@example.com`, { emp: `${i}`, mail: 'team@example.com' });
  const all = await cli('cases', 'list');
  assert.equal(all.code, 0);
  assert.match(all.out, /c_\S+ +contradicted +ad\/user2@example\.com +ann\.lee@example\.com/);
  assert.match(all.out, /contradicted: a user name or e-mail address finds somebody/);
  fits(all);
  const first = await listed('--limit', '2');
  assert.equal(first.cases.length, 2);
  const second = await listed('--limit', '2', '--after', first.next ?? '');
  assert.equal(second.next, undefined);
  assert.deepEqual(
    [...first.cases, ...second.cases].map((one) => one.userName),
    [2, 3, 4, 5].map((i) => `user${i}@example.com`),
  );
  assert.equal((await listed('--filter', 'user:USER3* kind:contra* source:ad key:email')).cases.length, 1);
  assert.match((await cli('cases', 'list', '--filter', 'user:nobody')).out, /No case matches/);
  const bad = await cli('cases', 'list', '--filter', 'kine:twin');
  assert.equal(bad.code, 2);
  assert.match(bad.err, /Did you mean kind/);
  const [one, two] = first.cases;
  assert.ok(one !== undefined && two !== undefined);
  const shown = await cli('cases', 'show', one.id.slice(0, 8));
  assert.match(shown.out, /of nobody/);
  assert.match(shown.out, /may be {2}ann\.lee@example\.com \(p_\S+\), by email team@example\.com/);
  assert.match(shown.out, new RegExp(`drawbridge cases resolve ${one.id} --new --reason`));
  fits(shown);
  assert.equal((await cli('cases', 'show', one.id, '--json')).json<StoredCase>().id, one.id);
  const unknown = await cli('cases', 'show', 'c_nobody');
  assert.equal(unknown.code, 1);
  assert.match(unknown.err, /there is no case[^]*drawbridge cases list/);

  const person = await cli('people', 'show', 'ann.lee@example.com');
  assert.match(person.out, new RegExp(`case {4}${one.id} {2}contradicted: ad/user2@example.com`));

  const linked = await cli('cases', 'resolve', one.id, '--person', 'ann.lee@example.com', ...WHY, '--ticket', 'OPS-1');
  assert.equal(linked.code, 0, linked.err);
  assert.match(linked.out, /is resolved: the record is p_/);
  const again = await cli('cases', 'resolve', one.id, '--new', ...WHY);
  assert.equal(again.code, 1);
  assert.match(again.err, /is resolved already/);
  const fresh = await cli('cases', 'resolve', two.id, '--new', ...WHY, '--json');
  assert.equal(fresh.json<ResolvedCase>().outcome, 'new');
  const told = await cli('cases', 'show', one.id);
  assert.match(told.out, /linked by local:\S+, \d{4}.*: asked HR \(OPS-1\)/);
});

test('what is missing or too much in a command is told before anything is done', async () => {
  const [open] = (await listed()).cases;
  const id = open?.id ?? '';
  const before = await listed();
  for (const args of [
    ['resolve', id, '--new'],
    ['resolve', id, '--new', '--reason', '  '],
    ['resolve', id, ...WHY],
    ['resolve', id, '--new', '--ignore', ...WHY],
    ['resolve', '--new', ...WHY],
    ['resolve', id, '--filter', 'source:ad', '--new', ...WHY],
    ['resolve', '--filter', 'source:ad', '--person', 'ann.lee@example.com', ...WHY],
  ]) {
    const ran = await cli('cases', ...args);
    assert.equal(ran.code, 2, args.join(' '));
    assert.match(ran.err, /--reason|one of|needs a case/, args.join(' '));
  }
  const nobody = await cli('cases', 'resolve', id, '--person', 'nobody@example.com', ...WHY);
  assert.equal(nobody.code, 1);
  assert.deepEqual(await listed(), before);
});

test('many cases are resolved by a filter: counted first, and what is refused is told', async () => {
  const counted = await cli('cases', 'resolve', '--filter', 'source:ad', '--ignore', ...WHY);
  assert.equal(counted.code, 3);
  assert.match(counted.out, /2 cases would be resolved\.\nNothing was changed/);
  const done = await cli('cases', 'resolve', '--filter', 'source:ad', '--ignore', ...WHY, '--yes');
  assert.equal(done.code, 0, done.err);
  assert.match(done.out, /2 cases resolved\./);
  const none = await cli('cases', 'resolve', '--filter', 'source:ad', '--ignore', ...WHY, '--yes');
  assert.equal(none.code, 4);
  assert.equal((await listed('--all')).cases.length, 4);
  assert.equal((await listed('--filter', 'state:ignored')).cases.length, 2);
  const ids = await Promise.all([it.add('okta', 'bob@example.com'), it.add('okta', 'cid@example.com')]);
  await it.add('ad', 'b', { emp: '21' });
  await it.add('hr', 'c', { emp: '22' });
  await it.add('hr', 'c2', { mail: 'c2@example.com' });
  await it.change('okta', ids[0], 'bob@example.com', { emp: '21' });
  await it.change('okta', ids[1], 'cid@example.com', { emp: '22', mail: 'c2@example.com' });
  const mixed = await cli('cases', 'resolve', '--filter', 'kind:twin', '--same', ...WHY, '--yes');
  assert.equal(mixed.code, 1);
  assert.match(mixed.out, /1 case resolved, 1 refused\.\n {2}c_\S+: case c_\S+ names 2 persons/);
});

test('persons are merged, split and that is undone, each with its number, and the history tells it', async () => {
  const one = await it.add('okta', 'eve@example.com');
  const two = await it.add('ad', 'eve2@example.com');
  const merged = await cli('people', 'merge', 'eve2@example.com', 'eve@example.com', ...WHY);
  assert.equal(merged.code, 0, merged.err);
  assert.match(merged.out, new RegExp(`1 record of p_\\S+ went to p_\\S+:\n  ad/${two}`));
  fits(merged);
  const [, event = ''] = /people undo (\d+) --reason/.exec(merged.out) ?? [];
  const shown = await cli('people', 'show', 'eve@example.com');
  assert.match(shown.out, new RegExp(`okta/${one}[^]*ad/${two}`));
  const undone = await cli('people', 'undo', event, ...WHY, '--json');
  assert.equal(undone.code, 0, undone.err);
  assert.deepEqual(undone.json<Moved>().records, [{ source: 'ad', anchor: two }]);
  const back = await cli('people', 'undo', String(undone.json<Moved>().event), ...WHY);
  assert.equal(back.code, 0, back.err);
  const split = await cli('people', 'split', 'eve@example.com', '--record', `ad/${two}`, ...WHY);
  assert.equal(split.code, 0, split.err);
  const history = await cli('people', 'history', 'eve@example.com');
  assert.match(history.out, new RegExp(`^${event} .* person\\.merged `, 'm'));
  assert.match(history.out, /person\.split/);
  const told = (await cli('people', 'history', 'eve@example.com', '--limit', '1', '--json')).json<{
    events: unknown[];
  }>();
  assert.equal(told.events.length, 1);
  for (const [args, code, text] of [
    [['merge', 'eve@example.com', 'eve@example.com', ...WHY], 1, /one person already/],
    [['merge', 'eve@example.com', 'nobody', ...WHY], 1, /nobody has the id/],
    [['merge', 'eve@example.com', 'eve2@example.com'], 2, /--reason/],
    [['split', 'eve@example.com', '--record', 'okta', ...WHY], 2, /SOURCE\/ANCHOR/],
    [['split', 'eve@example.com', '--record', 'okta/none', ...WHY], 1, /has no record okta\/none/],
    [['undo', 'x', ...WHY], 2, /no number of an event/],
    [['undo', '1', ...WHY], 1, /no merge or split/],
  ] as const) {
    const ran = await cli('people', ...args);
    assert.equal(ran.code, code, args.join(' '));
    assert.match(ran.err, text);
  }
});

test('every command has help with an example', async () => {
  for (const args of [
    ['cases'],
    ...['list', 'show', 'resolve'].map((name) => ['cases', name]),
    ...['merge', 'split', 'undo', 'history'].map((name) => ['people', name]),
  ]) {
    const help = await drawbridge([...args, '--help'], {});
    assert.equal(help.code, 0);
    assert.match(help.out, /Examples?:\n {2}drawbridge /, args.join(' '));
    fits(help);
  }
});

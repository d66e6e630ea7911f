import assert from 'node:assert/strict';
import { dbTest, seed } from '../../test/support/jobs.ts';
import { COVERS, memoryDirectory } from '../../test/support/memory-directory.ts';
import { eventKinds, HOUR, reader, seen, stands, takeDirty } from '../../test/support/readings.ts';
import { holdLock } from '../store/lease.ts';
import { storeParts } from '../store/parts.ts';
import { acceptReading } from './accept.ts';
import { readLock } from './read.ts';

function company(size = 10) {
  const directory = memoryDirectory();
  for (let i = 0; i < size; i++) directory.person(`u${i}`);
  directory.group('g', 'u0', 'u1', 'u2');
  directory.group('h', 'g', 'u3');
  return directory;
}

dbTest('a first reading takes in everything, with one event a record, and a second one leaves no trace', async (db) => {
  const [directory, read] = [company(), reader(db)];
  const first = await read.read(directory);
  assert.equal(first.state, 'sealed');
  assert.equal(first.scope, 'full');
  assert.deepEqual(first.facts, { users: 10, groups: 2, memberships: 5, gone: 0, unreadable: 0 });
  assert.equal(first.changes.created, 12);
  assert.equal(first.changes.membersAdded, 5);
  assert.deepEqual((await seen(db)).members, ['g>u0', 'g>u1', 'g>u2', 'h>g', 'h>u3']);
  assert.deepEqual(await eventKinds(db), { 'record.created': 12 });
  assert.equal((await takeDirty(db)).length, 10);
  const people = await db.rows<{ id: string }>({ text: 'select id from person' });
  assert.equal(people.length, 10);
  for (const { id } of people) assert.match(id, /^p_[A-Za-z0-9_-]{22}$/);
  const before = await seen(db);
  const again = await read.full(directory);
  assert.deepEqual(again.changes, {
    created: 0,
    changed: 0,
    returned: 0,
    left: 0,
    missing: 0,
    membersAdded: 0,
    membersRemoved: 0,
    waiting: 0,
  });
  assert.deepEqual(await seen(db), before);
  assert.deepEqual(await eventKinds(db), { 'record.created': 12 });
  assert.deepEqual(await takeDirty(db), []);
});

dbTest('a reading of changes starts at the cursor, and costs its changes', async (db) => {
  const [directory, read] = [company(), reader(db)];
  await read.read(directory);
  await takeDirty(db);
  directory.person('u4', { attributes: { department: 'Sales' } });
  directory.part('g', 'u1');
  directory.join('g', 'u5');
  directory.person('new');
  const reading = await read.read(directory);
  assert.equal(reading.scope, 'changes');
  assert.equal(reading.state, 'sealed');
  assert.equal(directory.asked[1], '1:17');
  assert.deepEqual(await takeDirty(db), ['user new', 'user u1', 'user u4', 'user u5']);
  assert.deepEqual((await seen(db)).members, ['g>u0', 'g>u2', 'g>u5', 'h>g', 'h>u3']);
  const event = await db.row<{ detail: unknown }>({ text: `select detail from event where kind = 'record.changed'` });
  assert.deepEqual(event?.detail, {
    reading: reading.id,
    resource: 'user',
    changed: { department: { before: 'SRE', after: 'Sales' } },
  });
});

dbTest(
  'a full reading runs beside the changes, and after a cursor that was lost or given for something else',
  async (db) => {
    const [directory, read] = [company(), reader(db, { fullEvery: 6 * HOUR })];
    assert.equal((await read.read(directory)).scope, 'full');
    assert.equal((await read.read(directory)).scope, 'changes');
    read.now = new Date(read.now.getTime() + 6 * HOUR);
    assert.equal((await read.read(directory)).scope, 'full');
    assert.equal((await read.read(directory)).scope, 'changes');
    directory.forgetCursors();
    assert.equal((await read.read(directory)).scope, 'full');
    directory.scope = 'another base';
    assert.equal((await read.read(directory)).scope, 'full');
    assert.equal(directory.asked.at(-1), undefined);
    assert.equal((await read.read(directory, { full: true })).scope, 'full');
  },
);

dbTest('who is missing from sealed full readings is frozen, and gone after two of them and a day', async (db) => {
  const [directory, read] = [company(30), reader(db)];
  await read.read(directory);
  directory.vanish('u0');
  const reading = await read.full(directory);
  assert.equal(reading.state, 'sealed');
  assert.equal(reading.changes.missing, 1);
  assert.equal((await stands(db))['u0'], 'missing absent');
  await read.pass(48 * HOUR);
  assert.equal((await stands(db))['u0'], 'missing absent', 'one reading is not enough, however long ago');
  await read.full(directory);
  assert.equal((await stands(db))['u0'], 'gone absent');

  directory.vanish('u1');
  await read.full(directory);
  await read.full(directory);
  await read.pass(24 * HOUR - 1);
  assert.equal((await stands(db))['u1'], 'missing absent', 'two readings are not enough before a day has gone');
  await read.pass(1);
  assert.equal((await stands(db))['u1'], 'gone absent');

  directory.vanish('u2');
  await read.full(directory);
  directory.person('u2');
  await read.full(directory);
  directory.vanish('u2');
  await read.full(directory);
  await read.pass(48 * HOUR);
  assert.equal((await stands(db))['u2'], 'missing absent', 'coming back starts the count anew');
  directory.person('u0');
  await read.full(directory);
  assert.equal((await stands(db))['u0'], 'there');
  assert.equal((await db.rows({ text: 'select 1 from person' })).length, 30, 'the same person as before');
});

dbTest('who leaves the filter is frozen for an hour; who is gone for no known reason, for good', async (db) => {
  const [directory, read] = [company(30), reader(db)];
  await read.read(directory);
  directory.remove('u0', 'scoped-out');
  directory.remove('u1', 'unknown');
  await read.read(directory);
  assert.equal((await stands(db))['u0'], 'missing scoped-out');
  await read.pass(HOUR - 1);
  assert.equal((await stands(db))['u0'], 'missing scoped-out');
  await read.pass(1);
  assert.equal((await stands(db))['u0'], 'gone scoped-out');
  await read.pass(1000 * HOUR);
  assert.equal((await stands(db))['u1'], 'missing unknown');
});

dbTest('the disabled bit and a tombstone block the sign-in in the transaction that admits them', async (db) => {
  const [directory, read] = [company(), reader(db)];
  await read.read(directory);
  await takeDirty(db);
  await db.rows({
    text: `insert into ledger (target, person, item, created, plan) select 'pam', person, 'account', true, 'old'
      from person_record`,
  });
  directory.person('u0', { active: false });
  directory.remove('u1');
  const reading = await read.read(directory);
  assert.equal(reading.changes.left, 2);
  assert.deepEqual(await stands(db).then((s) => [s['u0'], s['u1'], s['u2']]), ['disabled', 'gone explicit', 'there']);
  const blocked = await db.rows({
    text: `select r.anchor, w.block_generation as generation, w.priority, p.generation as now from work w
      join person_record pr on pr.person = w.person join record r on r.key = pr.record_key join person p on p.id = w.person
      order by r.anchor`,
  });
  assert.deepEqual(blocked, [
    { anchor: 'u0', generation: 1, priority: 100, now: 1 },
    { anchor: 'u1', generation: 1, priority: 100, now: 1 },
  ]);
  assert.deepEqual(await takeDirty(db), ['user u0 urgent', 'user u1 urgent']);
  assert.deepEqual((await seen(db)).members, ['g>u0', 'g>u2', 'h>g', 'h>u3']);
  await read.full(directory);
  assert.equal((await db.row<{ g: number }>({ text: 'select max(generation) as g from person' }))?.g, 1, 'left once');
});

dbTest('people who are disabled at first sight did not leave', async (db) => {
  const [directory, read] = [company(), reader(db)];
  directory.person('u0', { active: false });
  const reading = await read.read(directory);
  assert.equal(reading.changes.left, 0);
  assert.equal((await db.row<{ g: number }>({ text: 'select max(generation) as g from person' }))?.g, 0);
});

dbTest('a tombstone that follows an inferred end makes a leaver of it', async (db) => {
  const [directory, read] = [company(30), reader(db)];
  await read.read(directory);
  directory.remove('u0', 'scoped-out');
  await read.read(directory);
  await read.pass(HOUR);
  directory.remove('u0', 'explicit');
  assert.equal((await read.read(directory)).changes.left, 1);
  assert.equal((await stands(db))['u0'], 'gone explicit');
});

dbTest('a reading that breaks off changes nothing, and is tried again', async (db) => {
  const [directory, read] = [company(), reader(db)];
  await read.read(directory);
  await takeDirty(db);
  const before = await seen(db);
  directory.person('u0', { attributes: { department: 'Sales' } });
  directory.vanish('u1');
  directory.faults = { dieBefore: 2 };
  const reading = await read.full(directory);
  assert.equal(reading.state, 'failed');
  assert.equal(reading.because, 'the connection was closed by the directory');
  assert.deepEqual(await seen(db), before);
  assert.deepEqual(await takeDirty(db), []);
  const state = await storeParts.sources.sourceState(db, 'dir');
  assert.equal(state?.failures, 1);
  assert.equal(state.cursor, '1:17');
  assert.ok(state.nextAt !== null && state.nextAt.getTime() - read.now.getTime() <= 300_000);
  assert.deepEqual(await db.rows({ text: `select 1 from pg_class where relname like 'staged%'` }), []);
  directory.faults = {};
  assert.equal((await read.full(directory)).state, 'sealed');
  assert.equal((await storeParts.sources.sourceState(db, 'dir'))?.failures, 0);
});

for (const [name, faults, because] of [
  ['a page that never came', { dropPage: 1 }, /the source counts 10 users, and 7 came/],
  ['an end that came early', { endAfter: 2 }, /size limit/],
  ['a wrong count', { miscount: 1 }, /the source counts 11 users, and 10 came/],
  ['an entry without an id', { garbled: [''] }, /1 entry could not be understood/],
  ['changes where everything was asked for', { lieAboutScope: true }, /changes where everything was asked for/],
] as const) {
  dbTest(`${name}: what it adds and updates is taken in, nothing is taken away, the old cursor stays`, async (db) => {
    const [directory, read] = [company(), reader(db, { shrinkLimit: 1 })];
    await read.read(directory);
    directory.person('u0', { attributes: { department: 'Sales' } });
    directory.part('g', 'u2');
    directory.faults = faults;
    const reading = await read.full(directory);
    assert.equal(reading.state, 'unsealed');
    assert.match(reading.because ?? '', because);
    assert.equal((await storeParts.sources.sourceState(db, 'dir'))?.cursor, '1:17');
    const now = await seen(db);
    assert.ok(now.members.includes('g>u2'));
    assert.deepEqual(new Set(Object.values(await stands(db))), new Set(['there']));
    assert.deepEqual(now.records.find((r) => r.anchor === 'u0')?.attributes, { department: 'Sales' });
  });
}

dbTest('a page that comes twice does no harm', async (db) => {
  const [directory, read] = [company(), reader(db)];
  directory.faults = { repeatPage: 1 };
  assert.equal((await read.read(directory)).state, 'sealed');
  assert.equal((await seen(db)).records.length, 12);
});

dbTest('an entry that can not be understood keeps its record, and the reading is whole', async (db) => {
  const [directory, read] = [company(), reader(db)];
  await read.read(directory);
  directory.faults = { garbled: ['u1'] };
  directory.person('u1', { attributes: {} });
  const reading = await read.full(directory);
  assert.equal(reading.state, 'sealed');
  assert.equal(reading.facts.unreadable, 1);
  const kept = (await seen(db)).records.find((r) => r.anchor === 'u1');
  assert.deepEqual([kept?.missing, kept?.attributes], [null, { department: 'SRE' }]);
  const person = directory.people.get('u1');
  directory.vanish('u1');
  await read.full(directory);
  assert.equal((await stands(db))['u1'], 'missing absent');
  directory.person('u1', person);
  await read.full(directory);
  assert.equal((await stands(db))['u1'], 'there', 'it is there, whatever it says');
  directory.faults = {};
  directory.person('u2', { displayName: 'a\0b' });
  assert.equal(
    (await read.full(directory)).facts.unreadable,
    1,
    'what the store can not keep counts as not understood',
  );
});

dbTest('a source that shrinks is not sealed until its reading is accepted', async (db) => {
  const [directory, read] = [company(30), reader(db)];
  const deps = { db, store: storeParts, now: () => read.now };
  await read.read(directory);
  for (const id of ['u4', 'u5', 'u6', 'u7']) directory.vanish(id);
  const small = await read.full(directory);
  assert.equal(small.state, 'unsealed');
  assert.deepEqual(small.keptBack, ['shrink']);
  assert.equal(small.because, '4 of 30 users are missing (13 %, shrinkLimit is 10 %)');
  assert.deepEqual(new Set(Object.values(await stands(db))), new Set(['there']));

  const request = { source: 'dir', reading: small.id, actor: 'local:ann', reason: 'the branch was closed' };
  const accepted = await acceptReading(deps, request);
  assert.ok('state' in accepted && accepted.state === 'accepted', JSON.stringify(accepted));
  assert.equal(accepted.changes.missing, 4);
  assert.equal((await stands(db))['u4'], 'missing absent');
  const event = await db.row<{ actor: string; detail: object }>({
    text: `select actor, detail from event where kind = 'reading.accepted'`,
  });
  assert.deepEqual(event, {
    actor: 'local:ann',
    detail: { reason: 'the branch was closed', because: small.because },
  });
  const again = await acceptReading(deps, request);
  assert.ok(!('state' in again) && again.because.includes('is accepted, not unsealed'));
  assert.equal((await read.full(directory)).state, 'sealed', 'who is missing already counts no more');
});

dbTest('only the newest reading, and only one that is whole by the word of its source, can be accepted', async (db) => {
  const [directory, read] = [company(30), reader(db)];
  const deps = { db, store: storeParts, now: () => read.now };
  const why = async (reading: number, source = 'dir') => {
    const result = await acceptReading(deps, { source, reading, actor: 'local:ann', reason: 'x' });
    return 'state' in result ? result.state : result.because;
  };
  await read.read(directory);
  for (const id of ['u4', 'u5', 'u6', 'u7']) directory.vanish(id);
  const first = await read.full(directory);
  const second = await read.full(directory);
  assert.match((await why(first.id)) ?? '', /not the newest/);
  assert.match((await why(second.id, 'other')) ?? '', /other has no reading/);
  directory.faults = { endAfter: 1 };
  const third = await read.full(directory);
  assert.match((await why(third.id)) ?? '', /size limit.*only counts, shrinking and canaries/);
  directory.faults = {};
  const fourth = await read.full(directory);
  await db.rows({ text: `truncate staged_entry_${fourth.id}, staged_member_${fourth.id}` });
  assert.match((await why(fourth.id)) ?? '', /not kept any more/, 'as after a crash of the database');
  const fifth = await read.full(directory);
  assert.equal(await why(fifth.id), 'accepted');
});

dbTest('a canary that is not there keeps the seal back', async (db) => {
  const directory = company(30);
  const read = reader(db, { canaries: ['U3@example.com', 'Group g', 'u4'] });
  assert.equal((await read.read(directory)).state, 'sealed');
  directory.remove('u3', 'unknown');
  const changes = await read.read(directory);
  assert.deepEqual([changes.scope, changes.state, changes.because], ['changes', 'unsealed', 'missing: U3@example.com']);
  const full = await read.full(directory);
  assert.deepEqual(full.keptBack, ['canary']);
});

dbTest('members may come before their user or group, and in another reading', async (db) => {
  const [directory, read] = [company(), reader(db)];
  directory.shuffle = (facts) => facts.toReversed();
  directory.group('early', 'later', 'elsewhere');
  const first = await read.read(directory);
  assert.equal(first.state, 'sealed');
  assert.equal(first.changes.waiting, 2);
  directory.person('later');
  const second = await read.read(directory);
  assert.deepEqual([second.scope, second.changes.membersAdded, second.changes.waiting], ['changes', 1, 1]);
  assert.ok((await seen(db)).members.includes('early>later'));
  directory.part('early', 'elsewhere');
  assert.equal((await read.read(directory)).changes.waiting, 0);
});

dbTest('who is not in the whole list of a group has left it; in a list that is not whole nobody has', async (db) => {
  const [directory, read] = [company(), reader(db)];
  await read.read(directory);
  await takeDirty(db);
  directory.groups.get('g')?.members.delete('u1');
  directory.groups.get('h')?.members.delete('u3');
  directory.shuffle = (facts) => facts.filter((f) => !(f.type === 'wholeGroup' && f.group === 'h'));
  const reading = await read.full(directory);
  assert.equal(reading.changes.membersRemoved, 1);
  assert.deepEqual((await seen(db)).members, ['g>u0', 'g>u2', 'h>g', 'h>u3']);
  assert.deepEqual(await takeDirty(db), ['user u1']);
});

dbTest('an attribute that a reading did not cover keeps its last value and counts as not delivered', async (db) => {
  const [directory, read] = [company(), reader(db)];
  await read.read(directory);
  directory.covers = ['displayName', 'title'];
  for (const person of directory.people.values())
    directory.person(person.id, { attributes: { title: 'x' }, emails: [] });
  await read.full(directory);
  const record = (await seen(db)).records.find((r) => r.anchor === 'u0');
  assert.deepEqual(record?.attributes, { department: 'SRE', title: 'x' });
  assert.deepEqual(record?.emails, ['u0@example.com']);
  assert.deepEqual(record?.covers, ['displayName', 'title']);
  directory.covers = COVERS;
  for (const person of directory.people.values()) directory.person(person.id, { attributes: {} });
  await read.full(directory);
  assert.deepEqual((await seen(db)).records.find((r) => r.anchor === 'u0')?.attributes, {}, 'covered and empty: none');
});

dbTest('a group that is missing goes on counting until its grace has run out', async (db) => {
  const [directory, read] = [company(), reader(db)];
  await read.read(directory);
  await takeDirty(db);
  directory.groups.delete('g');
  await read.full(directory);
  await read.full(directory);
  assert.equal((await stands(db))['g'], 'missing absent');
  assert.equal((await seen(db)).members.length, 5);
  assert.deepEqual(await takeDirty(db), []);
  await read.pass(24 * HOUR);
  assert.equal((await stands(db))['g'], 'gone absent');
  assert.deepEqual(await takeDirty(db), ['group g']);
});

dbTest('nothing comes due at a source that is frozen, and a sealed reading thaws it', async (db) => {
  const [directory, read] = [company(30), reader(db)];
  await read.read(directory);
  directory.vanish('u0');
  await read.full(directory);
  await read.full(directory);
  await takeDirty(db);
  const stale = new Date(read.now.getTime() + 25 * HOUR);
  assert.equal(await storeParts.sources.freezeStale(db, 'dir', new Date(stale.getTime() - 24 * HOUR), stale), true);
  assert.equal(await storeParts.sources.freezeStale(db, 'dir', new Date(stale.getTime() - 24 * HOUR), stale), false);
  assert.deepEqual(await takeDirty(db), ['all']);
  await read.pass(25 * HOUR);
  assert.equal((await stands(db))['u0'], 'missing absent');
  directory.faults = { endAfter: 1 };
  await read.full(directory);
  assert.equal(
    (await storeParts.sources.sourceState(db, 'dir'))?.frozenBecause,
    'stale',
    'an unsealed reading is not enough',
  );
  directory.faults = {};
  await read.full(directory);
  assert.equal((await storeParts.sources.sourceState(db, 'dir'))?.frozenBecause, null);
  assert.equal((await stands(db))['u0'], 'gone absent');
});

dbTest('a source is read by one at a time, over all processes', async (db) => {
  const [directory, read] = [company(), reader(db)];
  await holdLock(db, readLock('dir'), async () => {
    assert.deepEqual(await read.try(directory), { outcome: 'busy' });
  });
  assert.equal((await read.read(directory)).state, 'sealed');
});

dbTest('a reading that is stopped says so, and what a killed process left is cleaned up by the next', async (db) => {
  const [directory, read] = [company(), reader(db)];
  directory.faults = { stall: true };
  const stop = new AbortController();
  const reading = read.read(directory, { signal: stop.signal });
  setTimeout(() => stop.abort(), 50);
  assert.deepEqual(await reading.then((r) => [r.state, r.because]), ['failed', 'it was stopped before its end']);
  directory.faults = {};
  const killed = await storeParts.readings.beginReading(db, { source: 'dir', actor: 'killed', startedAt: read.now });
  const next = await read.read(directory);
  assert.equal(next.state, 'sealed');
  const all = await storeParts.readings.listReadings(db, 'dir', 10);
  assert.deepEqual(all.find((r) => r.id === killed)?.because, 'its process ended while it ran');
  assert.deepEqual(await db.rows({ text: `select 1 from pg_class where relname like 'staged%'` }), []);
});

dbTest('records of other sources are left alone', async (db) => {
  await seed.user(db, 'u0');
  await seed.group(db, 'g');
  await seed.join(db, 'g', 'u0');
  const [directory, read] = [company(30), reader(db)];
  await read.read(directory);
  directory.remove('u0');
  directory.vanish('u1');
  await read.full(directory);
  assert.deepEqual(await stands(db, 'okta'), { g: 'there', u0: 'there' });
  assert.deepEqual((await seen(db, 'okta')).members, ['g>u0']);
});

dbTest(
  'who is outside of what is read and disabled there is disabled at once; a stranger there makes no record',
  async (db) => {
    const [directory, read] = [company(), reader(db)];
    await read.read(directory);
    directory.outside('u4');
    directory.outside('stranger');
    const reading = await read.read(directory);
    assert.equal(reading.state, 'sealed');
    assert.equal(reading.changes.left, 1);
    assert.equal(reading.changes.changed, 1);
    assert.equal(reading.facts.gone, 2);
    const found = await stands(db);
    assert.equal(found['u4'], 'disabled');
    assert.equal(found['stranger'], undefined);
    const record = (await seen(db)).records.find((r) => r.anchor === 'u4');
    assert.deepEqual(record?.attributes, { department: 'SRE' }, 'it keeps the rest');
    assert.ok((await takeDirty(db)).includes('user u4 urgent'));
    // In a full reading it is there too, though it is not among those that are read.
    directory.vanish('u4');
    directory.lateFacts = [{ type: 'disabled', id: 'u4' }];
    assert.equal((await read.full(directory)).changes.missing, 0);
    assert.equal((await stands(db))['u4'], 'disabled');
  },
);

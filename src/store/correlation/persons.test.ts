import assert from 'node:assert/strict';
import { clients } from '../../../test/support/correlation.ts';
import { dbTest } from '../../../test/support/jobs.ts';
import { keepAliases } from '../aliases.ts';
import type { Db } from '../db.ts';
import { eventsOfPerson } from '../events.ts';
import { resolveCase } from './cases.ts';
import { mergePersons, type Moved, type NotMoved, splitPerson, undoMove } from './persons.ts';

const BY = { actor: 'local:test', reason: 'asked HR', ticket: 'OPS-1' };

function done(result: Moved | NotMoved): Moved {
  assert.ok(!('because' in result), JSON.stringify(result));
  return result;
}
function refused(result: object, pattern: RegExp): void {
  assert.ok('because' in result && 'remedy' in result, JSON.stringify(result));
  assert.match(String(result.because), pattern);
  assert.ok(String(result.remedy).length > 10);
}

const own = (db: Db, person: string, target = 'sdm') =>
  db.rows({
    text: `insert into ledger (target, person, item, created, plan) values ($2, $1, 'account', true, 'p')`,
    values: [person, target],
  });
const waiting = (db: Db) =>
  db.rows<{ person: string; urgent: boolean }>({
    text: `delete from dirty where kind = 'person' returning person, urgent`,
  });

dbTest('two persons are merged, and that is undone, and both are in the history', async (db) => {
  const it = await clients(db);
  await it.add('okta', 'ann', { emp: '1' });
  const ad = await it.add('ad', 'alee', { emp: '2' });
  const { 'okta/ann': ann = '', 'ad/alee': alee = '' } = await it.persons();
  const kept = () => db.rows({ text: `select person, until from kept_alias` });
  const until = new Date('2030-01-01T00:00:00Z');
  const name = { target: 'sdm', item: 'alias:linux', key: 'lee', until } as const;
  await keepAliases(db, [{ ...name, person: alee }], new Date('2029-01-01T00:00:00Z'));
  const merged = done(await mergePersons(db, [alee, ann], BY));
  assert.deepEqual(await kept(), [{ person: ann, until }], 'what was kept for the one is kept for both');
  assert.deepEqual(merged, { from: alee, to: ann, records: [{ source: 'ad', anchor: ad }], event: merged.event });
  assert.deepEqual(await it.groups(), ['ad/alee okta/ann']);
  assert.deepEqual((await waiting(db)).map((row) => row.person).toSorted(), [ann, alee].toSorted());
  for (const person of [ann, alee]) {
    const [event] = await eventsOfPerson(db, person, 1);
    assert.equal(event?.kind, 'person.merged');
    assert.equal(event?.actor, 'local:test');
    assert.equal(event?.detail?.['reason'], 'asked HR');
    assert.equal(event?.detail?.['ticket'], 'OPS-1');
  }
  const undone = done(await undoMove(db, merged.event, BY));
  assert.deepEqual([undone.from, undone.to], [ann, alee]);
  assert.deepEqual(await it.groups(), ['ad/alee', 'okta/ann']);
  assert.deepEqual(await it.persons(), { 'okta/ann': ann, 'ad/alee': alee });
  const again = done(await undoMove(db, undone.event, BY));
  assert.deepEqual(await it.groups(), ['ad/alee okta/ann'], 'undoing is undone');
  assert.notEqual(again.event, undone.event);
});

dbTest('who owns something at a target stays, and two who do are not merged', async (db) => {
  const it = await clients(db);
  for (const [name, emp] of [
    ['ann', '1'],
    ['bob', '2'],
    ['cid', '3'],
  ] as const)
    await it.add('okta', name, { emp });
  await it.add('ad', 'alee', { emp: '4' });
  const { 'okta/ann': ann = '', 'okta/bob': bob = '', 'ad/alee': alee = '' } = await it.persons();
  await own(db, alee);
  assert.equal(done(await mergePersons(db, [alee, ann], BY)).to, alee);
  await own(db, bob, 'privx');
  refused(await mergePersons(db, [alee, bob], BY), /both have a record in okta/);
  await it.add('hr', 'x', { emp: '5' });
  const { 'hr/x': hr = '' } = await it.persons();
  await own(db, hr);
  refused(await mergePersons(db, [hr, alee], BY), /both own something at targets: .* at sdm, .* at sdm/);
  refused(await mergePersons(db, [hr, hr], BY), /one person already/);
  refused(await mergePersons(db, [hr, 'p_none'], BY), /there is no person p_none/);
  assert.deepEqual(
    await it.groups(),
    ['ad/alee okta/ann', 'hr/x', 'okta/bob', 'okta/cid'],
    'a refusal changes nothing',
  );
});

dbTest('what was planned for somebody who was merged away is not done any more', async (db) => {
  const it = await clients(db);
  await it.add('okta', 'ann', { emp: '1' });
  await it.add('ad', 'alee', { emp: '2' });
  const { 'okta/ann': ann = '', 'ad/alee': alee = '' } = await it.persons();
  await db.rows({
    text: `insert into adoption (target, account_id, person, word, said_by, reason) values ('sdm', 'a-1', $1, 'leave', 'x', 'y')`,
    values: [alee],
  });
  await db.rows({ text: `update person set frozen = '{"actor": "x", "reason": "z"}' where id = $1`, values: [alee] });
  await db.rows({
    text: `with p as (insert into plan (hash, kind, actor, rules_revision, counts) values ('h', 'partial', 'x', 'r', '{}') returning id),
      s as (insert into step (plan_id, target, person, basis, generation, changes, state)
        select id, 'sdm', $1, 'b', 0, '[]', 'pending' from p returning id)
      insert into work (target, person, step_id, state) select 'sdm', $1, id, 'pending' from s`,
    values: [alee],
  });
  done(await mergePersons(db, [alee, ann], BY));
  assert.deepEqual(await db.rows({ text: 'select state, step_id as step from work' }), [{ state: 'done', step: null }]);
  assert.deepEqual(await db.rows({ text: 'select state from step' }), [{ state: 'superseded' }]);
  const frozen = await db.rows({ text: `select id from person where frozen ->> 'reason' = 'z'` });
  assert.equal(frozen.length, 2, 'nobody is thawed by that');
  const words = await db.rows({ text: `select word from adoption where person = $1`, values: [ann] });
  assert.deepEqual(words, [{ word: 'leave' }], 'what was said about an account goes with them');
});

dbTest('records are split off to a new person, who is not found to be the old one again', async (db) => {
  const it = await clients(db);
  const ann = await it.add('okta', 'ann', { emp: '1' });
  const ad = await it.add('ad', 'alee', { emp: '1' });
  const { 'okta/ann': person = '' } = await it.persons();
  const records = [{ source: 'ad', anchor: ad }];
  const split = done(await splitPerson(db, { person, records }, BY));
  assert.deepEqual(await it.groups(), ['ad/alee', 'okta/ann']);
  await it.change('ad', ad, 'alee', { emp: '1', mail: 'alee@example.com' });
  await it.change('okta', ann, 'ann', { emp: '1', mail: 'ann@example.com' });
  assert.deepEqual(await it.open(), [], 'somebody said that they are two');
  refused(await splitPerson(db, { person, records }, BY), /has no record ad\//);
  refused(await splitPerson(db, { person, records: [{ source: 'okta', anchor: ann }] }, BY), /some must stay/);
  refused(await splitPerson(db, { person, records: [] }, BY), /some must stay/);
  done(await undoMove(db, split.event, BY));
  assert.deepEqual(await it.groups(), ['ad/alee okta/ann']);
  refused(await undoMove(db, split.event, BY), /no record of event \d+ is with/);
  refused(await undoMove(db, 1, BY), /is no merge or split/);
});

dbTest('a record goes to whom it belongs, unless they have one there', async (db) => {
  const it = await clients(db);
  await it.add('okta', 'ann', { emp: '1' });
  const wrong = await it.add('ad', 'bob', { emp: '1' });
  await it.add('okta', 'bob', { emp: '2' });
  const cid = await it.add('ad', 'cid', { emp: '3' });
  const dee = await it.add('hr', 'cid', { emp: '3' });
  await it.change('ad', wrong, 'bob', { emp: '2' });
  assert.deepEqual(await it.open(), ['ad/bob twin']);
  const { 'okta/ann': ann = '', 'okta/bob': bob = '', 'hr/cid': other = '' } = await it.persons();
  done(await splitPerson(db, { person: ann, records: [{ source: 'ad', anchor: wrong }], to: bob }, BY));
  await it.review();
  assert.deepEqual(await it.groups(), ['ad/bob okta/bob', 'ad/cid hr/cid', 'okta/ann']);
  assert.deepEqual(await it.open(), [], 'what was odd about it is not any more');
  const records = [{ source: 'ad', anchor: cid }];
  refused(await splitPerson(db, { person: other, records, to: bob }, BY), /has a record in ad that is there/);
  refused(await splitPerson(db, { person: other, records, to: 'p_none' }, BY), /there is no person p_none/);
  refused(await splitPerson(db, { person: other, records, to: other }, BY), /are with p_\S+ already/);
  done(await splitPerson(db, { person: other, records: [{ source: 'hr', anchor: dee }], to: bob }, BY));
  assert.deepEqual(await it.groups(), ['ad/bob hr/cid okta/bob', 'ad/cid', 'okta/ann']);
});

dbTest('cases are resolved: theirs, somebody new, nobody’s, and of two persons one', async (db) => {
  const it = await clients(db);
  await it.add('okta', 'ann', { emp: '1', mail: 'team@example.com' });
  for (const [name, emp] of [
    ['b', '2'],
    ['c', '3'],
    ['d', '4'],
  ] as const)
    await it.add('ad', name, { emp, mail: 'team@example.com' });
  const { 'okta/ann': ann = '' } = await it.persons();
  const [b, c, d] = await it.cases();
  assert.ok(b !== undefined && c !== undefined && d !== undefined);
  assert.deepEqual([b.kind, b.persons], ['contradicted', [ann]]);
  const linked = await resolveCase(db, b.id, { to: 'same' }, BY);
  assert.deepEqual(linked, { id: b.id, outcome: 'linked', person: ann });
  const fresh = await resolveCase(db, c.id, { to: 'new' }, BY);
  assert.ok('outcome' in fresh && fresh.outcome === 'new');
  await resolveCase(db, d.id, { to: 'ignore' }, BY);
  assert.deepEqual(await it.groups(), ['ad/b okta/ann', 'ad/c']);
  await it.review();
  assert.deepEqual(await it.open(), []);
  const resolved = await it.cases({ field: 'id', like: b.id });
  assert.deepEqual(
    resolved.map(({ state, outcome, decidedBy, reason, ticket }) => [state, outcome, decidedBy, reason, ticket]),
    [['resolved', 'linked', 'local:test', 'asked HR', 'OPS-1']],
  );
  refused(await resolveCase(db, b.id, { to: 'new' }, BY), /resolved already/);
  refused(await resolveCase(db, 'c_none', { to: 'new' }, BY), /there is no case/);
  const later = await resolveCase(db, d.id, { to: 'person', person: ann }, BY);
  assert.deepEqual(later, { id: d.id, outcome: 'linked', person: ann, secondary: true }, 'a word can be taken back');
});

dbTest('what somebody who stays nobody’s says changes nothing about that', async (db) => {
  const it = await clients(db);
  await it.add('okta', 'ann', { emp: '1', mail: 'ann@example.com' });
  const ad = await it.add('ad', 'svc', { emp: '2', mail: 'ann@example.com' });
  const [one] = await it.cases();
  await resolveCase(db, one?.id ?? '', { to: 'ignore' }, BY);
  await it.change('ad', ad, 'svc', { emp: '1', mail: 'ann@example.com' });
  await it.review();
  assert.deepEqual(await it.groups(), ['okta/ann']);
});

dbTest('people who turn out to be there twice are merged or stay two, as somebody says', async (db) => {
  const it = await clients(db);
  await it.add('okta', 'ann', { emp: '1' });
  const alee = await it.add('ad', 'alee', {});
  await it.add('okta', 'bob', { emp: '2' });
  const brob = await it.add('ad', 'brob', {});
  await it.change('ad', alee, 'alee', { emp: '1' });
  await it.change('ad', brob, 'brob', { emp: '2' });
  assert.deepEqual(await it.open(), ['ad/alee twin', 'ad/brob twin']);
  const [ann, bob] = await it.cases();
  await own(db, (await it.persons())['ad/alee'] ?? '');
  const merged = await resolveCase(db, ann?.id ?? '', { to: 'same' }, BY);
  assert.ok('event' in merged && merged.person === (await it.persons())['ad/alee'], 'who owns something stays');
  await resolveCase(db, bob?.id ?? '', { to: 'new' }, BY);
  assert.deepEqual(await it.groups(), ['ad/alee okta/ann', 'ad/brob', 'okta/bob']);
  await it.change('ad', brob, 'brob', { emp: '2', mail: 'b@example.com' });
  await it.review();
  assert.deepEqual(await it.open(), [], 'they are two: nobody is asked again');
});

dbTest('merging with a record that was disabled all along makes a dormant one, a leaver makes a leaver', async (db) => {
  const it = await clients(db);
  await it.add('okta', 'ann', { emp: '1' });
  await it.add('ad', 'alee', { active: false });
  await it.add('okta', 'bob', { emp: '2' });
  const brob = await it.add('ad', 'brob');
  await it.change('ad', brob, 'brob', { active: false });
  const persons = await it.persons();
  const merge = (one: string, other: string) => mergePersons(db, [persons[one] ?? '', persons[other] ?? ''], BY);
  done(await merge('ad/alee', 'okta/ann'));
  done(await merge('okta/bob', 'ad/brob'));
  assert.deepEqual(await it.open(), ['ad/alee dormant']);
  const rows = await db.rows<{ name: string }>({
    text: 'select user_name as name from person_record pr join record r on r.key = pr.record_key where pr.dormant',
  });
  assert.deepEqual(rows, [{ name: 'alee' }]);
  const [dormant] = await it.cases({ field: 'kind', like: 'dormant' });
  await waiting(db);
  const counts = await resolveCase(db, dormant?.id ?? '', { to: 'same' }, BY);
  assert.ok('outcome' in counts && counts.outcome === 'linked');
  assert.deepEqual(await waiting(db), [{ person: counts.person, urgent: true }]);
  assert.deepEqual(await it.open(), []);
});

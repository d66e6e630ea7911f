import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ATTRIBUTES, graphOf, record, rulesOf, view } from '../../test/support/planning.ts';
import type { LinkedRecord } from '../model/person.ts';
import { desire } from './desire.ts';
import { buildPerson } from './people.ts';
import { type Obstacle, whyNot } from './why-not.ts';

const NOW = new Date('2030-01-01T00:00:00Z');
const GRAPH = graphOf({ dba: ['ops'], ops: [] });

function ask(rules: string, over: Partial<LinkedRecord> = {}, role = 'db') {
  const loaded = rulesOf(`rules:\n${rules}`);
  assert.ok(loaded.rules, loaded.problems.map((p) => p.message).join());
  const records = [record({ anchor: 'ann', ...over })];
  const person = buildPerson({ id: 'p_1', generation: 0, records }, GRAPH, ATTRIBUTES);
  const answers = whyNot(person, loaded.rules, { target: 'pam', role: role === 'account' ? undefined : role }, NOW);
  const items = desire(person, loaded.rules, [view()], NOW).desired.get('pam')?.items;
  const wanted = items?.has(role === 'account' ? role : `role:${role}`) === true;
  assert.equal(
    answers.some((a) => a.obstacle === undefined),
    wanted,
    'no obstacle is the same as being wanted',
  );
  return answers;
}
const obstacle = (rule: string, over: Partial<LinkedRecord> = {}): Obstacle | undefined =>
  ask(`  - { id: r, ${rule} }\n`, over)[0]?.obstacle;
const DB = 'grant: [ { target: pam, role: db } ]';

test('the first false part is named with what it read', () => {
  const rule = `if: 'user.title == "DBA" && user.department in ["SRE"] && user.userName != ""', ${DB}`;
  const attributes = { title: 'DBA', department: 'Sales' };
  const found = obstacle(rule, { attributes });
  assert.equal(found?.part, 'condition');
  assert.ok(found?.part === 'condition');
  assert.equal(found.text, 'user.department in ["SRE"]');
  assert.deepEqual(found.reads, [{ name: 'department', value: 'Sales' }]);
  assert.equal(obstacle(rule, { attributes: { title: 'DBA', department: 'SRE' } }), undefined);
});

test('a part that is false decides before one that can not be told; else that one is named', () => {
  const rule = `if: 'user.department == "SRE" && user.title == "DBA"', ${DB}`;
  const unread = { covers: ['title'] };
  const wrong = obstacle(rule, { ...unread, attributes: { title: 'x' } });
  assert.ok(wrong?.part === 'condition');
  assert.equal(wrong.text, 'user.title == "DBA"');
  const open = obstacle(rule, { ...unread, attributes: { title: 'DBA' } });
  assert.ok(open?.part === 'undecided');
  assert.equal(open.text, 'user.department == "SRE"');
  assert.deepEqual(open.reads, [{ name: 'department', unknown: true }]);
});

test('an empty attribute is shown as empty; a condition of one part is named whole', () => {
  const found = obstacle(`if: 'user.department == "a" || user.title == "b"', ${DB}`, { attributes: { title: 'x' } });
  assert.ok(found?.part === 'condition');
  assert.equal(found.text, 'user.department == "a" || user.title == "b"');
  assert.deepEqual(found.reads, [{ name: 'department' }, { name: 'title', value: 'x' }]);
});

test('groups: not in it, or only through others', () => {
  const when = (more: string): string => `when: { group: { source: okta, id: ops${more} } }, ${DB}`;
  const group = { source: 'okta', id: 'ops' };
  const none = obstacle(when(''));
  assert.ok(none?.part === 'group');
  assert.deepEqual([none.group.source, none.group.id, none.onlyNested], [group.source, group.id, false]);
  const nested = obstacle(when(', nested: false'), { memberOf: ['okta/dba'] });
  assert.ok(nested?.part === 'group' && nested.onlyNested);
  assert.equal(obstacle(when(''), { memberOf: ['okta/dba'] }), undefined);
});

test('time bounds, denials and rules on trial', () => {
  const bound = (text: string): string => `grant: [ { target: pam, role: db, ${text} } ]`;
  const soon = obstacle(`if: 'true', ${bound(`from: 'timestamp("2031-01-01T00:00:00Z")'`)}`);
  assert.deepEqual(soon, { part: 'from', at: new Date('2031-01-01T00:00:00Z') });
  const over = obstacle(`if: 'true', ${bound(`until: 'timestamp("2029-01-01T00:00:00Z")'`)}`);
  assert.deepEqual(over, { part: 'until', at: new Date('2029-01-01T00:00:00Z') });
  const [denied] = ask(`  - { id: a, ${DB} }\n  - { id: no, deny: [ { target: pam, role: 'd*' } ] }\n`);
  assert.ok(denied?.obstacle?.part === 'denied' && denied.obstacle.by === 'no' && denied.obstacle.decided);
  const [account] = ask(`  - { id: a, ${DB} }\n  - { id: no, deny: [ { target: pam, role: db } ] }\n`, {}, 'account');
  assert.equal(account?.obstacle?.part, 'denied');
  assert.deepEqual(obstacle(`shadow: true, ${DB}`), { part: 'shadow' });
});

test('every rule that could give it answers, sorted; others say nothing; an account is given by whatever gives', () => {
  const rules = `  - { id: z, if: 'user.title == "x"', ${DB} }
  - { id: a, if: 'user.title == "y"', ${DB} }
  - { id: other, grant: [ { target: pam, role: web } ] }
`;
  assert.deepEqual(
    ask(rules).map((a) => a.rule),
    ['a', 'z'],
  );
  assert.deepEqual(
    ask(rules, {}, 'account').map((a) => [a.rule, a.obstacle?.part]),
    [
      ['a', 'condition'],
      ['other', undefined],
      ['z', 'condition'],
    ],
  );
  assert.deepEqual(ask(rules, {}, 'nothing'), []);
});

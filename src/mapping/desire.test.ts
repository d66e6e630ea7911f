import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ATTRIBUTES, ENGINE, graphOf, record, rulesOf, view } from '../../test/support/planning.ts';
import type { LinkedRecord } from '../model/person.ts';
import type { TargetView, Wanted } from '../model/planning.ts';
import { desire } from './desire.ts';
import { loadRules } from './load.ts';
import { buildPerson } from './people.ts';
import { isReserved } from './reserved.ts';
import { glob } from './verdicts.ts';

const NOW = new Date('2030-01-01T00:00:00Z');
const GRAPH = graphOf({ dba: ['ops'], ops: [], 'dba-copy': ['ops'] });

function wanted(rules: string, over: Partial<LinkedRecord> = {}, targets: TargetView[] = [view()]): Wanted {
  const loaded = rulesOf(`rules:\n${rules}`);
  assert.ok(loaded.rules, loaded.problems.map((p) => p.message).join());
  const person = buildPerson(
    { id: 'p_1', generation: 0, records: [record({ anchor: 'ann', ...over })] },
    GRAPH,
    ATTRIBUTES,
  );
  return desire(person, loaded.rules, targets, NOW);
}
const items = (w: Wanted): string[] => [...(w.desired.get('pam')?.items.keys() ?? [])];
const open = (w: Wanted): string[] => [...(w.undecided.get('pam') ?? [])].toSorted();
const grant = (id: string, rest: string): string => `  - { id: ${id}, ${rest} }\n`;
const DB = 'grant: [ { target: pam, role: db } ]';
const WHEN = (group: string): string => `when: { group: { source: okta, ${group} } }`;

test('causes name the rule, the record and the way to the group', () => {
  const w = wanted(grant('r', `${WHEN('id: ops')}, ${DB}`), { memberOf: ['okta/dba'] });
  const cause = {
    rule: 'r',
    record: { source: 'okta', anchor: 'ann' },
    path: [
      { id: 'okta/dba', name: 'dba' },
      { id: 'okta/ops', name: 'ops' },
    ],
  };
  assert.deepEqual(w.desired.get('pam')?.items.get('role:db'), { causes: [cause] });
  assert.deepEqual(w.desired.get('pam')?.items.get('account'), { causes: [cause] });
  assert.deepEqual(w.desired.get('pam')?.profile, { login: 'ann@example.com', displayName: 'ann' });
});

test('a group is meant by id, or by name within its source; nested only where the rule says so', () => {
  const memberOf = ['okta/dba' as const];
  assert.deepEqual(items(wanted(grant('r', `${WHEN('name: ops')}, ${DB}`), { memberOf })), ['account', 'role:db']);
  assert.deepEqual(items(wanted(grant('r', `${WHEN('id: ops, nested: false')}, ${DB}`), { memberOf })), []);
  assert.deepEqual(items(wanted(grant('r', `${WHEN('id: dba, nested: false')}, ${DB}`), { memberOf })), [
    'account',
    'role:db',
  ]);
  assert.deepEqual(items(wanted(grant('r', `${WHEN('id: dba, name: ops')}, ${DB}`), { memberOf: ['okta/ops'] })), []);
});

test('who has left wants nothing, who is suspended still does', () => {
  assert.deepEqual(items(wanted(grant('r', DB), { gone: 'explicit' })), []);
  assert.deepEqual(items(wanted(grant('r', DB), { active: false })), ['account', 'role:db']);
});

test('a rule that can not be decided leaves its items open, unless another decides them', () => {
  const unsure = grant('unsure', `if: user.title == "x", ${DB}`);
  const w = wanted(unsure, { covers: ['email', 'displayName'] });
  assert.deepEqual([items(w), open(w)], [[], ['account', 'role:db']]);
  assert.deepEqual(
    w.findings.map((f) => [f.kind, f.person, f.object]),
    [['indeterminate', 'p_1', 'unsure']],
  );
  const both = wanted(unsure + grant('sure', DB), { covers: ['email', 'displayName'] });
  assert.deepEqual([items(both), open(both)], [['account', 'role:db'], []]);
});

test('deny wins over what is decided and what is open; an open deny leaves open', () => {
  const deny = (condition: string): string => grant('no', `${condition}deny: [ { target: pam, role: "d*" } ]`);
  const denied = wanted(grant('yes', DB) + deny(''));
  assert.deepEqual([items(denied), open(denied)], [[], []]);
  const unsure = wanted(grant('u', `if: user.title == "x", ${DB}`) + deny(''), { covers: ['email', 'displayName'] });
  assert.deepEqual([items(unsure), open(unsure)], [[], []]);
  const openDeny = wanted(grant('yes', DB) + deny('if: user.title == "x", '), { covers: ['email', 'displayName'] });
  assert.deepEqual([items(openDeny), open(openDeny)], [[], ['account', 'role:db']]);
  const other = wanted(grant('yes', 'grant: [ { target: pam, role: web } ]') + deny(''));
  assert.deepEqual(items(other), ['account', 'role:web']);
});

test('an item lasts as long as its longest cause, and is protected if one of them is', () => {
  const until = (id: string, at: string, more = ''): string =>
    grant(id, `${more}grant: [ { target: pam, role: db, until: 'timestamp("${at}")' } ]`);
  const of = (rules: string): unknown => {
    const item = wanted(rules).desired.get('pam')?.items.get('role:db');
    return item === undefined ? undefined : [item.until?.toISOString(), item.protected, item.causes.length];
  };
  assert.deepEqual(of(until('a', '2030-02-01T00:00:00Z')), ['2030-02-01T00:00:00.000Z', undefined, 1]);
  assert.deepEqual(of(until('a', '2030-02-01T00:00:00Z') + until('b', '2030-03-01T00:00:00Z', 'protected: true, ')), [
    '2030-03-01T00:00:00.000Z',
    true,
    2,
  ]);
  assert.deepEqual(of(until('a', '2030-02-01T00:00:00Z') + grant('b', DB)), [undefined, undefined, 2]);
  assert.equal(of(until('a', '2030-01-01T00:00:00Z')), undefined);
});

test('an empty time bound is not "for ever": the grant stays open', () => {
  const w = wanted(grant('r', 'grant: [ { target: pam, role: db, until: user.contractEnd } ]'));
  assert.deepEqual([items(w), open(w)], [[], ['account', 'role:db']]);
  assert.match(w.findings[0]?.message ?? '', /until: it comes to none/);
});

test('two rules that want different names in one alias set leave it open', () => {
  const alias = (id: string, name: string): string =>
    grant(id, `alias: [ { target: pam, set: linux, username: '"${name}"' } ]`);
  assert.equal(
    wanted(alias('a', 'x') + alias('b', 'x'))
      .desired.get('pam')
      ?.items.get('alias:linux')?.value,
    'x',
  );
  const w = wanted(alias('a', 'x') + alias('b', 'y'));
  assert.deepEqual([items(w), open(w)], [[], ['account', 'alias:linux']]);
  assert.equal(w.findings[0]?.object, 'alias:linux');
});

test('an incomplete profile holds what there is', () => {
  const w = wanted(grant('r', DB), { emails: [] });
  assert.deepEqual([items(w), open(w)], [[], ['account', 'role:db']]);
  assert.match(w.findings[0]?.message ?? '', /lacks login \(it comes to none/);
  const strict = view({ can: { ...view().can, requires: ['firstName'] } });
  assert.equal(wanted(grant('r', DB), {}, [strict]).findings[0]?.kind, 'profile-incomplete');
});

test('a target that is not in view gets nothing', () => {
  assert.equal(wanted(grant('r', DB), {}, [view({ id: 'other' })]).desired.size, 0);
});

test('globs', () => {
  const rows: Array<[string, string, boolean]> = [
    ['prod-*', 'prod-db', true],
    ['prod-*', 'prod-', true],
    ['prod-*', 'a-prod-', false],
    ['*', '', true],
    ['*-db', 'a-db', true],
    ['a*b*c', 'axxbyyc', true],
    ['a*b*c', 'acb', false],
    ['a*a', 'a', false],
    ['a.c', 'abc', false],
    ['**', 'x', true],
  ];
  for (const [pattern, role, matches] of rows) assert.equal(glob(pattern)(role), matches, `${pattern} ${role}`);
  const evil = glob(`${'*a'.repeat(2_000)}b`);
  assert.equal(evil('a'.repeat(20_000)), false);
});

test('a grant begins at from and ends at until; an empty bound leaves it open, unless the other one decides', () => {
  const bounded = (from: string, until: string): [string[], string[]] => {
    const w = wanted(grant('r', `grant: [ { target: pam, role: db, from: '${from}', until: '${until}' } ]`));
    return [items(w), open(w)];
  };
  const at = (text: string): string => `timestamp("${text}")`;
  const [past, future, now] = [at('2029-01-01T00:00:00Z'), at('2031-01-01T00:00:00Z'), at('2030-01-01T00:00:00Z')];
  assert.deepEqual(bounded(past, future), [['account', 'role:db'], []]);
  assert.deepEqual(bounded(now, future), [['account', 'role:db'], []]);
  assert.deepEqual(bounded(future, future), [[], []]);
  assert.deepEqual(bounded(past, now), [[], []]);
  assert.deepEqual(bounded('user.contractEnd', future), [[], ['account', 'role:db']]);
  assert.deepEqual(bounded('user.contractEnd', past), [[], []]);
  assert.deepEqual(bounded(future, 'user.contractEnd'), [[], []]);
});

test('an account may be wanted for itself, and for a time', () => {
  const w = wanted(grant('r', 'account: [ { target: pam } ]'));
  assert.deepEqual(items(w), ['account']);
  assert.deepEqual(
    w.desired
      .get('pam')
      ?.items.get('account')
      ?.causes.map((c) => c.rule),
    ['r'],
  );
  const both = wanted(grant('a', 'account: [ { target: pam } ]') + grant('b', DB));
  assert.deepEqual(
    both.desired
      .get('pam')
      ?.items.get('account')
      ?.causes.map((c) => c.rule),
    ['a', 'b'],
  );
  assert.deepEqual(items(wanted(grant('r', `account: [ { target: pam, until: 'now' } ]`))), []);
  const unsure = wanted(grant('r', 'account: [ { target: pam } ], if: user.title == "x"'), {
    covers: ['email', 'displayName'],
  });
  assert.deepEqual([items(unsure), open(unsure)], [[], ['account']]);
  const decided = wanted(grant('r', 'account: [ { target: pam } ], if: user.title == "x"') + grant('s', DB), {
    covers: ['email', 'displayName'],
  });
  assert.deepEqual([items(decided), open(decided)], [['account', 'role:db'], []]);
});

test('an alias is trimmed, and an empty one is none; what is there stays', () => {
  const of = (title: string) =>
    wanted(grant('r', `alias: [ { target: pam, set: linux, username: user.title } ]`), { attributes: { title } });
  assert.equal(of(' ann\t').desired.get('pam')?.items.get('alias:linux')?.value, 'ann');
  const empty = of(' ');
  assert.deepEqual([items(empty), open(empty)], [[], ['account', 'alias:linux']]);
  assert.match(empty.findings[0]?.message ?? '', /username: it gives an empty name/);
});

test('a reserved name is no alias; what is there stays', () => {
  const w = wanted(
    grant('r', `alias: [ { target: pam, set: linux, username: user.title.lowerAscii(), follow: true } ]`),
    { attributes: { title: 'Root' } },
  );
  assert.deepEqual([items(w), open(w)], [[], ['account', 'alias:linux']]);
  assert.match(w.findings[0]?.message ?? '', /username: it gives a reserved name/);
  const fine = wanted(
    grant('r', `alias: [ { target: pam, set: linux, username: user.title.lowerAscii(), follow: true } ]`),
    { attributes: { title: 'Ann' } },
  );
  const alias = fine.desired.get('pam')?.items.get('alias:linux');
  assert.deepEqual([alias?.value, alias?.follow], ['ann', true]);
  for (const name of ['root', ' ROOT ', 'CORP\\Administrator', 'postgres', 'ｒｏｏｔ'])
    assert.ok(isReserved(name), name);
  for (const name of ['ann', 'rooted', 'admins']) assert.ok(!isReserved(name), name);
});

test('shadow rules say what they would change, and change nothing', () => {
  const w = wanted(
    grant('live', DB) +
      grant(
        'trial',
        `${DB.replace(']', ', { target: pam, role: web } ]')}, deny: [ { target: pam, role: "d*" } ], shadow: true`,
      ) +
      grant('unsure', 'if: user.title == "x", grant: [ { target: pam, role: ops } ], shadow: true'),
    { covers: ['email', 'displayName'] },
  );
  assert.deepEqual(items(w), ['account', 'role:db']);
  assert.deepEqual(w.shadow, [
    { rule: 'trial', target: 'pam', item: 'role:db', would: 'deny', decided: true },
    { rule: 'unsure', target: 'pam', item: 'role:ops', would: 'give', decided: false },
    { rule: 'trial', target: 'pam', item: 'role:web', would: 'give', decided: true },
  ]);
  const denied = wanted(grant('trial', `${DB}, shadow: true`) + grant('no', 'deny: [ { target: pam, role: "*" } ]'));
  assert.deepEqual(denied.shadow, []);
});

test('one source is read by itself; several groups by id', () => {
  const loaded = loadRules({
    files: [
      {
        path: 'r.yaml',
        text: `rules:
  - { id: a, if: 'user.from("hr").department == "SRE"', grant: [ { target: pam, role: hr } ] }
  - { id: b, if: user.department == "SRE", grant: [ { target: pam, role: any } ] }
  - { id: c, if: 'user.inGroup("okta", "ops") && user.inGroup("okta", "dba")', grant: [ { target: pam, role: both } ] }
`,
      },
    ],
    sources: ['okta', 'hr'],
    targets: [{ id: 'pam', type: 'model' }],
    attributes: ATTRIBUTES,
  });
  assert.ok(loaded.rules !== undefined, loaded.problems.map((p) => p.message).join());
  const { rules } = loaded;
  const roles = (records: LinkedRecord[]): string[] => {
    const person = buildPerson({ id: 'p_1', generation: 0, records }, GRAPH, ATTRIBUTES);
    return [...(desire(person, rules, [view()], NOW).desired.get('pam')?.items.keys() ?? [])];
  };
  const okta = record({ anchor: 'ann', attributes: { department: 'HR' }, memberOf: ['okta/dba'] });
  const hr = record({ anchor: '7', source: 'hr', attributes: { department: 'SRE' } });
  assert.deepEqual(roles([okta, hr]), ['account', 'role:both', 'role:hr']);
  assert.deepEqual(roles([hr, okta]), ['account', 'role:any', 'role:both', 'role:hr']);
  assert.deepEqual(roles([okta]), ['account', 'role:both']);
});

test('an item of which only the time has passed is told by the rules that would still give it', () => {
  const past = `until: 'timestamp("2029-01-01T00:00:00Z")'`;
  const w = wanted(
    grant('over', `grant: [ { target: pam, role: db, ${past} } ]`) +
      grant('off', `if: user.title == "x", grant: [ { target: pam, role: web, ${past} } ]`) +
      grant('trial', `grant: [ { target: pam, role: ops, ${past} } ], shadow: true`),
    { attributes: { title: 'y' } },
  );
  assert.deepEqual(w.ended, new Map([['pam', new Map([['role:db', new Set(['over'])]])]]));
});

test('a target with a scope is for those in it; where that can not be told, nothing is decided', () => {
  const compiled = ENGINE.compile('user.department == "IT"', 'bool', { file: 'd.yaml', line: 1, column: 1 });
  assert.ok('expression' in compiled);
  const targets = [view({ scope: compiled.expression })];
  const rule = grant('r', DB);
  const of = (over: Partial<LinkedRecord>): Wanted => wanted(rule, over, targets);
  const inside = of({ attributes: { department: 'IT' } });
  assert.deepEqual([items(inside), inside.outside], [['account', 'role:db'], undefined]);
  const other = of({ attributes: { department: 'HR' } });
  assert.deepEqual([items(other), other.outside, other.findings], [[], new Set(['pam']), []]);
  const open = of({ covers: ['email', 'displayName'] });
  assert.deepEqual([items(open), open.outside], [[], new Set(['pam'])]);
  assert.deepEqual(
    open.findings.map((f) => [f.kind, f.object, f.target]),
    [['indeterminate', 'scope', 'pam']],
  );
});

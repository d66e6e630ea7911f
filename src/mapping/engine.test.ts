import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type AttributeDeclaration, CORE_ATTRIBUTES } from '../model/attributes.ts';
import type { Outcome } from '../model/rules.ts';
import { createEngine, type ResultTypes } from './engine.ts';
import { RULE_FUNCTIONS } from './functions/index.ts';

const ATTRIBUTES: AttributeDeclaration[] = [
  { name: 'department', type: 'string', about: '' },
  { name: 'email', type: 'string', about: '' },
  { name: 'level', type: 'int', about: '' },
  { name: 'rate', type: 'double', about: '' },
  { name: 'cleared', type: 'bool', about: '' },
  { name: 'contractEnd', type: 'timestamp', about: '' },
  { name: 'roles', type: 'list<string>', about: '' },
  { name: 'teams', type: 'list<string>', about: '' },
];
const engine = createEngine(
  [...ATTRIBUTES, { name: 'grade', type: 'string', about: '', sources: ['hr'] }],
  ['okta', 'hr'],
);
const PLACE = { file: 'r.yaml', line: 1, column: 1 };
const NOW = new Date('2030-01-01T00:00:00Z');

/** `null` marks an attribute that was delivered empty; one that is left out was not delivered. */
function evaluate<K extends keyof ResultTypes>(
  text: string,
  user: Record<string, unknown>,
  type: K,
): Outcome<ResultTypes[K]> {
  const compiled = engine.compile(text, type, PLACE);
  if ('fault' in compiled) assert.fail(`${text}: ${compiled.fault.message}`);
  return compiled.expression.evaluate({ user, covers: new Set(Object.keys(user)), now: NOW });
}

function gives(text: string, user: Record<string, unknown>): boolean | 'indeterminate' {
  const outcome = evaluate(text, user, 'bool');
  return 'value' in outcome ? outcome.value : 'indeterminate';
}

function fault(text: string, type: keyof ResultTypes = 'bool'): { message: string; at: string; remedy?: string } {
  const compiled = engine.compile(text, type, PLACE);
  assert.ok('fault' in compiled, `${text} should not compile`);
  const { message, start, end, remedy } = compiled.fault;
  return { message, at: text.slice(start, end), ...(remedy !== undefined && { remedy }) };
}

const table = (rows: ReadonlyArray<[string, Record<string, unknown>, boolean | 'indeterminate']>): void => {
  for (const [text, user, want] of rows) assert.equal(gives(text, user), want, `${text} on ${JSON.stringify(user)}`);
};

test('values compare as CEL says', () => {
  table([
    ['user.department == "SRE"', { department: 'SRE' }, true],
    ['user.department != "SRE"', { department: 'SRE' }, false],
    ['user.department in ["SRE", "Platform"]', { department: 'Platform' }, true],
    ['user.level >= 3 && user.level < 5', { level: 4 }, true],
    ['user.rate > 1.5', { rate: 2 }, true],
    ['user.cleared', { cleared: true }, true],
    ['"x" in user.roles', { roles: ['a', 'x'] }, true],
    ['user.roles.exists(r, r.startsWith("db-"))', { roles: ['db-1'] }, true],
    ['user.contractEnd > now', { contractEnd: new Date('2031-01-01T00:00:00Z') }, true],
    ['user.contractEnd > now', { contractEnd: '2029-01-01T00:00:00Z' }, false],
    ['user.contractEnd - now > duration("24h")', { contractEnd: new Date('2030-01-03T00:00:00Z') }, true],
    ['"DBA" in user.groups', { groups: ['DBA'] }, true],
  ]);
});

test('every comparison with none is false', () => {
  const none = { department: null, level: null, rate: null, contractEnd: null, cleared: null };
  for (const op of ['==', '!=', '<', '<=', '>', '>=']) {
    table([
      [`user.department ${op} "a"`, none, false],
      [`"a" ${op} user.department`, none, false],
      [`user.department ${op} user.department`, none, false],
      [`user.level ${op} 1`, none, false],
      [`user.rate ${op} 1.0`, none, false],
      [`user.contractEnd ${op} now`, none, false],
      [`user.department + "x" ${op} "x"`, none, false],
      [`user.department.lowerAscii().trim() ${op} ""`, none, false],
      [`size(user.department) ${op} 0`, none, false],
      [`user.level * 2 ${op} 0`, none, false],
      [`(user.cleared ? user.department : user.department) ${op} "a"`, none, false],
    ]);
  }
  table([
    ['user.department in ["a"]', none, false],
    ['user.department in ["a", user.department]', none, false],
    ['!(user.department == "a")', none, true],
    ['user.department == ""', { department: '' }, false],
    ['has(user.department)', { department: '' }, false],
    ['user.cleared == false', none, false],
    ['user.cleared', none, false],
    ['!user.cleared', none, false],
    ['user.cleared || true', none, true],
    ['user.cleared && true', none, false],
    ['user.cleared ? true : false', none, false],
  ]);
});

test('methods on none: what gives a bool is false, the rest is none', () => {
  const none = { email: null, department: 'a' };
  table([
    ['user.email.endsWith("@example.com")', none, false],
    ['!user.email.endsWith("@example.com")', none, true],
    ['user.email.reMatch(".*")', none, false],
    ['user.email.localPart() == "ann"', none, false],
    ['user.email.split("@").exists(p, p == "ann")', none, false],
    ['user.email.split("@")[0] != "ann"', none, false],
    ['user.department.contains(user.email)', none, false],
    ['user.department.localPart() == user.email', none, false],
  ]);
  assert.deepEqual(evaluate('user.department + user.email', none, 'string'), {
    indeterminate: 'it comes to none: what it rests on is empty',
  });
});

test('has() tells none from a value, and guards it', () => {
  const text = 'has(user.department) ? user.department != "HR" : true';
  table([
    [text, { department: null }, true],
    [text, { department: 'HR' }, false],
    [text, {}, 'indeterminate'],
    ['has(user.roles)', { roles: [] }, false],
    ['has(user.roles)', { roles: ['a'] }, true],
    ['has(user.level)', { level: 0 }, true],
    ['has(user.cleared)', { cleared: false }, true],
    ['!has(user.department)', {}, 'indeterminate'],
  ]);
});

test('an empty list is a list', () => {
  for (const empty of [[], null]) {
    table([
      ['"x" in user.roles', { roles: empty }, false],
      ['size(user.roles) == 0', { roles: empty }, true],
      ['user.roles.exists(r, r == "x")', { roles: empty }, false],
      ['user.roles[0] == "x"', { roles: empty }, false],
      ['user.roles[0] != "x"', { roles: empty }, false],
    ]);
  }
});

test('what nobody delivered makes a rule indeterminate, unless the other side decides', () => {
  const other = { level: 1 };
  table([
    ['user.department == "a"', other, 'indeterminate'],
    ['user.department != "a"', other, 'indeterminate'],
    ['user.department in ["a"]', other, 'indeterminate'],
    ['"a" in user.roles', other, 'indeterminate'],
    ['user.roles.all(r, true)', other, 'indeterminate'],
    ['user.department == "a" && user.level == 1', other, 'indeterminate'],
    ['user.department == "a" && user.level == 2', other, false],
    ['user.level == 2 && user.department == "a"', other, false],
    ['user.department == "a" || user.level == 1', other, true],
    ['user.level == 1 || user.department == "a"', other, true],
    ['user.level == 2 || user.department == "a"', other, 'indeterminate'],
    ['!(user.department == "a")', other, 'indeterminate'],
    ['user.level == 1 ? true : user.department == "a"', other, true],
    ['user.department == "a" ? true : true', other, 'indeterminate'],
    ['"b" in [user.department, "b"]', other, true],
    ['"c" in [user.department, "b"]', other, 'indeterminate'],
    ['"b" in [user.email, "b"]', { email: null }, true],
  ]);
  const outcome = evaluate('user.department == "a"', other, 'bool');
  assert.deepEqual(outcome, { indeterminate: 'user.department was not delivered' });
});

test('an error while evaluating is indeterminate, with a reason that names no value', () => {
  const reason = (text: string, user: Record<string, unknown>): string => {
    const outcome = evaluate(text, user, 'bool');
    return 'indeterminate' in outcome ? outcome.indeterminate : assert.fail(text);
  };
  assert.equal(reason('int(user.department) > 1', { department: 'secret' }), 'a text is not a number');
  assert.equal(reason('user.roles[7] == "a"', { roles: ['b'] }), 'an index is out of range');
  assert.equal(
    reason('timestamp(user.department) > now', { department: 'x' }),
    'a text is not a time in ISO 8601 format',
  );
  assert.equal(reason('user.level == 1', { level: 'one' }), 'user.level was not delivered as int');
  assert.equal(
    reason('user.contractEnd > now', { contractEnd: '01/02/2030' }),
    'user.contractEnd was not delivered as timestamp',
  );
  assert.match(reason('user.level / 0 == 1', { level: 1 }), /evaluation failed/);
  assert.match(reason('now.getHours(user.department) > 1', { department: 'Nowhere/Land' }), /evaluation failed/);
});

test('two engines know their own attributes only', () => {
  const other = createEngine([{ name: 'department', type: 'int', about: '' }]);
  assert.ok('expression' in other.compile('user.department == 1', 'bool', PLACE));
  assert.ok('fault' in other.compile('user.email == "a"', 'bool', PLACE));
  assert.equal(gives('user.department == "a"', { department: 'a' }), true);
  assert.ok('expression' in createEngine(ATTRIBUTES).compile('user.email.localPart() == "a"', 'bool', PLACE));
});

test('an expression is reusable and keeps nothing between evaluations', () => {
  const compiled = engine.compile('user.roles.filter(r, r != user.department).size() == 1', 'bool', PLACE);
  assert.ok('expression' in compiled);
  const run = (user: Record<string, unknown>): unknown =>
    compiled.expression.evaluate({ user, covers: new Set(Object.keys(user)), now: NOW });
  assert.deepEqual(run({ roles: ['a', 'b'], department: 'a' }), { value: true });
  assert.ok('indeterminate' in (run({ roles: ['a', 'b'] }) as object));
  assert.deepEqual(run({ roles: ['a', 'b'], department: null }), { value: false });
  assert.deepEqual(run({ roles: ['a', 'b'], department: 'a' }), { value: true });
});

test('mistakes are found at load, with their place and what was probably meant', () => {
  assert.deepEqual(fault('user.departmnt == "a"'), {
    message: 'no attribute `departmnt` is declared',
    at: 'departmnt',
    remedy: 'did you mean `department`?',
  });
  assert.equal(fault('has(user.departmnt)').at, 'departmnt');
  assert.match(fault('usr.department == "a"').remedy ?? '', /did you mean `user`/);
  assert.match(fault('department == "a"').remedy ?? '', /user\.department/);
  assert.deepEqual(fault('user.email.localpart() == "a"').remedy, 'did you mean `localPart`?');
  assert.equal(fault('user.email.localpart() == "a"').at, 'localpart()');
  assert.match(fault('user.department == 1').message, /types do not fit: string == int/);
  assert.match(fault('user.department').message, /gives string, but a bool is needed/);
  assert.match(fault('now', 'string').message, /gives timestamp, but a string/);
  assert.match(fault('user.department ==').message, /ends too early/);
  assert.match(fault('').message, /empty/);
  assert.match(fault('user == user').message, /not a value by itself/);
  assert.match(fault('user["department"] == "a"').message, /not a value by itself/);
  assert.match(fault('[1].exists(user, true)').message, /taken/);
});

test('what could run long or loosen the check is refused', () => {
  assert.match(fault('user.email.matches("(a+)+$")').message, /`matches` is not allowed/);
  assert.match(fault('user.roles.exists(r, r.matches("a"))').remedy ?? '', /reMatch/);
  assert.match(fault('dyn(user.email) == 1').message, /`dyn` is not allowed/);
  assert.match(fault('user.email.reMatch(user.department)').message, /must be a literal/);
  assert.match(fault('user.email.reMatch("(")').message, /not a valid pattern/);
  assert.match(fault('user.email.reMatch("(?=a)")').remedy ?? '', /RE2/);
  const loops = (n: number): string => (n === 0 ? 'true' : `user.roles.exists(r${n}, ${loops(n - 1)})`);
  assert.equal(gives(loops(2), { roles: ['a'] }), true);
  assert.match(fault(loops(3)).message, /nest deeper than 2/);
  assert.match(fault(`${'('.repeat(200)}true${')'.repeat(200)}`).message, /too large/);
  assert.match(fault(`"${'a'.repeat(4_000)}" == ""`).message, /more than 4000/);
  assert.match(fault(Array.from({ length: 900 }, () => '!!!').join('') + 'true').message, /too large/);
});

test('the time of a pattern is bounded', () => {
  const started = process.hrtime.bigint();
  assert.equal(gives('user.email.reMatch("^(a+)+$")', { email: `${'a'.repeat(5_000)}!` }), false);
  assert.ok(process.hrtime.bigint() - started < 2_000_000_000n);
});

test('one source is read by user.from: type-checked, and none where it has no record', () => {
  const text = 'user.from("hr").department == "SRE"';
  const asked = (from: (source: string) => object | undefined): unknown => {
    const compiled = engine.compile(text, 'bool', PLACE);
    assert.ok('expression' in compiled);
    const outcome = compiled.expression.evaluate({
      user: { department: 'HR' },
      covers: new Set(['department']),
      now: NOW,
      from: from as never,
    });
    return 'value' in outcome ? outcome.value : outcome.indeterminate;
  };
  assert.equal(
    asked((s) => (s === 'hr' ? { user: { department: 'SRE' } } : undefined)),
    true,
  );
  assert.equal(
    asked(() => ({ user: {} })),
    false,
  );
  assert.equal(
    asked(() => undefined),
    false,
  );
  assert.equal(
    asked(() => ({ user: {}, covers: new Set(['email']) })),
    'user.from("hr").department was not delivered',
  );
  assert.equal(fault('user.from("hrr").department == "a"').remedy, 'did you mean `hr`?');
  assert.match(fault('user.from("okta").grade == "a"').message, /source okta does not tell `grade`/);
  assert.equal(fault('user.from("okta").grade == "a"').at, 'grade');
  assert.ok('expression' in engine.compile('has(user.from("hr").grade)', 'bool', PLACE));
  assert.match(fault('user.from("hr").level == "a"').message, /int == string/);
  assert.match(fault('user.from("hr").departmnt == "a"').remedy ?? '', /department/);
  assert.match(fault('user.from(user.email).department == "a"').message, /as a literal/);
  assert.match(fault('user.from("hr") == user.from("hr")').message, /not a value by itself/);
  assert.match(fault('"a" in user.from("hr").groups').message, /does not tell `groups`/);
});

test('functions of the person take literals that the settings know', () => {
  assert.match(fault('user.inGroup("oktaa", "g")').remedy ?? '', /did you mean `okta`/);
  assert.match(fault('user.inGroup("okta", user.email)').message, /must be literals/);
  assert.match(fault('user.ingroup("okta", "g")').remedy ?? '', /inGroup/);
  assert.match(fault('user.inGroup("okta")').message, /can not be used like this/);
  assert.match(fault('user.email.underDn("staff")').message, /not a valid DN/);
  assert.match(fault('user.email.underDn("")').remedy ?? '', /OU=/);
});

test('what an evaluation may cost is bounded, and too much is indeterminate', () => {
  const roles = Array.from({ length: 1_000 }, (_, i) => `r${i}`);
  const asked = (text: string): unknown => {
    const outcome = evaluate(text, { roles, department: 'x'.repeat(1_000) }, 'bool');
    return 'value' in outcome ? outcome.value : outcome.indeterminate;
  };
  assert.equal(asked('user.roles.exists(r, r == "r999")'), true);
  assert.match(String(asked('user.roles.map(a, user.roles.map(b, a + b)).size() > 0')), /more than 100000 steps/);
  assert.match(String(asked('user.roles.exists(a, user.roles.all(b, a == b)) || false')), /more than 100000 steps/);
  const doubled = Array.from({ length: 12 }, () => '.replace("x", "xxxxxxxxxx")').join('');
  assert.match(String(asked(`user.department${doubled} == "a"`)), /grows too long/);
  const bound = Array.from({ length: 10 }, (_, i) => `cel.bind(v${i + 1}, v${i} + v${i}, `).join('');
  assert.match(String(asked(`cel.bind(v0, user.department, ${bound}v10 == "a"${')'.repeat(11)}`)), /grows too long/);
  assert.match(String(asked('int(user.roles[0].size()) * 9223372036854775807 == 1')), /too large/);
});

test('what is known of an expression without a person', () => {
  const facts = (text: string) => {
    const compiled = engine.compile(text, 'bool', PLACE);
    return 'facts' in compiled ? compiled.facts : assert.fail(compiled.fault.message);
  };
  const all = facts(
    'user.from("hr").grade == "5" && user.email.domain() == "example.com" && "DBA" in user.groups && user.inGroup("okta", "g")',
  );
  assert.deepEqual(all.reads, [{ name: 'grade', source: 'hr' }, { name: 'email' }, { name: 'groups' }]);
  assert.deepEqual([all.emails, all.groupNames, all.anyGroup], [['example.com'], ['DBA'], false]);
  assert.deepEqual(all.groups, [{ source: 'okta', id: 'g' }]);
  assert.equal(all.parts.length, 4);
  assert.equal(facts('user.groups.exists(g, g.startsWith("x"))').anyGroup, true);
  assert.deepEqual(facts('user.email == "ann@example.com" || user.email in ["b@x.y"]').emails, [
    'ann@example.com',
    'b@x.y',
  ]);
});

test('conditions that come to the same for everybody are seen by simple means', () => {
  const always = (text: string): boolean | undefined => {
    const compiled = engine.compile(text, 'bool', PLACE);
    return 'facts' in compiled ? compiled.facts.always?.value : assert.fail(compiled.fault.message);
  };
  for (const [text, want] of [
    ['true', true],
    ['user.level == 1 || true', true],
    ['user.level == 1 && false', false],
    ['!(1 == 1)', false],
    ['"a" == "b"', false],
    ['user.department in []', false],
    ['user.department == "a" && user.department == "b"', false],
    ['user.department in ["a", "b"] && user.email == "x" && user.department in ["c"]', false],
    ['user.department == "a" && user.department != "a"', false],
    ['has(user.email) && !has(user.email)', false],
    ['has(user.email) || !has(user.email)', true],
    ['true ? false : user.cleared', false],
    ['user.department == "a" && user.department in ["a", "b"]', undefined],
    ['user.department == "a" || user.department == "b"', undefined],
    ['user.department != "a" || user.department == "a"', undefined],
    ['user.department == "a" && user.from("hr").department == "b"', undefined],
    ['"a" in user.roles && "b" in user.roles', undefined],
  ] as const) {
    assert.equal(always(text), want, text);
  }
});

test('meaning ignores blanks, comments and quotes only', () => {
  const meaning = (text: string): string => {
    const compiled = engine.compile(text, 'bool', PLACE);
    return 'meaning' in compiled ? compiled.meaning : assert.fail(compiled.fault.message);
  };
  assert.equal(meaning('user.level==1'), meaning(' user.level  == 1 // one'));
  assert.equal(meaning('user.email == "a"'), meaning("user.email == 'a'"));
  assert.notEqual(meaning('user.level - (2 - 1) == 1'), meaning('user.level - 2 - 1 == 1'));
  assert.notEqual(meaning('user.level == 1'), meaning('user.level == 2'));
});

const exampleEngine = createEngine(CORE_ATTRIBUTES, ['okta', 'corp-ad']);
for (const f of RULE_FUNCTIONS) {
  test(`function ${f.signature}: its examples hold`, () => {
    assert.ok(f.examples.length >= 2);
    for (const { expression, gives: want, user = {}, groups = [] } of f.examples) {
      const whole = typeof want === 'bigint' ? `${expression} == ${want}` : expression;
      const compiled = exampleEngine.compile(
        whole,
        typeof want === 'string' || want === undefined ? 'string' : 'bool',
        PLACE,
      );
      if ('fault' in compiled) assert.fail(`${expression}: ${compiled.fault.message}`);
      const covers = new Set(Object.keys(user));
      const outcome = compiled.expression.evaluate({ user, covers, now: NOW, groups: new Set(groups) });
      assert.deepEqual(
        'value' in outcome ? outcome.value : undefined,
        typeof want === 'bigint' ? true : want,
        expression,
      );
    }
  });
}

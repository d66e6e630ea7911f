import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CORE_ATTRIBUTES, SELF_EDITABLE } from '../model/attributes.ts';
import { type LintSettings, loadRules } from './load.ts';
import { withPrecedence } from './precedence.ts';

const SETTINGS: Partial<LintSettings> = {
  selfEditable: new Map([['okta', new Set(SELF_EDITABLE['scim'])]]),
  verifiedDomains: ['example.com'],
};

/** `line:column severity message` of everything that is told of these rules. */
function told(rules: string, settings = SETTINGS): string[] {
  const { problems } = loadRules({
    files: [{ path: 'r.yaml', text: `rules:\n${rules}` }],
    sources: ['okta', 'hr'],
    targets: [{ id: 'pam', type: 'x' }],
    attributes: withPrecedence(CORE_ATTRIBUTES, ['okta', 'hr'], { displayName: ['hr'] }),
    lint: settings,
  });
  for (const problem of problems) {
    assert.ok(problem.remedy !== undefined && problem.remedy !== '', `no remedy: ${problem.message}`);
    assert.match(problem.excerpt ?? '', /\^$/);
  }
  return problems.map((p) => `${p.place?.line}:${p.place?.column} ${p.severity} ${p.message}`);
}
const DB = 'grant: [ { target: pam, role: db } ]';

test('a protected role by an attribute that people can change themselves', () => {
  const rule = (condition: string): string => `  - { id: a, if: '${condition}', ${DB}, protected: true }\n`;
  assert.deepEqual(told(rule('user.nickName == "x"')), [
    '2:18 warning protected rule a goes by user.nickName, which people can change themselves at okta',
  ]);
  assert.deepEqual(told(rule('user.nickName == "x"').replace(', protected: true', '')), []);
  assert.deepEqual(told(rule('user.from("hr").nickName == "x"')), []);
  assert.equal(told(rule('user.from("okta").nickName == "x"')).length, 1);
  assert.deepEqual(told(rule('user.displayName == "x"')), [], 'hr alone decides it');
  assert.deepEqual(told(rule('user.department == "x"')), []);
});

test('where sources are marked trusted, protected rules go by those alone', () => {
  const settings = { ...SETTINGS, trusted: new Set(['hr']) };
  const rule = (condition: string, more = 'protected: true'): string =>
    `  - { id: a, if: '${condition}', ${DB}, ${more} }\n`;
  assert.deepEqual(told(rule('user.department == "x"'), settings), [
    '2:18 error protected rule a goes by user.department of okta, which is not marked trusted',
  ]);
  assert.deepEqual(told(rule('user.from("hr").department == "x"'), settings), []);
  assert.deepEqual(told(rule('user.displayName == "x"'), settings), []);
  assert.deepEqual(told(rule('user.department == "x"', 'protected: false'), settings), []);
  assert.equal(told(rule('user.inGroup("okta", "g")'), settings).length, 1);
  assert.deepEqual(
    told(`  - { id: a, when: { group: { source: okta, id: g } }, ${DB}, protected: true }\n`, settings),
    ['2:49 error protected rule a goes by a group of okta, which is not marked trusted'],
  );
});

test('an e-mail address as key needs a verified domain', () => {
  const rule = (condition: string): string => `  - { id: a, if: '${condition}', ${DB} }\n`;
  assert.deepEqual(told(rule('user.email == "ann@other.com"')), [
    '2:18 warning rule a goes by e-mail addresses of other.com: not listed as verified',
  ]);
  assert.deepEqual(told(rule('user.email == "ann@Example.com" || user.email.domain() == "example.com"')), []);
  assert.deepEqual(told(rule('user.email.endsWith("@example.com")')), []);
  assert.equal(told(rule('user.email.endsWith("example.org")')).length, 1);
  assert.match(told(rule('user.email.startsWith("admin")'))[0] ?? '', /any domain/);
  assert.deepEqual(told(`  - { id: a, if: 'user.email == "x@y.z"', deny: [ { target: pam, role: x } ] }\n`), []);
});

test('a group by name or by DN', () => {
  const rule = (group: string): string => `  - { id: a, when: { group: { source: okta, ${group} } }, ${DB} }\n`;
  assert.deepEqual(told(rule('id: g')), []);
  assert.deepEqual(told(rule('name: DBA')), ['2:51 warning rule a knows its group by name alone']);
  assert.deepEqual(told(rule('id: "CN=DBA,OU=x,DC=y"')), [
    '2:49 warning rule a knows its group by a DN, which changes when the group is moved',
  ]);
  assert.deepEqual(told(`  - { id: a, if: '"DBA" in user.groups', ${DB} }\n`), [
    '2:18 warning `if` of rule a goes by names of groups (DBA) at any source',
  ]);
  assert.deepEqual(told(`  - { id: a, if: 'user.inGroup("okta", "g")', ${DB} }\n`), []);
});

test('conditions that never or always hold', () => {
  assert.deepEqual(told(`  - { id: a, if: 'user.title == "x" && user.title == "y"', ${DB} }\n`), [
    '2:18 warning rule a never holds: user.title can not be two values at once',
  ]);
  assert.deepEqual(told(`  - { id: a, if: 'user.title == "x" || 1 == 1', ${DB} }\n`), [
    '2:18 warning `if` of rule a is always true: it compares two fixed values',
  ]);
});

test('a grant that some deny takes from all who have it', () => {
  const grant = (rest: string): string => `  - { id: a, ${rest}, ${DB} }\n`;
  const deny = (rest: string): string => `  - { id: no, ${rest} deny: [ { target: pam, role: "d*" } ] }\n`;
  const swallowed = /never gives pam\/db: rule no denies it to all of them/;
  const hits = (rules: string): boolean => told(rules).some((t) => swallowed.test(t));
  const title = `if: 'user.title == "x"'`;
  assert.ok(hits(grant(title) + deny('')));
  assert.ok(hits(grant(title) + deny(`${title},`)));
  assert.ok(hits(grant(`if: 'user.active && user.title == "x"'`) + deny(`if: user.title=='x',`)));
  assert.ok(
    hits(grant('when: { group: { source: okta, id: g } }') + deny('when: { group: { source: okta, id: g } },')),
  );
  assert.ok(!hits(grant(title) + deny(`if: 'user.title == "x" && user.active',`)));
  assert.ok(!hits(grant(title) + deny('').replace('d*', 'e*')));
  assert.ok(!hits(grant(title) + deny('shadow: true,')));
  assert.ok(
    !hits(
      grant('when: { group: { source: okta, id: g } }') +
        deny('when: { group: { source: okta, id: g, nested: false } },'),
    ),
  );
});

test('grants that another rule gives already', () => {
  const rule = (id: string, rest: string, grant = DB): string => `  - { id: ${id}, ${rest}, ${grant} }\n`;
  const title = `if: 'user.title == "x"'`;
  assert.deepEqual(told(rule('a', title) + rule('b', `if: "user.title == 'x'"`)), [
    '3:69 warning rule b gives pam/db on the same condition as rule a',
  ]);
  const narrow = rule('b', `if: 'user.title == "x" && user.active'`);
  assert.deepEqual(told(rule('a', title) + narrow), [
    '3:84 warning rule b adds nothing to pam/db: rule a gives it to all of them',
  ]);
  assert.equal(told(narrow + rule('a', title)).length, 1);
  assert.equal(told(rule('a', title, `grant: [ { target: pam, role: db }, { target: pam, role: db } ]`)).length, 1);
  const until = `grant: [ { target: pam, role: db, until: 'timestamp("2030-01-01T00:00:00Z")' } ]`;
  assert.deepEqual(told(rule('a', title, until) + narrow), [], 'the narrower one lasts longer');
  assert.deepEqual(told(rule('a', title) + narrow.replace(' }\n', ', protected: true }\n')), []);
  assert.deepEqual(told(rule('a', title) + narrow.replace(' }\n', ', shadow: true }\n')), []);
  assert.deepEqual(told(rule('a', title) + rule('b', `if: 'user.title == "y"'`)), []);
});

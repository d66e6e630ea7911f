import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TargetView } from '../model/planning.ts';
import { loadRules } from '../mapping/load.ts';
import { CORE_ATTRIBUTES } from '../model/attributes.ts';
import { runRuleTests } from './rule-tests.ts';

const TARGET = { id: 't', mode: 'full', createRoles: true, can: { requires: ['email'] } } as unknown as TargetView;

function run(tests: string): string[] {
  const text = `
rules:
  - id: by-id
    when: { group: { source: ad, id: 8f1c, name: Admins } }
    grant: [ { target: t, role: admin } ]
  - id: by-name
    when: { group: { source: ad, name: DBA } }
    grant: [ { target: t, role: db } ]
  - id: by-text
    if: user.department == "A" && "Night" in user.groups
    grant: [ { target: t, role: night } ]
  - id: none
    if: user.userType == "Contractor"
    deny: [ { target: t, role: "d*" } ]
tests:
${tests}`;
  const files = [{ path: 'r.yaml', text }];
  const { rules, problems } = loadRules({
    files,
    sources: ['ad'],
    targets: [{ id: 't', type: 'x' }],
    attributes: CORE_ATTRIBUTES,
  });
  assert.ok(rules !== undefined, JSON.stringify(problems));
  return runRuleTests({ rules, targets: [TARGET] }, new Date()).map((p) => `${p.place?.line} ${p.message}`);
}

test('examples that get what they should are silent', () => {
  assert.deepEqual(
    run(`
  - { name: id, user: { groups: [Admins] }, expect: [t/admin] }
  - { name: both, user: { groups: [Admins, DBA] }, expect: [t/db, t/admin] }
  - { name: text, user: { department: A, groups: [Night] }, expect: [t/night] }
  - { name: denied, user: { userType: Contractor, groups: [DBA] }, expect: [] }
  - { name: nobody, user: {}, expect: [] }`),
    [],
  );
});

test('what is missing and what is too much is told at its place', () => {
  assert.deepEqual(
    run(`
  - { name: less, user: { groups: [Night] }, expect: [t/night] }
  - { name: more, user: { groups: [DBA, Admins] }, expect: [t/db] }`),
    ['17 the test "less" fails: the person lacks t/night', '18 the test "more" fails: the person gets t/admin as well'],
  );
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { CORE_ATTRIBUTES } from '../model/attributes.ts';
import type { Problem } from '../model/rules.ts';
import { loadRules } from './load.ts';

const SETTINGS = {
  sources: ['okta', 'corp-ad'],
  targets: [
    { id: 'strongdm', type: 'strongdm' },
    { id: 'privx', type: 'privx' },
  ],
  attributes: [
    ...CORE_ATTRIBUTES,
    { name: 'contractEnd', type: 'timestamp' as const, about: '' },
    { name: 'employeeType', type: 'string' as const, about: '' },
  ],
};
const load = (...texts: string[]): ReturnType<typeof loadRules> =>
  loadRules({ ...SETTINGS, files: texts.map((text, i) => ({ path: `rules/${i}.yaml`, text })) });
const errors = (text: string): readonly Problem[] => load(text).problems.filter((p) => p.severity === 'error');
const where = (p: Problem | undefined): string => `${p?.place?.line}:${p?.place?.column}`;

const DESIGN = `rules:
  - id: prod-admins
    about: who may touch production
    when: { group: { source: corp-ad, id: "8f1c2d3e", name: PAM Prod Admins, nested: true } }
    if: user.department in ["SRE", "Platform"] && user.employeeType != "contractor"
    grant:
      - { target: strongdm, role: prod-admin }
      - { target: privx, role: prod-admin, until: user.contractEnd }
    alias:
      - { target: strongdm, set: linux, username: user.email.localPart().lowerAscii() }
    protected: true
    shadow: false
  - id: no-contractors-in-prod
    if: user.employeeType == "contractor"
    deny: [ { target: strongdm, role: prod-* } ]
tests:
  - name: an SRE in the group is prod admin
    user: { department: SRE, groups: [PAM Prod Admins] }
    expect: [strongdm/prod-admin, privx/prod-admin]
`;

test('the whole language loads', () => {
  const { rules, problems } = load(DESIGN);
  assert.deepEqual(problems, []);
  const [deny, grant] = rules?.rules ?? [];
  assert.equal(grant?.id, 'prod-admins');
  const { place: _, ...group } = grant?.when?.group ?? { place: undefined };
  assert.deepEqual(group, { source: 'corp-ad', id: '8f1c2d3e', name: 'PAM Prod Admins', nested: true });
  assert.deepEqual(
    grant?.grant.map((g) => [g.target, g.role, g.until?.text]),
    [
      ['strongdm', 'prod-admin', undefined],
      ['privx', 'prod-admin', 'user.contractEnd'],
    ],
  );
  assert.equal(grant?.protected, true);
  assert.equal(grant?.place.line, 2);
  assert.deepEqual(
    deny?.deny.map((d) => [d.target, d.role, d.place.line]),
    [['strongdm', 'prod-*', 15]],
  );
  assert.deepEqual(
    rules?.tests?.map((t) => [t.name, t.user, t.expect]),
    [
      [
        'an SRE in the group is prod admin',
        { department: 'SRE', groups: ['PAM Prod Admins'] },
        ['strongdm/prod-admin', 'privx/prod-admin'],
      ],
    ],
  );
});

test('no rules are a warning, not an error', () => {
  for (const texts of [[], [''], ['# nothing yet\n'], ['rules: []\n']]) {
    const { rules, problems } = load(...texts);
    assert.equal(rules?.rules.length, 0, JSON.stringify(texts));
    assert.deepEqual(
      problems.map((p) => p.severity),
      ['warning'],
    );
  }
});

test('every problem comes at once, with its place and remedy', () => {
  const text = `rules:
  - id: one
    wehn: { group: { source: okta, id: g1 } }
    if: user.departmnt == "SRE"
    grant: [ { target: strongmd, role: a, untill: now } ]
  - id: two
    when: { group: { source: okat, id: g1 } }
    if: 'user.email.matches("x")'
    grant: [ { target: strongdm, role: b } ]
  - id: two
    grant: [ { target: strongdm } ]
    shadow: maybe
  - when: { group: { source: okta } }
    alias: [ { target: strongdm, set: linux, username: user.emails } ]
test: []
`;
  const { rules, problems } = load(text);
  assert.equal(rules, undefined);
  assert.deepEqual(
    problems.filter((p) => p.severity === 'error').map((p) => `${where(p)} ${p.message} | ${p.remedy ?? ''}`),
    [
      '3:5 a rule has no key `wehn` | did you mean `when`?',
      '4:14 `if` of rule one: no attribute `departmnt` is declared | did you mean `department`?',
      '5:24 there is no target `strongmd` | did you mean `strongdm`?',
      '5:43 `grant` of rule one has no key `untill` | did you mean `until`?',
      '7:30 there is no source `okat` | did you mean `okta`?',
      '8:20 `if` of rule two: `matches` is not allowed in rules | use reMatch("…"): its time is bounded',
      '10:5 rule two is there twice | the other one is at rules/0.yaml:6',
      '11:14 `grant` of rule two has no `role` | add `role:`',
      '12:13 `shadow` of rule two must be true or false | ',
      '13:5 a rule has no `id` | add `id:`',
      '13:20 `group` of the rule names no group | add the `id` of the group at its source',
      '14:56 `username` of the rule: this gives list<string>, but a string is needed here | ',
      '15:1 a rules file has no key `test` | did you mean `tests`?',
    ],
  );
});

test('the caret stands under the culprit, however the text is written', () => {
  const forms = [
    ['if: user.level9 == "a"', '    if: user.level9 == "a"\n             ^'],
    [`if: 'user.title == ''x'' && user.level9 == "a"'`, undefined],
    ['if: "user.title == \\"x\\" && user.level9 == \\"a\\""', undefined],
    ['if: |\n      user.title == "x"\n      && user.level9 == "a"', '      && user.level9 == "a"\n              ^'],
  ] as const;
  for (const [form, excerpt] of forms) {
    const [problem] = errors(`rules:\n  - id: a\n    ${form}\n    grant: [ { target: privx, role: r } ]\n`);
    assert.match(problem?.message ?? '', /no attribute `level9`/);
    const [line = '', caret = ''] = (problem?.excerpt ?? '').split('\n');
    assert.equal(line.slice(caret.length - 1, caret.length + 5), 'level9', form);
    assert.equal(problem?.place?.column, caret.length);
    if (excerpt !== undefined) assert.equal(problem?.excerpt, excerpt);
  }
  const [folded] = errors(
    'rules:\n  - id: a\n    if: >\n      true &&\n      user.level9 == "a"\n    deny: [ { target: privx, role: r } ]\n',
  );
  assert.equal(where(folded), '3:9');
});

test('YAML that can not be read says where', () => {
  assert.match(errors('rules:\n  - id: a\n   if: x\n')[0]?.message ?? '', /YAML/);
  assert.equal(errors('rules: [}\n')[0]?.place?.line, 1);
  assert.match(errors('rules: []\nrules: []\n')[0]?.message ?? '', /twice/);
  assert.match(errors('- a\n')[0]?.message ?? '', /must be a map/);
  assert.match(errors('rules: 7\n')[0]?.message ?? '', /must be a list/);
  assert.match(errors('rules:\n  - id: 007\n    deny: [ { target: privx, role: r } ]\n')[0]?.remedy ?? '', /quotes/);
  assert.match(
    errors('rules:\n  - id: a\n    if:\n    deny: [ { target: privx, role: r } ]\n')[0]?.message ?? '',
    /no value/,
  );
  assert.match(
    errors('x: &x []\nrules: *x\n')
      .map((p) => p.message)
      .join(),
    /alias/,
  );
});

test('sizes are bounded', () => {
  assert.match(errors(`# ${'a'.repeat(1_000_001)}`)[0]?.message ?? '', /more than 1000000/);
  assert.match(errors(`rules: ${'['.repeat(50_000)}`)[0]?.message ?? '', /nests too deep|YAML|must be/);
  const rule = (i: number): string => `  - { id: r${i}, deny: [ { target: privx, role: r } ] }\n`;
  const many = Array.from({ length: 5_001 }, (_, i) => rule(i)).join('');
  const more = Array.from({ length: 5_001 }, (_, i) => rule(i + 6_000)).join('');
  const { problems } = load(`rules:\n${many}`, `rules:\n${more}`);
  assert.deepEqual(
    problems.map((p) => p.message),
    ['there are more than 10000 rules'],
  );
});

test('a group by name alone and a rule for everybody are warnings', () => {
  const { rules, problems } = load(`rules:
  - id: a
    when: { group: { source: okta, name: DBA } }
    grant: [ { target: strongdm, role: a } ]
  - id: b
    grant: [ { target: strongdm, role: b } ]
`);
  assert.equal(rules?.rules.length, 2);
  assert.deepEqual(
    problems.map((p) => [p.severity, where(p)]),
    [
      ['warning', '3:42'],
      ['warning', '5:9'],
    ],
  );
});

test('an error in one file keeps all rules back', () => {
  assert.equal(load(DESIGN, 'rules: [ { id: x, grnat: [] } ]').rules, undefined);
});

test('the revision is of the meaning: order, files, blanks, comments and descriptions do not count', () => {
  const parts = [
    '  - id: a\n    if: user.title == "x"\n    grant: [ { target: strongdm, role: a }, { target: privx, role: b } ]\n',
    '  - id: b\n    about: text\n    when: { group: { source: okta, id: g, name: Old } }\n    grant: [ { target: strongdm, role: b } ]\n',
    '  - id: c\n    deny: [ { target: strongdm, role: x* } ]\n',
  ];
  const revision = load(`rules:\n${parts.join('')}`).rules?.revision;
  assert.match(revision ?? '', /^[0-9a-f]{64}$/);
  fc.assert(
    fc.property(fc.shuffledSubarray(parts, { minLength: 3 }), fc.nat(3), (order, cut) => {
      const files = [order.slice(0, cut), order.slice(cut)].map(
        (p) => `rules:${p.length === 0 ? ' []' : ''}\n${p.join('')}`,
      );
      assert.equal(load(...files).rules?.revision, revision);
    }),
    { numRuns: 20 },
  );
  const said = (from: string, to: string): string | undefined =>
    load(`rules:\n${parts.join('').replace(from, to)}`).rules?.revision;
  assert.equal(said('user.title == "x"', "user.title=='x' # why"), revision);
  assert.equal(said('about: text', 'about: other'), revision);
  assert.equal(said('name: Old', 'name: New'), revision);
  assert.equal(
    said(
      '{ target: strongdm, role: a }, { target: privx, role: b }',
      '{ target: privx, role: b }, { target: strongdm, role: a }',
    ),
    revision,
  );
  for (const [from, to] of [
    ['"x"', '"y"'],
    ['id: g', 'id: h'],
    ['role: x*', 'role: y*'],
    ['id: c', 'id: d'],
    ['id: g, name: Old', 'id: g, nested: false'],
    ['about: text', 'shadow: true'],
    ['about: text', 'protected: true'],
  ] as const) {
    assert.notEqual(said(from, to), revision, `${from} -> ${to}`);
  }
});

test('no text makes the loader throw', () => {
  const piece = fc.constantFrom(
    'rules:',
    '\n',
    '  - ',
    'id: a',
    'if: ',
    'user.title',
    '==',
    '"',
    "'",
    '|',
    '[',
    '}',
    '&a',
    '*a',
    ':',
    '\t',
    '# ',
    'deny: ',
    '{ target: privx, role: r }',
  );
  fc.assert(
    fc.property(fc.array(fc.oneof(piece, fc.string()), { maxLength: 30 }), (pieces) => {
      const { rules, problems } = load(pieces.join(''));
      assert.ok(rules !== undefined || problems.some((p) => p.severity === 'error'));
      for (const p of problems) assert.ok((p.place?.line ?? 1) >= 1 && (p.place?.column ?? 1) >= 1);
    }),
    { numRuns: 300 },
  );
});

test('tests may name only what rules name, with values of the declared types', () => {
  const found = errors(`rules:
  - id: one
    when: { group: { source: okta, id: g1, name: DBA } }
    grant: [ { target: strongdm, role: prod-admin } ]
    alias: [ { target: strongdm, set: linux, username: user.userName } ]
tests:
  - name: wrong names
    user: { departmnt: SRE, groups: [DBB, okta/g2], contractEnd: soon, active: "yes", roles: x }
    from: { oktaa: {}, okta: { titel: x } }
    unknown: [titel]
    now: tomorrow
    expect: [strongdm/prod-admn, strongmd/x, strongdm]
`);
  assert.deepEqual(
    found.map((p) => `${where(p)} ${p.message} | ${p.remedy ?? ''}`),
    [
      '8:13 no attribute `departmnt` is declared | did you mean `department`?',
      '8:66 `contractEnd` must be a timestamp | write a time such as 2030-01-31T00:00:00Z',
      '8:80 `active` must be a bool | write true or false',
      '8:94 `roles` must be a list<string> | write a list of texts such as [a, b]',
      '9:13 there is no source `oktaa` | did you mean `okta`?',
      '9:32 no attribute `titel` is declared | did you mean `title`?',
      '10:15 no attribute `titel` is declared | did you mean `title`?',
      '11:10 `tomorrow` is no time | write a time such as 2030-01-31T00:00:00Z',
      '12:34 there is no target `strongmd` | did you mean `strongdm`?',
      '12:46 `strongdm` is not written as target/role | ',
    ],
  );
  const names = errors(`rules:
  - id: one
    when: { group: { source: okta, id: g1, name: DBA } }
    if: user.inGroup("okta", "g3")
    grant: [ { target: strongdm, role: prod-admin } ]
    alias: [ { target: strongdm, set: linux, username: user.userName } ]
tests:
  - name: unknown to all rules
    user: { groups: [DBA, okta/g1, okta/g3, DBB, okta/g2] }
    expect: [strongdm/prod-admin, strongdm/prod-admn]
    aliases: [strongdm/linux=ann, strongdm/linx=ann]
`);
  assert.deepEqual(
    names.map((p) => `${where(p)} ${p.message} | ${p.remedy ?? ''}`),
    [
      '9:45 no rule names the group `DBB` | did you mean `DBA`?',
      '9:50 no rule names the group `okta/g2` | did you mean `okta/g1`?',
      '10:35 no rule gives `strongdm/prod-admn` | did you mean `strongdm/prod-admin`?',
      '11:35 no rule gives an alias `strongdm/linx` | did you mean `strongdm/linux`?',
    ],
  );
});

test('a set with an equals sign in its name does not load', () => {
  const [problem] = errors(`rules:
  - id: a
    if: user.active
    alias: [ { target: strongdm, set: "a=b", username: user.userName } ]
`);
  assert.equal(
    `${where(problem)} ${problem?.message}`,
    '4:39 `set` of alias in rule a: `a=b` has an equals sign in it',
  );
});

test('a reserved name as alias does not load', () => {
  const [problem] = errors(`rules:
  - id: a
    if: user.active
    alias: [ { target: strongdm, set: linux, username: '"root"' } ]
`);
  assert.equal(`${where(problem)} ${problem?.message}`, '4:56 `username` of rule a: the name root is reserved');
});

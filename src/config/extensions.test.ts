import assert from 'node:assert/strict';
import { test } from 'node:test';
import { join } from 'node:path';
import { folderWith } from '../../test/support/command-line.ts';
import { kinds } from '../app/kinds.ts';
import { declaredAttributes } from '../app/scim-sources.ts';
import { loadViews } from '../app/views.ts';
import type { Problem } from '../model/rules.ts';
import { CORE_ATTRIBUTES } from '../model/attributes.ts';
import { type Loaded, loadSettings } from './load.ts';

const HR = 'urn:acme:params:scim:schemas:extension:hr:2.0:User';

const attributes = (lines: string): string => `sources: { okta: { type: scim } }
schemas:
  - id: ${HR}
    attributes:
${lines}
`;

function load(text: string, rules?: string): { loaded: Loaded; problems: Problem[] } {
  const folder = folderWith({ 'd.yaml': text, ...(rules === undefined ? {} : { 'rules/r.yaml': rules }) });
  try {
    const loaded = loadSettings({ file: join(folder.path, 'd.yaml'), env: {}, kinds });
    const found = loaded.settings === undefined ? [] : loadViews(loaded.settings, loaded.document).problems;
    return { loaded, problems: [...loaded.problems, ...found.filter((p) => p.severity === 'error')] };
  } finally {
    folder.remove();
  }
}

const told = ({ problems }: { problems: readonly Problem[] }): string[] =>
  problems.map((p) => `${p.place?.line}:${p.place?.column} ${p.message}`);

test('a declared schema has defaults, and its attributes have types in rules', () => {
  const { loaded, problems } = load(
    attributes(`      - name: badgeNumber
      - { name: level, type: integer }
      - { name: score, type: decimal }
      - { name: contractEnd, type: dateTime, as: contractEnds }
      - { name: on-call, type: boolean }
      - { name: teams, multiValued: true }
      - { name: floors, type: integer, multiValued: true }
      - { name: pin, mutability: writeOnly }
      - { name: badge, type: complex, subAttributes: [ { name: colour }, { name: until, type: dateTime } ] }
      - { name: sites, type: complex, multiValued: true, subAttributes: [ { name: value }, { name: role } ] }
      - { name: pairs, type: complex, multiValued: true, subAttributes: [ { name: a }, { name: b } ] }`),
  );
  assert.deepEqual(told({ problems }), []);
  const schema = loaded.settings?.schemas?.[0];
  assert.deepEqual([schema?.name, schema?.resource, schema?.required], ['hr', 'User', false]);
  assert.ok(loaded.settings !== undefined);
  const own = declaredAttributes(loaded.settings).slice(CORE_ATTRIBUTES.length);
  assert.deepEqual(
    own.map((a) => `${a.name}: ${a.type}`),
    [
      'badgeNumber: string',
      'level: int',
      'score: double',
      'contractEnds: timestamp',
      'on_call: bool',
      'teams: list<string>',
      'floors: list<string>',
      'badgeColour: string',
      'badgeUntil: timestamp',
      'sites: list<string>',
    ],
  );
});

test('rules use declared attributes by their type, and a misspelt one is an error with line and caret', () => {
  const declared = attributes('      - { name: level, type: integer }\n      - { name: teams, multiValued: true }');
  const rule = (condition: string): string =>
    `rules:\n  - id: one\n    if: ${condition}\n    deny: []\n    grant: []\n`;
  const complaints = (condition: string): Problem[] => load(declared, rule(condition)).problems;
  const about = (condition: string): string =>
    complaints(condition)
      .map((p) => p.message)
      .join();
  assert.doesNotMatch(about(`'user.level > 3 && "red" in user.teams'`), /level|teams|declared/);
  const misspelt = complaints("'user.levell > 3'").find((p) => p.message.includes('levell'));
  assert.match(misspelt?.message ?? '', /no attribute `levell` is declared/);
  assert.match(misspelt?.remedy ?? '', /level/);
  assert.equal(misspelt?.place?.line, 3);
  assert.match(misspelt?.excerpt ?? '', /\n\s+\^/);
  assert.match(about(`'user.level == "3"'`), /int/);
  assert.match(
    load('sources: { okta: { type: scim } }\n', rule("'user.level > 3'"))
      .problems.map((p) => p.message)
      .join(),
    /no attribute `level` is declared/,
  );
});

test('every mistake in a declaration is told, at its place', () => {
  const bad = load(
    attributes(`      - { name: "1st" }
      - { name: constructor }
      - { name: a, type: number }
      - { name: b, type: complex }
      - { name: c, subAttributes: [ { name: x } ] }
      - { name: d, mutability: write }
      - { name: e, returned: never }
      - { name: f, uniqueness: server }
      - { name: g, typ: string }
      - { name: h, as: "two words" }`),
  );
  assert.deepEqual(told(bad), [
    '5:17 schemas.0.attributes.0.name must be letters, digits, - and _, at most 63, beginning with a letter',
    '6:17 schemas.0.attributes.1.name is a name that JavaScript keeps for itself: choose another',
    '7:26 schemas.0.attributes.2.type must be string, boolean, integer, decimal, dateTime, reference, binary or complex',
    '8:9 schemas.0.attributes.3 is complex, so it needs subAttributes',
    '9:35 schemas.0.attributes.4.subAttributes is for attributes of type complex only',
    '10:32 schemas.0.attributes.5.mutability must be readWrite, readOnly, writeOnly or immutable',
    '11:30 schemas.0.attributes.6.returned must be default',
    '12:32 schemas.0.attributes.7.uniqueness must be none',
    '13:20 unknown setting "schemas.0.attributes.8.typ"',
    '14:24 schemas.0.attributes.9.as must be a name that rules can use: letters, digits and _, and no word of the language',
  ]);
  const urn = load(attributes('      - { name: a }').replace(HR, 'hr'));
  assert.match(told(urn).join(), /^3:9 schemas\.0\.id must be a URN such as urn:/);
});

test('names and URNs that meet are told', () => {
  const meeting = load(`sources:
  okta:
    type: scim
    schemas:
      - { id: "${HR}", attributes: [ { name: level, type: string } ] }
      - { id: "urn:x:y:User", attributes: [ { name: level, type: integer } ] }
  entra:
    type: scim
    schemas:
      - { id: "urn:x:z:User", attributes: [ { name: grade, type: integer }, { name: Grade } ] }
schemas:
  - { id: "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User", attributes: [ { name: more } ] }
  - id: ${HR}
    attributes: [ { name: department }, { name: if }, { name: grade } ]
  - { id: "${HR}:more", attributes: [ { name: x } ] }
`);
  const all = told(meeting);
  const has = (pattern: RegExp): void =>
    assert.ok(
      all.some((line) => pattern.test(line)),
      `${pattern}\n${all.join('\n')}`,
    );
  has(/^5:15 sources\.okta\.schemas\.0\.id is declared already/);
  has(/^10:85 sources\.entra\.schemas\.0\.attributes\.1\.name is there twice: Grade/);
  has(/^12:11 schemas\.0\.id is declared already, or standard/);
  has(/^14:19 schemas\.1\.attributes\.0 would be user\.department in rules, which is there already/);
  has(/^14:41 schemas\.1\.attributes\.1 would be user\.if in rules, which is a word of the language/);
  has(/^15:11 schemas\.2\.id and urn:acme\S+ begin alike/);
  has(/sources\.entra\.schemas\.0\.attributes\.0 would be user\.grade in rules, and so would another/);
  has(/sources\.okta\.schemas\.1\.attributes\.0 would be user\.level in rules, and so would another/);
});

test('two sources may declare the same name with the same type only', () => {
  const two = (type: string): string => `sources:
  okta: { type: scim, schemas: [ { id: "urn:x:a:User", attributes: [ { name: grade, type: integer } ] } ] }
  entra: { type: scim, schemas: [ { id: "urn:x:b:User", attributes: [ { name: grade, type: ${type} } ] } ] }
`;
  assert.deepEqual(told(load(two('integer'))), []);
  assert.match(
    told(load(two('string'))).join(),
    /user\.grade of type string in rules, and urn:x:a:User:grade makes it int/,
  );
});

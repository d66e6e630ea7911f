import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { folderWith } from '../../test/support/command-line.ts';
import { loadSettings } from '../config/load.ts';
import type { Correlator } from '../model/correlation.ts';
import { attributesOf } from './attributes.ts';
import { correlatorOf } from './correlator.ts';
import { kinds } from './kinds.ts';

/** The correlator of these settings, and what is told: `severity line:column message` and the remedies. */
function read(text: string): { correlator: Correlator | undefined; told: string[]; remedies: string } {
  const folder = folderWith({ 'd.yaml': text });
  try {
    const { settings, problems, document } = loadSettings({ file: join(folder.path, 'd.yaml'), env: {}, kinds });
    if (settings === undefined) {
      const told = problems.map((p) => `${p.severity} ${p.place?.line}:${p.place?.column} ${p.message}`);
      return { correlator: undefined, told, remedies: '' };
    }
    const found = correlatorOf(settings, attributesOf(settings, document).attributes, document);
    return {
      correlator: found.correlator,
      told: found.problems.map((p) => `${p.severity} ${p.place?.line}:${p.place?.column} ${p.message}`),
      remedies: found.problems.map((p) => p.remedy ?? '').join('\n'),
    };
  } finally {
    folder.remove();
  }
}

const ANN = {
  userName: 'ann',
  emails: ['ann@example.com'],
  active: true,
  externalId: 'E1',
  attributes: { employeeNumber: 7 },
};

test('one source without anything about correlation says nothing, and several are a warning', () => {
  assert.deepEqual(read('sources: { okta: { type: scim } }\n'), { correlator: undefined, told: [], remedies: '' });
  const { told, remedies, correlator } = read('sources:\n  okta: { type: scim }\n  hr: { type: scim }\n');
  assert.equal(correlator, undefined);
  assert.equal(told.length, 1);
  assert.match(told[0] ?? '', /^warning 2:\d+ there are several sources and no correlation/);
  assert.match(remedies, /correlation: \{ keys: \[employeeNumber\] \}/);
});

test('settings become keys: names by source, what may be given again, whose numbers they are', () => {
  const { correlator, told } = read(`sources:
  okta: { type: scim }
  hr: { type: scim, issuer: acme, secondary: 'user.userName.startsWith("adm-")', people: '!(user.title == "robot")' }
verifiedDomains: [Example.com]
correlation:
  keys: [employeeNumber, { name: number, sources: { okta: externalId, hr: employeeNumber } }, externalId, email]
  recycle: 30d
`);
  assert.deepEqual(told, []);
  assert.equal(correlator?.recycle, 30 * 86_400_000);
  const keys = (source: string) =>
    correlator?.identify(source, ANN)?.keys.map((k) => `${k.issuer}:${k.name}=${k.value}${k.reused ? ' reused' : ''}`);
  assert.deepEqual(keys('okta'), [
    ':employeeNumber=7',
    ':number=e1',
    '/okta:externalId=e1',
    ':email=ann@example.com reused',
  ]);
  assert.deepEqual(keys('hr'), [
    'acme:employeeNumber=7',
    'acme:number=7',
    'acme/hr:externalId=e1',
    'acme:email=ann@example.com reused',
  ]);
  assert.equal(correlator?.identify('hr', { ...ANN, userName: 'adm-ann' })?.role, 'secondary');
  assert.equal(correlator?.identify('hr', { ...ANN, attributes: { title: 'robot' } })?.role, 'other');
  assert.equal(correlator?.identify('hr', ANN)?.role, 'primary', 'no title is no robot');
});

test('each mistake is told at its place, with what would be right', () => {
  const { told, remedies, correlator } = read(`sources:
  okta: { type: scim, people: 'user.titel == "x"' }
  hr: { type: scim, secondary: 'user.inGroup("okta/x")' }
  ad: { type: scim, people: 'user.groups.size() > 0 || user.from("hr").title == "x"' }
  old: { type: scim, secondary: 'user.contractEnd < now' }
correlation:
  keys:
    - employeeNumbr
    - { name: n, sources: { oktaa: title, hr: titel } }
    - email
    - email
`);
  assert.equal(correlator, undefined);
  const at = (pattern: RegExp) =>
    assert.ok(
      told.some((line) => pattern.test(line)),
      `${pattern}\n${told.join('\n')}`,
    );
  at(/^error 8:7 the key employeeNumbr names the attribute employeeNumbr, which is not declared/);
  at(/^error 9:\d+ the key n names the source oktaa, which is not there/);
  at(/^error 9:\d+ the key n names the attribute titel, which is not declared/);
  at(/^error 11:7 the key email is there twice/);
  at(/^warning 10:7 email is a key and no domain is verified/);
  at(/^error 2:\d+ people of okta: /);
  at(/^error 3:\d+ secondary of hr/);
  at(/^error 4:\d+ people of ad/);
  at(/^error 5:\d+ secondary of old/);
  assert.match(remedies, /employeeNumber/);
  assert.match(remedies, /okta/);
});

test('what makes no humans of people by accident is a warning, and secondary needs keys', () => {
  const { told } = read(`sources: { okta: { type: scim, people: 'user.userType != "service"' } }\n`);
  assert.match(told.join(), /^warning 1:\d+ people of okta uses !=/);
  assert.deepEqual(read(`sources: { okta: { type: scim, people: 'user.title == "!="' } }\n`).told, []);
  const alone = read(`sources: { okta: { type: scim, secondary: 'user.userName == "x"' } }\n`);
  assert.match(alone.told.join(), /^error 1:\d+ secondary records need correlation keys/);
});

test('the form of the settings is checked', () => {
  const bad = (correlation: string): string =>
    read(`sources: { okta: { type: scim } }\ncorrelation: ${correlation}\n`).told.join('\n');
  assert.match(bad('{ keys: [] }'), /must name at least one key/);
  assert.match(bad('{}'), /keys/);
  assert.match(bad('{ keys: [email], recycle: soon }'), /must be a duration such as 90d/);
  assert.match(bad('{ keys: [email], fuzzy: true }'), /fuzzy/);
});

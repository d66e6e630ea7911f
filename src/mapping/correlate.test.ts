import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { correlatorOf, key } from '../../test/support/correlation.ts';
import { CORE_ATTRIBUTES } from '../model/attributes.ts';
import type { RecordSaid } from '../model/correlation.ts';
import { createCorrelator, keyForm } from './correlate.ts';
import { createEngine } from './engine.ts';

const engine = createEngine(CORE_ATTRIBUTES);
const compiled = (text: string) => {
  const result = engine.compile(text, 'bool', { file: 'settings', line: 1, column: 1 });
  if ('fault' in result) throw new Error(result.fault.message);
  return result.expression;
};
const said = (over: Partial<RecordSaid> = {}): RecordSaid => ({
  userName: 'ann',
  emails: [],
  active: true,
  attributes: {},
  ...over,
});
const values = (of: ReturnType<typeof correlatorOf>, source: string, record: RecordSaid): string[] =>
  (of.identify(source, record)?.keys ?? []).map((one) => `${one.order} ${one.issuer}:${one.name}=${one.value}`);

test('without keys, and without saying who is human, every record is a person of its own', () => {
  assert.equal(createCorrelator([{ id: 'okta', issuer: '' }]), undefined);
  const people = compiled('!(user.userType == "service")');
  const one = createCorrelator([
    { id: 'okta', issuer: '', people },
    { id: 'ad', issuer: '' },
  ]);
  assert.equal(one?.identify('okta', said({ attributes: { userType: 'service' } }))?.role, 'other');
  assert.deepEqual(one?.identify('ad', said()), { role: 'primary', keys: [] });
  assert.equal(one?.identify('gone', said()), undefined);
});

test('values are compared without blanks around them, case, and ways of writing letters', () => {
  const it = correlatorOf({ keys: [key('employeeNumber'), key('userName')] });
  const record = said({ userName: ' José@Example.com ', attributes: { employeeNumber: 10234 } });
  const other = said({ userName: 'JOSÉ@EXAMPLE.COM', attributes: { employeeNumber: '10234' } });
  assert.deepEqual(values(it, 'okta', record), values(it, 'ad', other));
  assert.deepEqual(values(it, 'okta', record), ['0 :employeeNumber=10234', '1 :userName=josé@example.com']);
});

test('what is empty, too long, or no text identifies nobody', () => {
  const it = correlatorOf({ keys: [key('employeeNumber')] });
  for (const employeeNumber of ['', '   ', 'x'.repeat(513), true, new Date(0), null, undefined]) {
    assert.deepEqual(values(it, 'okta', said({ attributes: { employeeNumber } })), [], String(employeeNumber));
  }
});

test('addresses count where their domain is verified, and no other part of the name is taken for one', () => {
  const it = correlatorOf({ keys: [key('emails')] });
  const emails = [
    'a@example.com',
    'b@evil.com',
    'c@example.com.evil.com',
    'd@sub.example.com',
    'example.com',
    'x@evil.com@example.com',
  ];
  assert.deepEqual(
    values(it, 'okta', said({ emails })).map((text) => text.split('=')[1]),
    ['a@example.com'],
  );
  assert.deepEqual(values(correlatorOf({ keys: [key('email')], domains: [] }), 'okta', said({ emails })), []);
});

test('a key may have another name in each source, and is missing in those that are not named', () => {
  const it = correlatorOf({ keys: [key('number', { sources: { okta: 'employeeNumber', ad: 'externalId' } })] });
  const record = said({ externalId: 'E', attributes: { employeeNumber: 'N', number: 'X' } });
  assert.deepEqual(values(it, 'okta', record), ['0 :number=n']);
  assert.deepEqual(values(it, 'ad', record), ['0 :number=e']);
  assert.deepEqual(values(it, 'hr', record), []);
});

test('who is human and who is secondary is asked of what was delivered', () => {
  const people = compiled('!(user.userType == "service")');
  const secondary = compiled('user.userName.startsWith("adm-")');
  const it = createCorrelator([{ id: 'ad', issuer: '', people, secondary }], { keys: [], recycle: 0 });
  const role = (record: RecordSaid) => it?.identify('ad', record)?.role;
  assert.equal(role(said({ userName: 'adm-ann', attributes: { userType: 'x' } })), 'secondary');
  assert.equal(role(said({ attributes: { userType: 'x' } })), 'primary');
  assert.equal(role(said({ userName: 'adm-svc', attributes: { userType: 'service' } })), 'other');
  assert.equal(role(said()), 'primary', 'a SCIM client that does not send it has none');
  assert.equal(role(said({ covers: ['title'] })), 'undecided', 'a reading that does not cover it says nothing');
  assert.equal(role(said({ covers: ['userType'] })), 'primary');
});

test('the signature changes with what is meant, and with nothing else', () => {
  const same = [
    correlatorOf({ sources: { okta: '', ad: 'x' }, domains: ['a.com', 'b.com'] }),
    correlatorOf({ sources: { ad: 'x', okta: '' }, domains: ['b.com', 'a.com'] }),
  ];
  assert.equal(new Set(same.map((one) => one.signature)).size, 1);
  const others = [
    correlatorOf({ sources: { okta: '', ad: 'y' }, domains: ['a.com', 'b.com'] }),
    correlatorOf({ sources: { okta: '', ad: 'x' }, domains: ['a.com'] }),
    correlatorOf({
      sources: { okta: '', ad: 'x' },
      keys: [key('email'), key('employeeNumber')],
      domains: ['a.com', 'b.com'],
    }),
    correlatorOf({
      sources: { okta: '', ad: 'x' },
      people: compiled('user.title == "x"'),
      domains: ['a.com', 'b.com'],
    }),
  ];
  assert.equal(new Set([...same, ...others].map((one) => one.signature)).size, 5);
});

test('the form of a value is the same when it is taken again, for every text', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (text) => {
      assert.equal(keyForm(keyForm(text)), keyForm(text));
      assert.equal(keyForm(` ${text.normalize('NFD')}\t`), keyForm(text));
    }),
  );
});

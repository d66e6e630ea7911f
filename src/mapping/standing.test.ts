import assert from 'node:assert/strict';
import { test } from 'node:test';
import { graphOf, record } from '../../test/support/planning.ts';
import type { LinkedRecord } from '../model/person.ts';
import { buildPerson, saidBy } from './people.ts';
import { type SourceStanding, standingOf } from './standing.ts';

const of = (over: Partial<LinkedRecord>, source?: SourceStanding) =>
  standingOf(record({ anchor: 'a', ...over }), source).state;

test('what a record is worth', () => {
  assert.equal(of({}), 'there');
  assert.equal(of({ active: false }), 'there', 'the disabled bit is something that holds');
  assert.equal(of({ missing: 'absent' }), 'frozen');
  assert.equal(of({ missing: 'scoped-out' }), 'frozen');
  assert.equal(of({ gone: 'absent' }), 'lapsed');
  assert.equal(of({ gone: 'scoped-out' }), 'lapsed');
  assert.equal(of({ gone: 'unknown' }), 'frozen', 'nobody knows why: never a reason to take anything');
  assert.equal(of({ gone: 'explicit' }), 'left');
  assert.equal(of({}, { frozen: 'stale' }), 'frozen');
  assert.equal(of({ gone: 'absent' }, { frozen: 'retired' }), 'frozen');
  assert.equal(of({ gone: 'explicit' }, { frozen: 'stale' }), 'left', 'an explicit word stands');
});

const graph = graphOf({ dba: [] });
const person = (records: LinkedRecord[], sources?: ReadonlyMap<string, SourceStanding>) =>
  buildPerson({ id: 'p_1', generation: 0, records }, graph, undefined, sources);

test('one frozen record freezes the person; a lapsed one beside another says nothing any more', () => {
  const here = record({ anchor: 'a', source: 'okta', attributes: { title: 'x' } });
  const gone = record({ anchor: 'b', source: 'ad', attributes: { department: 'y' }, memberOf: ['okta/dba'] });
  const frozen = person([here, { ...gone, missing: 'absent' }]);
  assert.match(frozen.frozen ?? '', /missing at the source ad/);
  assert.equal(frozen.groups.size, 1);
  const lapsed = person([here, { ...gone, gone: 'absent' }]);
  assert.deepEqual([lapsed.frozen, lapsed.lapsed], [undefined, { evidence: 'absent', wholly: false }]);
  assert.equal(lapsed.groups.size, 0);
  assert.equal(lapsed.attributes['department'], undefined);
  assert.equal(lapsed.life, 'active');
  assert.equal(saidBy(lapsed.records, 'ad'), undefined, 'nor where a rule reads that source by itself');
  assert.equal(saidBy(frozen.records, 'ad')?.user['department'], 'y');
  assert.deepEqual(person([{ ...gone, gone: 'absent' }]).lapsed, { evidence: 'absent', wholly: true });
});

test('a lapsed record that was disabled does not keep anybody suspended; the life cycle is the others', () => {
  const here = record({ anchor: 'a', source: 'okta' });
  const off = record({ anchor: 'b', source: 'ad', active: false });
  assert.equal(person([here, off]).life, 'suspended');
  assert.equal(person([here, { ...off, gone: 'absent' }]).life, 'active');
});

test('the source that succeeded another decides for people who are in both, and only for them', () => {
  const sources = new Map([['ad', { succeededBy: 'entra' }]]);
  const old = record({ anchor: 'b', source: 'ad', gone: 'explicit' });
  assert.equal(person([old, record({ anchor: 'c', source: 'entra' })], sources).life, 'active');
  assert.equal(person([old, record({ anchor: 'c', source: 'entra', active: false })], sources).life, 'suspended');
  assert.equal(person([old], sources).life, 'left');
  assert.equal(person([old, record({ anchor: 'c', source: 'okta' })], sources).life, 'left');
});

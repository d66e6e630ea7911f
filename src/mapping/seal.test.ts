import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type SealInput, sealOf } from './seal.ts';

const whole: SealInput = {
  scope: 'full',
  since: false,
  end: { sealed: true },
  nameless: 0,
  users: 100,
  groups: 5,
  unreadable: 0,
  before: { users: 0, groups: 0 },
  lost: { users: 0, groups: 0 },
  missingCanaries: [],
  shrinkLimit: 0.1,
};
const seal = (over: Partial<SealInput>) => sealOf({ ...whole, ...over });
const kept = (over: Partial<SealInput>) => {
  const result = seal(over);
  return result.sealed ? [] : result.keptBack;
};

test('a reading that its source calls whole, and that lacks nothing, is sealed', () => {
  assert.deepEqual(seal({}), { sealed: true });
  assert.deepEqual(seal({ scope: 'changes', since: true }), { sealed: true });
});

test('shrinking counts from more than the limit, and never for a single entry', () => {
  const lost = (users: number, of: number, shrinkLimit = 0.1) =>
    kept({ lost: { users, groups: 0 }, before: { users: of, groups: 0 }, shrinkLimit });
  assert.deepEqual(lost(10, 100), []);
  assert.deepEqual(lost(11, 100), ['shrink']);
  assert.deepEqual(lost(1, 2), []);
  assert.deepEqual(lost(2, 2), ['shrink']);
  assert.deepEqual(lost(1, 1, 0), [], 'a single entry');
  assert.deepEqual(lost(2, 100, 0), ['shrink']);
  assert.deepEqual(lost(100, 100, 1), []);
  assert.deepEqual(kept({ lost: { users: 0, groups: 3 }, before: { users: 0, groups: 5 } }), ['shrink']);
});

test('counts have to agree, but for entries that could not be understood', () => {
  const counted = (users: number, over: Partial<SealInput> = {}) =>
    kept({ end: { sealed: true, counts: { users } }, ...over });
  assert.deepEqual(counted(100), []);
  assert.deepEqual(counted(101), ['counts']);
  assert.deepEqual(counted(99), ['counts']);
  assert.deepEqual(counted(102, { unreadable: 2 }), []);
  assert.deepEqual(counted(103, { unreadable: 2 }), ['counts']);
  assert.deepEqual(counted(7, { scope: 'changes', since: true }), [], 'changes are not counted');
  assert.deepEqual(kept({ end: { sealed: true, counts: { groups: 6 } } }), ['counts']);
});

test('all reasons are told at once', () => {
  const result = seal({
    scope: 'changes',
    end: { sealed: false, because: 'size limit' },
    nameless: 2,
    lost: { users: 50, groups: 0 },
    before: { users: 100, groups: 0 },
    missingCanaries: ['ann', 'ben'],
  });
  assert.ok(!result.sealed);
  assert.deepEqual(result.keptBack, ['source', 'shrink', 'canary']);
  assert.equal(
    result.because,
    'size limit; the source gave changes where everything was asked for; 2 entries could not be understood, not even ' +
      'whose they are; 50 of 100 users are missing (50 %, shrinkLimit is 10 %); missing: ann, ben',
  );
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { type ItemKey, roleItem } from '../model/accounts.ts';
import type { Evidence } from '../model/facts.ts';
import { type Decision, GUARD_LIMITS, type GuardScope, type Tally } from '../model/guard.ts';
import type { Change, Op, Step } from '../model/plan.ts';
import { allowed, guard, type Guarded, type GuardInput } from './guard.ts';

const change = (op: Op, item: ItemKey, over: Partial<Change> = {}): Change => ({
  op,
  item,
  causes: [{ rule: 'r', record: { source: 'okta', anchor: 'x' } }],
  risk: 'medium',
  ...over,
});
const revoke = (role: string, evidence: Evidence = 'removed'): Change => change('revoke', roleItem(role), { evidence });
const step = (person: string, ...changes: Change[]): Step => ({ target: 'pam', person, basis: 'b', changes });

interface World {
  /** Owned by role; accounts count as `account`. */
  readonly owned?: Readonly<Record<string, number>>;
  readonly passed?: number;
  readonly pending?: number;
  readonly over?: Partial<GuardInput>;
}

const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);

function tallyOf({ owned = {}, passed = 0, pending = 0 }: World) {
  return (scope: GuardScope): Tally => {
    const { account = 0, ...roles } = owned;
    switch (scope.kind) {
      case 'accounts':
      case 'creations':
        return { owned: account, passed, pending };
      case 'role':
      case 'protectedGrants':
        return { owned: roles[scope.role] ?? 0, passed, pending };
      default:
        return { owned: sum(Object.values(roles)), passed, pending };
    }
  };
}

const run = (steps: readonly Step[], world: World = {}): Guarded =>
  guard({
    steps,
    limits: GUARD_LIMITS,
    rulesRevision: 'r1',
    tally: tallyOf(world),
    counted: () => undefined,
    decision: () => undefined,
    isProtected: (_target, role) => role.startsWith('prod'),
    isRehearsal: () => false,
    ...world.over,
  });

const people = (n: number, ...changes: Change[]): Step[] =>
  Array.from({ length: n }, (_, i) => step(`p_${i}`, ...changes));
const held = ({ holds }: Guarded): string[] => holds.map((h) => `${h.person} ${h.op} ${h.item}`);

test('one removed membership passes', () => {
  const result = run([step('p_ann', revoke('db'))], { owned: { db: 10 } });
  assert.deepEqual(held(result), []);
  assert.deepEqual(result.steps[0]?.changes, [revoke('db')]);
  assert.deepEqual(result.passed, [
    {
      target: 'pam',
      person: 'p_ann',
      item: 'role:db',
      op: 'revoke',
      kind: 'take',
      source: 'okta',
      approved: false,
    },
  ]);
});

test('an act that would take more than the budget takes nothing, and says why', () => {
  const result = run(people(4, revoke('db')), { owned: { db: 12 } });
  assert.equal(result.holds.length, 4);
  assert.deepEqual(result.steps, []);
  assert.equal(
    result.holds[0]?.because,
    '4 attachments of the role db at pam would be taken; 3 of 12 may be within 24 h',
  );
});

test('what passed within the window counts', () => {
  const owned = { db: 40 };
  assert.equal(run(people(4, revoke('db')), { owned }).holds.length, 0);
  assert.equal(run(people(4, revoke('db')), { owned, passed: 6 }).holds.length, 4);
});

test('what was let through before is neither counted again nor held back', () => {
  const counted: GuardInput['counted'] = ({ person }) => (person === 'p_0' ? 'passed' : undefined);
  const result = run(people(2, revoke('db')), { owned: { db: 40 }, passed: 10, over: { counted } });
  assert.deepEqual(held(result), ['p_1 revoke role:db']);
});

test('the trouble of one role does not hold back another', () => {
  const result = run([...people(8, revoke('db')), step('p_zoe', revoke('web'))], { owned: { db: 30, web: 100 } });
  assert.equal(result.holds.length, 8);
  assert.deepEqual(
    result.steps.map((s) => s.person),
    ['p_zoe'],
  );
});

test('small numbers of many roles together trip the target', () => {
  const roles = Array.from({ length: 10 }, (_, i) => `r${i}`);
  const owned = Object.fromEntries(roles.map((role) => [role, 5]));
  const result = run(
    roles.map((role) => step('p_ann', revoke(role))),
    { owned },
  );
  assert.equal(result.holds.length, 10);
  assert.match(result.holds[0]?.because ?? '', /source okta had caused would be taken; 5 of 50/);
});

test('explicit leaves and ends of time bounds pass, however many', () => {
  const result = run(
    [
      ...people(500, revoke('prod-db', 'explicit'), change('block', 'account', { evidence: 'explicit' })),
      ...people(500, change('revoke', 'role:db', { evidence: 'removed', expected: true })),
    ],
    { owned: { db: 1000, 'prod-db': 500 } },
  );
  assert.equal(result.holds.length, 0);
});

test('a protected role is never taken by inference', () => {
  const result = run([step('p_ann', revoke('prod-db'), revoke('web'))], { owned: { 'prod-db': 1000, web: 100 } });
  assert.deepEqual(held(result), ['p_ann revoke role:prod-db']);
  assert.deepEqual(result.steps[0]?.changes, [revoke('web')]);
});

test('a role of three is not emptied, though a budget of its own would allow it', () => {
  const owned = { db: 3, web: 500 };
  assert.equal(run(people(2, revoke('db')), { owned }).holds.length, 0);
  const emptied = run(people(1, revoke('db')), { owned, pending: 2, over: {} });
  assert.equal(emptied.holds[0]?.because, 'nobody of 3 would keep the role db at pam');
  assert.equal(run(people(1, revoke('db')), { owned: { db: 2, web: 500 }, pending: 1 }).holds.length, 0);
});

test('accounts made: many at once at a real target wait with all that hangs on them; a simulator takes any number', () => {
  const joiners = people(101, change('create', 'account'), change('grant', 'role:db'));
  const result = run(joiners, { owned: { account: 50 } });
  assert.equal(result.holds.length, 101);
  assert.deepEqual(result.steps, []);
  assert.equal(run(joiners, { over: { isRehearsal: () => true } }).holds.length, 0);
  assert.equal(run(joiners.slice(1), { owned: { account: 50 } }).holds.length, 0);
});

test('grants of a protected role above half of those who have it wait', () => {
  assert.equal(run(people(6, change('grant', 'role:prod-db')), { owned: { 'prod-db': 10 } }).holds.length, 6);
  assert.equal(run(people(6, change('grant', 'role:prod-db')), { owned: { 'prod-db': 12 } }).holds.length, 0);
  assert.equal(run(people(600, change('grant', 'role:web'))).holds.length, 0);
});

test('approved passes and does not count; rejected stays, and is said to be', () => {
  const first = run(people(4, revoke('db')), { owned: { db: 8 } });
  const [yes, no] = [first.holds[0]?.id, first.holds[1]?.id];
  const decision: GuardInput['decision'] = (id) => (id === yes ? 'approved' : id === no ? 'rejected' : undefined);
  const second = run(people(4, revoke('db')), { owned: { db: 8 }, over: { decision } });
  assert.deepEqual(
    second.passed.map((p) => [p.person, p.approved]),
    [
      ['p_0', true],
      ['p_2', false],
      ['p_3', false],
    ],
  );
  assert.deepEqual(
    second.holds.map((h) => [h.person, h.rejected]),
    [['p_1', true]],
  );
});

test('a hold survives planning again, and falls with what it rests on', () => {
  const id = (over: Partial<GuardInput>, ...changes: Change[]): string | undefined =>
    run([step('p_ann', ...changes)], { owned: { 'prod-db': 3 }, over }).holds[0]?.id;
  const first = id({}, revoke('prod-db'));
  assert.match(first ?? '', /^h_[0-9a-f]{16}$/);
  assert.equal(id({}, revoke('web'), revoke('prod-db')), first);
  assert.notEqual(id({ rulesRevision: 'r2' }, revoke('prod-db')), first);
  assert.notEqual(id({}, revoke('prod-db', 'absent')), first);
});

test('in a directory of every size the budget holds, whatever the order', () => {
  const arbitraryStep = fc
    .record({
      person: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j'),
      roles: fc.uniqueArray(fc.constantFrom('db', 'web', 'prod-1'), { minLength: 1 }),
      evidence: fc.constantFrom('removed' as const, 'absent' as const, 'scoped-out' as const, 'explicit' as const),
      block: fc.boolean(),
    })
    .map(({ person, roles, evidence, block }) =>
      step(
        `p_${person}`,
        ...roles.map((role) => revoke(role, evidence)),
        ...(block ? [change('block', 'account', { evidence })] : []),
      ),
    );
  fc.assert(
    fc.property(
      fc.uniqueArray(arbitraryStep, { maxLength: 10, selector: (s) => s.person }),
      fc.record({ account: fc.nat(60), db: fc.nat(60), web: fc.nat(60), 'prod-1': fc.nat(20) }),
      fc.nat(6),
      (steps, owned, passed) => {
        const world = { owned, passed };
        const result = run(steps, world);
        const tally = tallyOf(world);
        for (const kind of ['accounts', 'attachments'] as const) {
          const isIt = (p: { item: string }) => (p.item === 'account') === (kind === 'accounts');
          const taken = result.passed.filter((p) => p.kind === 'take' && isIt(p)).length;
          const limit = allowed(GUARD_LIMITS[kind], tally({ kind, target: 'pam' }).owned);
          assert.ok(taken === 0 || passed + taken <= limit, `${kind}: ${passed} + ${taken} > ${limit}`);
        }
        const total = sum(steps.map((s) => s.changes.length));
        assert.equal(sum(result.steps.map((s) => s.changes.length)) + result.holds.length, total, 'nothing is lost');
        assert.ok(result.holds.every((h) => h.change.evidence !== 'explicit'));
        assert.ok(!result.passed.some((p) => p.item === 'role:prod-1'));
        const other = run(steps.toReversed(), world);
        assert.deepEqual(new Set(other.holds.map((h) => h.id)), new Set(result.holds.map((h) => h.id)));
      },
    ),
    { numRuns: 500 },
  );
});

test('of a burst nothing but protected roles goes without a word, and the approved goes', () => {
  const ops = [
    change('block', 'account', { evidence: 'explicit' }),
    change('endSessions', 'account', { evidence: 'explicit' }),
    revoke('prod-db', 'explicit'),
    revoke('db', 'explicit'),
    change('unalias', 'alias:linux', { evidence: 'explicit' }),
    change('claim', 'account'),
  ];
  const arbitrary = fc.array(fc.record({ changes: fc.subarray(ops), burst: fc.boolean() }), { maxLength: 8 });
  fc.assert(
    fc.property(arbitrary, fc.boolean(), (persons, approved) => {
      const steps = persons.flatMap(({ changes, burst }, i) =>
        changes.length === 0
          ? []
          : [step(`p_${i}`, ...changes.map((c) => (burst && c.op !== 'claim' ? { ...c, burst: 'okta' } : c)))],
      );
      const before = run(steps);
      const left = new Map(before.steps.map((s) => [s.person, s.changes]));
      for (const { person, changes } of steps) {
        const goes = left.get(person) ?? [];
        const waits = changes.some((c) => c.burst !== undefined && c.op === 'block');
        const may = changes.filter(
          (c) => c.burst === undefined || c.item === 'role:prod-db' || (c.op === 'endSessions' && !waits),
        );
        assert.deepEqual(goes, may);
      }
      for (const hold of before.holds) assert.match(hold.because, /^part of a burst: the source okta/);
      const decision = (): Decision => (approved ? 'approved' : 'rejected');
      const after = run(steps, { over: { decision } });
      if (approved) assert.deepEqual(after.steps, steps);
      else assert.deepEqual(held(after), held(before));
    }),
  );
});

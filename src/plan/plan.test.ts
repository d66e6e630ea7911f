import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CAN, record, view } from '../../test/support/planning.ts';
import type { Desired, DesiredItem, ItemKey, LedgerRow, Observed } from '../model/accounts.ts';
import type { LifeCycle, Person } from '../model/person.ts';
import type { StepInput, StepResult, TakenAlias } from '../model/planning.ts';
import { makePlan, planStep } from './plan.ts';

const PROFILE = { login: 'ann@example.com', displayName: 'Ann' };
const person = (life: LifeCycle = 'active'): Person => ({
  id: 'p_ann',
  userName: 'ann',
  displayName: 'Ann',
  life,
  generation: 0,
  records: [record({ anchor: 'ann' })],
  groups: new Map(),
  attributes: {},
  covers: new Set(),
});
const account = (over: Partial<Observed> = {}): Observed => ({
  id: 'a-1',
  profile: PROFILE,
  active: true,
  roles: new Set(),
  aliases: new Set(),
  mark: 'p_ann',
  ...over,
});
const row = (item: ItemKey, over: Partial<LedgerRow> = {}): LedgerRow => ({
  target: 'pam',
  person: 'p_ann',
  item,
  created: true,
  confirmed: true,
  plan: 'old',
  causes: [{ rule: 'old' }],
  ...over,
});
const OWNED = row('account', { objectId: 'a-1' });
const wants = (items: Record<string, Partial<DesiredItem>>): Desired => ({
  person: 'p_ann',
  target: 'pam',
  profile: PROFILE,
  items: new Map(
    Object.entries({ account: {}, ...items }).map(([item, over]) => [
      item as ItemKey,
      { causes: [{ rule: 'r' }], ...over },
    ]),
  ),
});
const input = (over: Partial<StepInput> = {}): StepInput => ({
  person: person(),
  target: view(),
  undecided: new Set(),
  targetRead: true,
  ledger: [],
  roles: (role) => ({ id: `r-${role}` }),
  rivals: [],
  rulesRevision: 'rev',
  now: new Date('2030-01-01T00:00:00Z'),
  ...over,
});
const plan = (over: Partial<StepInput>): StepResult => planStep(input(over));
const changes = (over: Partial<StepInput>): unknown => plan(over).step?.changes.map((c) => `${c.op} ${c.item}`) ?? [];
const found = (over: Partial<StepInput>): unknown => plan(over).findings.map((f) => `${f.kind} ${f.object}`);

test('a change says what it does, why, until when and how much it can hurt', () => {
  const until = new Date('2030-06-01T00:00:00Z');
  const { step } = plan({ desired: wants({ 'role:db': { until, protected: true } }) });
  assert.deepEqual(step?.changes, [
    { op: 'create', item: 'account', after: PROFILE, causes: [{ rule: 'r' }], risk: 'low' },
    {
      op: 'grant',
      item: 'role:db',
      after: { role: 'db', roleId: 'r-db' },
      until: '2030-06-01T00:00:00.000Z',
      causes: [{ rule: 'r' }],
      risk: 'high',
    },
  ]);
});

test('what is taken names the evidence and the rules that gave it', () => {
  const { step } = plan({ observed: account(), ledger: [OWNED, row('role:db', { objectId: 'r-9' })] });
  assert.deepEqual(step?.changes, [
    {
      op: 'revoke',
      item: 'role:db',
      before: { role: 'db', roleId: 'r-9' },
      causes: [{ rule: 'old' }],
      evidence: 'removed',
      risk: 'medium',
    },
  ]);
});

test('a role that is ambiguous, managed by others, or gone is not given', () => {
  const base = { desired: wants({ 'role:db': {} }), observed: account(), ledger: [OWNED] };
  assert.deepEqual(found({ ...base, roles: () => 'ambiguous' }), ['role-ambiguous role:db']);
  assert.deepEqual(found({ ...base, roles: () => ({ id: 'r', managedBy: 'okta' }) }), ['read-only role:db']);
  assert.deepEqual(found({ ...base, target: view({ can: { ...CAN, roles: false } }) }), ['not-capable role:db']);
  const gone = {
    ...base,
    ledger: [OWNED, row('role:db')],
    roles: () => 'missing' as const,
    target: view({ createRoles: true }),
  };
  assert.deepEqual([changes(gone), found(gone)], [[], ['role-missing role:db']]);
});

test('the pinned id decides whether a role is attached', () => {
  const base = { desired: wants({ 'role:db': {} }), observed: account({ roles: new Set(['r-old']) }) };
  assert.deepEqual(found({ ...base, ledger: [OWNED, row('role:db', { objectId: 'r-old' })] }), []);
});

test('an alias of ours keeps its name, another’s in the same set is reported', () => {
  const base = {
    desired: wants({ 'alias:linux': { value: 'new' } }),
    observed: account({ aliases: new Set(['linux=old']) }),
  };
  const given = row('alias:linux', { objectId: 'old' });
  // A row from before user names were kept in the ledger stands for what the account shows.
  for (const ours of [given, row('alias:linux')]) {
    assert.deepEqual(changes({ ...base, ledger: [OWNED, ours] }), []);
    assert.deepEqual(found({ ...base, ledger: [OWNED, ours] }), []);
  }
  assert.deepEqual(found({ ...base, ledger: [OWNED] }), ['read-only alias:linux']);
  const none = { ...base, observed: account() };
  assert.deepEqual(changes({ ...none, ledger: [OWNED] }), ['alias alias:linux']);
  assert.deepEqual(found({ ...none, ledger: [OWNED, given] }), ['foreign-removal alias:linux']);
  const replaced = { ...base, observed: account({ aliases: new Set(['linux=other']) }) };
  assert.deepEqual(found({ ...replaced, ledger: [OWNED, given] }), ['foreign-removal alias:linux']);
});

const FOLLOWS = {
  desired: wants({ 'alias:linux': { value: 'new', follow: true } }),
  observed: account({ aliases: new Set(['linux=old']) }),
  ledger: [OWNED, row('alias:linux', { objectId: 'old' })],
};

test('with follow the old alias goes and the new one comes, each by its name', () => {
  assert.deepEqual(plan(FOLLOWS).step?.changes, [
    {
      op: 'unalias',
      item: 'alias:linux',
      before: { set: 'linux', username: 'old' },
      causes: [{ rule: 'old' }],
      evidence: 'removed',
      risk: 'medium',
    },
    {
      op: 'alias',
      item: 'alias:linux',
      after: { set: 'linux', username: 'new' },
      causes: [{ rule: 'r' }],
      risk: 'low',
    },
  ]);
  assert.deepEqual(changes({ ...FOLLOWS, target: view({ mode: 'add-only' }) }), [], 'add-only takes nothing');
});

test('a claim that was never heard of is settled, whatever became of it', () => {
  const unheard = [OWNED, row('alias:linux', { objectId: 'old', confirmed: false })];
  const stays = { ...FOLLOWS, desired: wants({ 'alias:linux': { value: 'new' } }), ledger: unheard };
  assert.deepEqual(changes(stays), ['claim alias:linux'], 'it is there: it stays');
  assert.deepEqual(changes({ ...stays, observed: account() }), ['unalias alias:linux', 'alias alias:linux']);
  assert.deepEqual(changes({ ...FOLLOWS, ledger: unheard }), ['unalias alias:linux', 'alias alias:linux']);
  const same = { ...stays, desired: wants({ 'alias:linux': { value: 'OLD' } }) };
  assert.deepEqual(changes({ ...same, observed: account() }), ['alias alias:linux'], 'given once more');
});

test('what stands in the way of an alias is told, and nothing changes', () => {
  const until = new Date('2030-02-01T00:00:00Z');
  const ways: Array<[TakenAlias, RegExp]> = [
    [{ rivals: [{ person: 'p_bob', owner: true }] }, /is p_bob's: both keep/],
    [{ rivals: [], account: { id: 'a-9', login: 'svc' } }, /on another account at the target, svc/],
    [{ rivals: [], kept: { person: 'p_cyd', until } }, /was p_cyd's and is kept from others until 2030-02-01/],
    [{ rivals: [{ person: 'p_bob', owner: false }] }, /also wanted by p_bob: nobody gets it/],
  ];
  for (const [taken, words] of ways) {
    const takenAliases = new Map([['alias:linux' as ItemKey, taken]]);
    for (const over of [FOLLOWS, { ...FOLLOWS, observed: account(), ledger: [OWNED] }]) {
      const { step, findings } = plan({ ...over, takenAliases });
      assert.equal(step, undefined);
      assert.deepEqual(
        findings.map((f) => `${f.kind} ${f.object}`),
        ['alias-collision alias:linux'],
      );
      assert.match(findings[0]?.message ?? '', words);
    }
    // Who has it and wants no other is not told of those who would like it.
    assert.deepEqual(found({ ...FOLLOWS, desired: wants({ 'alias:linux': { value: 'old' } }), takenAliases }), []);
  }
  const mine = new Map([
    ['alias:linux' as ItemKey, { rivals: [{ person: 'p_bob', owner: false }], kept: { person: 'p_ann', until } }],
  ]);
  assert.deepEqual(changes({ ...FOLLOWS, takenAliases: mine }), ['unalias alias:linux', 'alias alias:linux']);
});

test('a leaver whose target was never read is blocked by what the ledger knows', () => {
  const left = { person: person('left'), targetRead: false, ledger: [OWNED, row('role:db', { objectId: 'r-db' })] };
  assert.deepEqual(changes(left), ['block account', 'revoke role:db']);
  assert.deepEqual(changes({ ...left, targetRead: true }), []);
});

test('live sessions end with the block, where the target can; what it can not do is reported', () => {
  const left = { person: person('left'), observed: account(), ledger: [OWNED] };
  const sessions = view({ can: { ...CAN, endSessions: true } });
  assert.deepEqual(changes({ ...left, target: sessions }), ['block account', 'endSessions account']);
  const blunt = view({ can: { ...CAN, block: false } });
  const roles = { ...left, target: blunt, observed: account({ roles: new Set(['r-x']) }), roleName: () => 'x' };
  assert.deepEqual([changes(roles), found(roles)], [['revoke role:x'], ['not-capable account']]);
});

test('a display name that the target makes of first and last name is not compared', () => {
  const profile = { ...PROFILE, displayName: 'A. Lee', firstName: 'Ann', lastName: 'Lee' };
  const base = {
    desired: { ...wants({}), profile },
    observed: account({ profile: { ...profile, displayName: 'Ann Lee' } }),
    ledger: [OWNED],
  };
  assert.deepEqual(changes(base), ['update account']);
  assert.deepEqual(changes({ ...base, target: view({ can: { ...CAN, requires: ['firstName', 'lastName'] } }) }), []);
});

const takenBy = (of: Partial<TakenAlias>): Partial<StepInput> => ({
  takenAliases: new Map([['alias:linux', { rivals: [], ...of }]]),
});
const ALIAS_MOVES: ReadonlyArray<Partial<StepInput>> = [
  { desired: wants({ 'role:db': {}, 'alias:linux': { value: 'ann' } }) },
  { desired: wants({ 'role:db': {}, 'alias:linux': { value: 'ann', follow: true } }) },
  { ledger: [OWNED, row('alias:linux', { objectId: 'ann' })] },
  { ledger: [OWNED, row('alias:linux', { objectId: 'bob' })] },
  takenBy({ rivals: [{ person: 'p_bob', owner: false }] }),
  takenBy({ rivals: [{ person: 'p_bob', owner: true }] }),
  takenBy({ account: { id: 'a-9', login: 'svc' } }),
  takenBy({ kept: { person: 'p_cyd', until: new Date(9e12) } }),
];

test('the basis moves with what a step rests on, and not with the clock or the causes', () => {
  const base = input({ desired: wants({ 'role:db': {} }), observed: account(), ledger: [OWNED] });
  const { basis } = planStep(base);
  const of = (over: Partial<StepInput>): string => planStep({ ...base, ...over }).basis;
  assert.equal(of({ now: new Date(0) }), basis);
  assert.equal(of({ desired: wants({ 'role:db': { causes: [{ rule: 'other' }] } }) }), basis);
  assert.equal(of({ ledger: [{ ...OWNED, plan: 'other' }] }), basis);
  // A step approved while the target only observes holds when it begins to act by itself.
  assert.equal(of({ target: view({ mode: 'observe' }) }), basis);
  const moved: Array<Partial<StepInput>> = [
    { person: { ...person(), generation: 1 } },
    { person: person('suspended') },
    { person: { ...person(), records: [record({ anchor: 'ann', version: 2 })] } },
    { rulesRevision: 'other' },
    { desired: wants({}) },
    { desired: wants({ 'role:db': { until: new Date(9e12) } }) },
    { observed: account({ active: false }) },
    { observed: account({ roles: new Set(['r-x']) }) },
    { ledger: [OWNED, row('role:x')] },
    { ledger: [{ ...OWNED, confirmed: false }] },
    { ledger: [{ ...OWNED, blocked: true }] },
    { undecided: new Set(['role:x']) },
    { rivals: [{ person: 'p_bob', owner: false }] },
    { loginHolder: account({ id: 'a-2' }) },
    ...ALIAS_MOVES,
    { targetRead: false },
    { roles: () => 'missing' },
    { target: view({ mode: 'add-only' }) },
  ];
  for (const over of moved) assert.notEqual(of(over), basis, JSON.stringify(Object.keys(over)));
  assert.equal(new Set(moved.map(of)).size, moved.length);
});

test('the hash covers the steps, whatever their order, and not the findings', () => {
  const a = { target: 'pam', person: 'p_1', basis: 'x', changes: [] };
  const b = { target: 'pam', person: 'p_2', basis: 'x', changes: [] };
  const one = makePlan([a, b], [], []);
  const finding = { kind: 'role-missing', object: 'role:x', message: 'm' } as const;
  assert.equal(makePlan([b, a], [finding], []).hash, one.hash);
  assert.notEqual(makePlan([a, { ...b, basis: 'y' }], [], []).hash, one.hash);
  assert.deepEqual(makePlan([b, a], [], []).steps, [a, b]);
});

test('what goes because its time is over is expected, unless another cause of it goes too', () => {
  const ledger = [OWNED, row('role:db', { objectId: 'r-db', causes: [{ rule: 'a' }, { rule: 'b' }] })];
  const observed = account({ roles: new Set(['r-db']) });
  const expected = (...rules: string[]): unknown =>
    plan({ ledger, observed, ended: new Map([['role:db', new Set(rules)]]) }).step?.changes.map((c) => [
      c.op,
      c.expected ?? false,
    ]);
  assert.deepEqual(expected('a', 'b'), [['revoke', true]]);
  assert.deepEqual(expected('a'), [['revoke', false]]);
  assert.deepEqual(expected(), [['revoke', false]]);
});

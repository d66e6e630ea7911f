/**
 * What must hold whatever happens, in whatever order: people join, move, are disabled, vanish and come back, rules
 * change, administrators lend a hand at the target, operators approve and reject, time passes. Every plan is judged by
 * the guard and carried out on the model.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { type Memory, judged, NOTHING } from '../../test/support/guarded-world.ts';
import { applied, graphOf, planWorld, record, rulesOf, view, type World } from '../../test/support/planning.ts';
import { itemRole, type Observed } from '../model/accounts.ts';
import { GUARD_LIMITS } from '../model/guard.ts';
import type { LinkedRecord } from '../model/person.ts';
import type { Change, Hold, Step } from '../model/plan.ts';
import { isUntouchable } from '../model/untouchable.ts';
import { brokenChains } from './chain.ts';
import { allowed } from './guard.ts';

const PEOPLE = 12;
const GROUPS = ['g1', 'g2', 'g3'];
const ROLES = ['r1', 'r2', 'r3'];
const HOUR = 3_600_000;
/** What sources always deliver here. */
const NAMED = ['email', 'displayName'];

const RULES = [
  '  - { id: a, when: { group: { source: okta, id: g1 } }, grant: [ { target: pam, role: r1 } ], protected: true }\n',
  '  - { id: b, when: { group: { source: okta, id: g2 } }, grant: [ { target: pam, role: r2 } ] }\n',
  '  - { id: e, if: user.department != "", alias: [ { target: pam, set: linux, username: user.email.localPart() + user.department, follow: true } ] }\n',
  '  - { id: c, if: user.department == "SRE", grant: [ { target: pam, role: r3 } ] }\n',
  '  - { id: d, when: { group: { source: okta, id: g3 } }, deny: [ { target: pam, role: r3 } ] }\n',
];
const load = (parts: readonly string[]): World['rules'] => {
  const { rules, problems } = rulesOf(`rules:${parts.length === 0 ? ' []' : ''}\n${parts.join('')}`);
  return rules ?? assert.fail(problems.map((p) => p.message).join());
};

const UNTOUCHABLE = { ids: ['r-r3'], tags: ['break-glass'] };

type Event = (state: State) => State;
interface State {
  readonly world: World;
  readonly memory: Memory;
  readonly holds: readonly Hold[];
  /** Inferred removals that went through without anybody's word, with the time. */
  readonly taken: ReadonlyArray<{ readonly at: number; readonly change: Change; readonly guarded: boolean }>;
  /** The most that was owned of each item at any time of the run. */
  readonly most: ReadonlyMap<string, number>;
}

/** Changes the record of one person. */
const ofPerson =
  (i: number, change: (record: LinkedRecord) => Partial<LinkedRecord>, leaves = false): Event =>
  (state) => ({
    ...state,
    world: {
      ...state.world,
      people: state.world.people.map((person, n) => {
        const [first] = person.records;
        if (n !== i || first === undefined) return person;
        const next = { ...first, ...change(first), version: first.version + 1 };
        return { ...person, generation: person.generation + (leaves ? 1 : 0), records: [next] };
      }),
    },
  });

/** What an administrator does to one person's account at the target. */
const byHand =
  (i: number, change: (account: Observed) => Partial<Observed> | undefined): Event =>
  (state) => ({
    ...state,
    world: {
      ...state.world,
      accounts: state.world.accounts.flatMap((account) => {
        if (account.mark !== `p_${i}`) return [account];
        const over = change(account);
        return over === undefined ? [] : [{ ...account, ...over }];
      }),
    },
  });

const without = <K extends keyof LinkedRecord>(key: K) => ({ [key]: undefined }) as unknown as Partial<LinkedRecord>;

const who = fc.nat(PEOPLE - 1);
const group = fc.constantFrom(...GROUPS);
const role = fc.constantFrom(...ROLES);

const arbitraryEvent: fc.Arbitrary<Event> = fc.oneof(
  fc
    .tuple(who, group)
    .map(([i, g]) => ofPerson(i, ({ memberOf }) => ({ memberOf: [...new Set([...memberOf, `okta/${g}` as const])] }))),
  fc
    .tuple(who, group)
    .map(([i, g]) => ofPerson(i, ({ memberOf }) => ({ memberOf: memberOf.filter((id) => id !== `okta/${g}`) }))),
  // A whole group is emptied, or everybody put into it.
  fc.tuple(group, fc.boolean()).map(
    ([g, full]) =>
      (state: State) =>
        Array.from({ length: PEOPLE }, (_, i) => i).reduce(
          (s, i) =>
            ofPerson(i, ({ memberOf }) => ({
              memberOf: [...memberOf.filter((id) => id !== `okta/${g}`), ...(full ? [`okta/${g}` as const] : [])],
            }))(s),
          state,
        ),
  ),
  who.map((i) => ofPerson(i, () => ({ active: false }), true)),
  // The same in a burst, and a later word that passes.
  who.map((i) => ofPerson(i, () => ({ active: false, heldLeave: true }), true)),
  who.map((i) =>
    ofPerson(i, () => ({ gone: 'explicit' as const, active: false, memberOf: [], heldLeave: true }), true),
  ),
  who.map((i) => ofPerson(i, () => without('heldLeave'))),
  who.map((i) => ofPerson(i, () => ({ active: true, ...without('gone'), ...without('heldLeave') }))),
  who.map((i) => ofPerson(i, () => ({ gone: 'explicit' as const, active: false, memberOf: [] }), true)),
  who.map((i) => ofPerson(i, () => ({ missing: 'absent' as const }))),
  who.map((i) => ofPerson(i, () => without('missing'))),
  fc
    .tuple(who, fc.constantFrom('SRE', 'HR', ''))
    .map(([i, department]) => ofPerson(i, () => ({ attributes: { department }, covers: [...NAMED, 'department'] }))),
  // The source does not deliver the attribute any more.
  who.map((i) => ofPerson(i, () => ({ attributes: {}, covers: NAMED }))),
  fc.subarray(RULES).map((parts) => (state: State) => ({ ...state, world: { ...state.world, rules: load(parts) } })),
  fc.tuple(who, role).map(([i, r]) => byHand(i, ({ roles }) => ({ roles: new Set([...roles, `r-${r}`]) }))),
  fc
    .tuple(who, role)
    .map(([i, r]) => byHand(i, ({ roles }) => ({ roles: new Set([...roles].filter((id) => id !== `r-${r}`)) }))),
  // Given by hand first, and then wanted.
  who.map((i) => (state: State) => {
    const given = byHand(i, ({ roles }) => ({ roles: new Set([...roles, 'r-r1']) }))(state);
    return ofPerson(i, ({ memberOf }) => ({ memberOf: [...new Set([...memberOf, 'okta/g1' as const])] }))(given);
  }),
  fc
    .tuple(who, fc.constantFrom('SRE', 'HR', ''))
    .map(([i, department]) =>
      byHand(i, () => ({ aliases: new Set(department === '' ? [] : [`linux=u${i}${department}`]) })),
    ),
  who.map((i) => byHand(i, ({ active }) => ({ active: !active }))),
  who.map((i) => byHand(i, ({ privileged }) => ({ privileged: privileged !== true }))),
  who.map((i) => byHand(i, () => undefined)),
  who.map((i) => byHand(i, ({ tags }) => ({ tags: tags === undefined ? ['break-glass=yes', 'team=x'] : ['team=x'] }))),
  fc.boolean().map((on) => (state: State) => {
    const { roles: _, ...rest } = state.world.target;
    const target = on ? { ...rest, roles: { r2: { authoritative: true } } } : rest;
    return { ...state, world: { ...state.world, target } };
  }),
  fc.boolean().map((on) => (state: State) => {
    const { untouchable: _, ...rest } = state.world.target;
    return { ...state, world: { ...state.world, target: on ? { ...rest, untouchable: UNTOUCHABLE } : rest } };
  }),
  fc.integer({ min: 1, max: 30 }).map((hours) => (state: State) => ({
    ...state,
    world: { ...state.world, now: new Date(state.world.now.getTime() + hours * HOUR) },
  })),
  fc.tuple(fc.constantFrom('approved' as const, 'rejected' as const), fc.nat(5)).map(([word, n]) => (state: State) => {
    const chosen = state.holds.filter((_, i) => i % 6 === n);
    const decisions = new Map([...state.memory.decisions, ...chosen.map(({ id }) => [id, word] as const)]);
    return { ...state, memory: { ...state.memory, decisions } };
  }),
);

const BEGIN: State = {
  world: {
    people: Array.from({ length: PEOPLE }, (_, i) => ({
      id: `p_${i}`,
      generation: 0,
      records: [
        record({
          anchor: `u${i}`,
          attributes: { department: i % 2 === 0 ? 'SRE' : 'HR' },
          covers: [...NAMED, 'department'],
          memberOf: i < 4 ? ['okta/g1', 'okta/g2'] : ['okta/g2'],
        }),
      ],
    })),
    graph: graphOf({ g1: [], g2: [], g3: [] }),
    rules: load(RULES),
    target: view(),
    accounts: [],
    roles: new Map(ROLES.map((r) => [`r-${r}`, r])),
    ledger: [],
    now: new Date('2030-01-01T00:00:00Z'),
  },
  memory: NOTHING,
  holds: [],
  taken: [],
  most: new Map(),
};

const TAKES: ReadonlySet<Change['op']> = new Set(['revoke', 'unalias', 'block', 'destroy']);
const GIVES: ReadonlySet<Change['op']> = new Set(['create', 'grant', 'alias', 'enable', 'adopt']);
const isInferred = ({ op, evidence, expected }: Change): boolean =>
  TAKES.has(op) && evidence !== 'explicit' && expected !== true;

/** What occurred in any of the runs. */
const seen = new Set<string>();

const isGuarded = ({ rules }: World, { item }: Change): boolean =>
  rules.rules.some((rule) => rule.protected && rule.grant.some((grant) => `role:${grant.role}` === item));

/** Plans, has the guard judge it, checks all that must hold, and carries it out. */
function tick(state: State): State {
  const { world } = state;
  const { inputs, ...plan } = planWorld(world);
  const { plan: judgedPlan, memory } = judged(world, plan, state.memory, true);
  const changes = judgedPlan.steps.flatMap((step) => step.changes.map((change) => ({ step, change })));
  for (const { change } of changes) seen.add(`${change.op}${isInferred(change) ? ' by inference' : ''}`);
  for (const { op } of judgedPlan.holds) seen.add(`${op} held`);
  for (const { step, change } of changes) checkChange(world, inputs, step, change);
  checkOrder(world, plan.hash);
  checkBursts(world, plan.steps, judgedPlan.steps, memory);

  const after = applied(world, judgedPlan);
  const now = world.now.getTime();
  const approved = new Set(memory.passed.filter((p) => p.approved).map((p) => `${p.person} ${p.item} ${p.op}`));
  const fresh = changes.flatMap(({ step, change }) =>
    isInferred(change) && !approved.has(`${step.person} ${change.item} ${change.op}`)
      ? [{ at: now, change, guarded: isGuarded(world, change) }]
      : [],
  );
  const most = new Map(state.most);
  for (const item of new Set(world.ledger.map((row) => row.item))) {
    most.set(item, Math.max(most.get(item) ?? 0, world.ledger.filter((row) => row.item === item).length));
  }
  const taken = [...state.taken, ...fresh];
  checkBudgets(
    taken.filter(({ at }) => at > now - GUARD_LIMITS.windowMs),
    most,
  );

  // 3. Everything that is owned has a live cause, or waits to be taken.
  checkChains(after, judgedPlan.holds);
  // 4. Once carried out there is nothing more to do, and what is held stays so.
  const again = judged(after, planWorld(after), memory, true).plan;
  assert.deepEqual(again.steps, [], 'a second plan is empty');
  assert.deepEqual(
    again.holds.map((h) => h.id),
    judgedPlan.holds.map((h) => h.id),
    'what is held stays held',
  );
  return { world: after, memory, holds: judgedPlan.holds, taken, most };
}

function checkChange(world: World, inputs: ReturnType<typeof planWorld>['inputs'], step: Step, change: Change): void {
  const input = inputs.find((i) => i.person.id === step.person) ?? assert.fail('a step for nobody');
  const { person, observed, undecided } = input;
  const owned = world.ledger.some((row) => row.person === step.person && row.item === change.item);
  const what = `${change.op} ${change.item} of ${step.person} (${person.life})`;
  if (isInferred(change)) {
    // 1. Nothing is taken for want of knowledge.
    assert.equal(person.frozen, undefined, `${what}: their source is not sure of them`);
    assert.ok(!undecided.has(change.item), `${what}: it can't be decided`);
    // 2. Only what we gave is taken, but for authoritative roles; a leaver loses all.
    const role = itemRole(change.item) ?? '';
    assert.ok(owned || world.target.roles?.[role]?.authoritative === true, `${what}: it is not ours`);
  }
  // 2. Nothing is done with what is untouchable, whoever leaves.
  if (world.target.untouchable !== undefined) {
    assert.ok(observed?.tags?.includes('break-glass=yes') !== true, `${what}: the account is untouchable`);
    assert.notEqual(change.item, 'role:r3', `${what}: the role is untouchable`);
  }
  // 2. Nothing is done on the account of an administrator.
  if (observed?.privileged === true) assert.fail(`${what}: it is an administrator's account`);
  // 7. After a leave nothing is given.
  if (GIVES.has(change.op)) assert.equal(person.life, 'active', what);
  // What another hand took away is not given again.
  if (change.op === 'grant') assert.ok(!owned, `${what}: it was given and taken away by another`);
  // We lift only our own block.
  if (change.op === 'enable' && observed?.active === false) {
    const row = world.ledger.find((r) => r.person === step.person && r.item === 'account');
    assert.equal(row?.blocked, true, `${what}: the block is not ours`);
  }
}

/** 6. Of who left in a burst a protected role goes at once, and all else only with somebody's word. */
function checkBursts(world: World, planned: readonly Step[], judgedSteps: readonly Step[], memory: Memory): void {
  const goes = new Map(judgedSteps.map((step) => [step.person, step.changes]));
  for (const { person, changes } of planned) {
    for (const change of changes.filter(({ burst }) => burst !== undefined)) {
      const same = ({ item, op, approved }: Memory['passed'][number]): boolean =>
        approved && item === change.item && op === change.op;
      const may = memory.passed.some((p) => p.person === person && same(p));
      const did = goes.get(person)?.includes(change) === true;
      if (isGuarded(world, change)) assert.ok(did, 'a protected role goes at once');
      else assert.ok(!did || may, `${change.op} ${change.item} of ${person} came in a burst`);
    }
  }
}

/** 5. People, accounts and ledger in another order: the same plan. */
function checkOrder(world: World, hash: string): void {
  const turned: World = {
    ...world,
    people: world.people.toReversed(),
    accounts: world.accounts.toReversed(),
    ledger: world.ledger.toReversed(),
    rules: { ...world.rules, rules: world.rules.rules.toReversed() },
  };
  assert.equal(planWorld(turned).hash, hash);
}

/** 6. What was inferred within a day stays within the budgets. */
function checkBudgets(window: State['taken'], most: ReadonlyMap<string, number>): void {
  const all = [...most.values()].reduce((sum, n) => sum + n, 0);
  for (const [item, of] of Map.groupBy(window, ({ change }) => change.item)) {
    const owned = most.get(item) ?? 0;
    if (item === 'account') assert.ok(of.length <= allowed(GUARD_LIMITS.accounts, owned), `${of.length} accounts`);
    // Aliases count with all that is attached.
    else if (item.startsWith('role:'))
      assert.ok(of.length <= allowed(GUARD_LIMITS.role, owned), `${of.length} of ${owned} of ${item}`);
  }
  // A role is protected while a rule says so; where that rule goes, the budgets count.
  assert.ok(!window.some(({ guarded }) => guarded), 'a protected role goes only with somebody’s word');
  const attachments = window.filter(({ change }) => change.item !== 'account').length;
  assert.ok(attachments <= allowed(GUARD_LIMITS.attachments, all), `${attachments} attachments`);
}

function checkChains(world: World, holds: readonly Hold[]): void {
  const { inputs } = planWorld(world);
  const broken = inputs.flatMap(({ person, desired, undecided, observed }) =>
    brokenChains({
      person,
      target: 'pam',
      rows: world.ledger.filter(
        (row) => row.person === person.id && (world.target.untouchable === undefined || row.item !== 'role:r3'),
      ),
      wanted: desired?.items ?? new Map(),
      undecided,
      // Nothing can be taken from whom nobody is sure of, from an administrator, or where there is no account.
      kept:
        person.frozen !== undefined ||
        observed === undefined ||
        observed.privileged === true ||
        isUntouchable(world.target.untouchable, observed),
      open: holds.filter((hold) => hold.person === person.id),
      trace: () => ({ planned: true, answered: true }),
    }),
  );
  assert.deepEqual(broken, []);
}

test('whatever happens, what must hold holds', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(arbitraryEvent, fc.boolean()), { minLength: 5, maxLength: 40 }), (events) => {
      let state = tick(BEGIN);
      for (const [event, plans] of events) {
        state = event(state);
        if (plans) state = tick(state);
      }
      tick(state);
    }),
    { numRuns: 150, seed: Number(process.env['FUZZ_SEED'] ?? 1) },
  );
  // A run in which nothing happens shows nothing.
  const expected = [
    'create',
    'grant',
    'alias',
    'unalias',
    'claim',
    'enable',
    'block',
    'revoke',
    'revoke by inference',
    'revoke held',
  ];
  assert.deepEqual(
    expected.filter((what) => !seen.has(what)),
    [],
  );
});

/**
 * No two accounts of different people ever have one alias in a set, in whatever order people join, are renamed, leave and
 * return, other hands set and remove aliases, changes are made side by side, and processes die between any two acts.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { applyChange, graphOf, planWorld, record, rulesOf, view, type World } from '../../test/support/planning.ts';
import { aliasesOf, type ItemKey, itemSet, nameKey, type Observed } from '../model/accounts.ts';
import type { Change, Step } from '../model/plan.ts';
import { RECYCLE_MS } from './aliases.ts';

const PEOPLE = [0, 1, 2];
const NAMES = ['ann', 'Ann', 'bob'];
const DAY = 86_400_000;
const RULES = [false, true].map((follow) => {
  const username = `{ target: pam, set: linux, username: user.department, follow: ${follow} }`;
  const { rules, problems } = rulesOf(`rules:\n  - { id: names, if: has(user.department), alias: [ ${username} ] }\n`);
  return rules ?? assert.fail(problems.map((p) => p.message).join());
});

/** One lane under work: what has been done of a step, and how far its next change is. */
interface Attempt {
  readonly step: Step;
  readonly generation: number;
  readonly at: number;
  readonly phase: 'begin' | 'call' | 'confirm';
  /** Something newer is wanted: what was begun is finished, and nothing more is begun. */
  readonly over?: true;
}

interface State {
  /** What the store knows: its accounts are those last observed. */
  readonly world: World;
  /** What the target really has. */
  readonly real: readonly Observed[];
  readonly planned: ReadonlyMap<string, Step>;
  readonly attempts: ReadonlyMap<string, Attempt>;
}

type Event = (state: State) => State;

const id = (i: number): string => `p_${i}`;
const put = <K, V>(map: ReadonlyMap<K, V>, key: K, value: V | undefined): Map<K, V> => {
  const next = new Map(map);
  if (value === undefined) next.delete(key);
  else next.set(key, value);
  return next;
};

const ofPerson =
  (i: number, over: Parameters<typeof record>[0] | Record<string, unknown>, leaves = false): Event =>
  (state) => ({
    ...state,
    world: {
      ...state.world,
      people: state.world.people.map((person, n) => {
        const [first] = person.records;
        if (n !== i || first === undefined) return person;
        const { gone: _, ...rest } = first;
        const next = { ...rest, ...over, version: first.version + 1 };
        return { ...person, generation: person.generation + (leaves ? 1 : 0), records: [next] };
      }),
    },
  });

/** Everybody is planned. A step that stays the same goes on; another ends the attempt before its next change. */
const plan: Event = (state) => {
  const planned = new Map(planWorld(state.world).steps.map((step) => [step.person, step]));
  const attempts = new Map(
    [...state.attempts].map(([person, attempt]) => {
      const same = planned.get(person)?.basis === attempt.step.basis;
      return [person, same ? attempt : { ...attempt, over: true as const }];
    }),
  );
  return { ...state, planned, attempts };
};

const GIVES: ReadonlySet<Change['op']> = new Set(['create', 'claim', 'update', 'enable', 'alias']);

/** The next act of a lane: its basis is looked at, or a change entered, made, or heard of. */
const go =
  (i: number): Event =>
  (state) => {
    const person = id(i);
    const attempt = state.attempts.get(person);
    const { generation } = state.world.people[i] ?? assert.fail();
    const to = (next: Attempt | undefined, over: Partial<State> = {}): State => ({
      ...state,
      ...over,
      attempts: put(state.attempts, person, next),
    });
    if (attempt === undefined) {
      const step = state.planned.get(person);
      const now = planWorld(state.world).steps.find((s) => s.person === person);
      if (step === undefined || now?.basis !== step.basis) return state;
      return to({ step, generation, at: 0, phase: 'begin' });
    }
    const { step, at, phase, over } = attempt;
    const change = step.changes[at];
    if (change === undefined) return to(undefined, { planned: put(state.planned, person, undefined) });
    switch (phase) {
      case 'begin':
        if (over === true || (generation !== attempt.generation && GIVES.has(change.op))) return to(undefined);
        return to({ ...attempt, phase: 'call' }, { world: entered(state.world, person, change) });
      case 'call':
        return to({ ...attempt, phase: 'confirm' }, { real: called(state, step, change) });
      case 'confirm':
        return to({ ...attempt, at: at + 1, phase: 'begin' }, { world: heard(state, step, change) });
    }
  };

const isAlias = ({ item }: Change): boolean => itemSet(item) !== undefined;
const nameOf = (value: unknown): string => (value as { username?: string } | undefined)?.username ?? '';

function entered(world: World, person: string, change: Change): World {
  if (!isAlias(change)) return world;
  const { op, item, before, after } = change;
  const row = world.ledger.find((r) => r.person === person && r.item === item);
  const others = world.ledger.filter((r) => r !== row);
  const kept =
    nameOf(before) === ''
      ? {}
      : {
          kept: [
            ...(world.kept ?? []),
            { item, key: nameOf(before), person, until: new Date(world.now.getTime() + RECYCLE_MS) },
          ],
        };
  if (op === 'unalias') {
    return { ...world, ...kept, ledger: row === undefined ? others : [...others, { ...row, confirmed: false }] };
  }
  const base = { target: 'pam', person, item, created: op === 'alias', confirmed: false, plan: 'p', causes: [] };
  return { ...world, ...kept, ledger: [...others, { ...base, ...row, objectId: nameOf(after) }] };
}

function called({ world, real }: State, step: Step, change: Change): readonly Observed[] {
  return change.op === 'claim' ? real : applyChange({ ...world, accounts: real }, step, change).accounts;
}

/** The answer comes: what the account shows is seen, and the ledger confirmed or let go of. */
function heard(state: State, step: Step, change: Change): World {
  const { world, real } = state;
  const { person } = step;
  const seen = real.filter((a) => a.mark === person);
  const accounts = [...world.accounts.filter((a) => a.mark !== person), ...seen];
  // A model of an account is made twice as well as once.
  const { ledger } = isAlias(change)
    ? { ledger: world.ledger }
    : applyChange({ ...world, accounts: real }, step, change);
  const settled = ledger.flatMap((row) => {
    if (row.person !== person || row.item !== change.item) return [row];
    return change.op === 'unalias' ? [] : [{ ...row, confirmed: true }];
  });
  return { ...world, accounts, ledger: settled };
}

const kill =
  (i: number): Event =>
  (state) => ({ ...state, attempts: put(state.attempts, id(i), undefined) });

/** Another hand sets an alias that nobody has there, or removes one. It is seen at once. */
const byHand =
  (account: string, username: string, sets: boolean): Event =>
  (state) => {
    const free = state.real.every((a) => !aliasesOf(a).some((alias) => nameKey(alias.username) === nameKey(username)));
    // What is on its way there would be set twice at the same moment: nobody could tell.
    const claimed = state.world.ledger.some((r) => nameKey(r.objectId ?? '') === nameKey(username));
    const about = [...state.attempts.values()].some(({ step }) =>
      step.changes.some((c) => isAlias(c) && nameKey(nameOf(c.after)) === nameKey(username)),
    );
    if (sets && (!free || claimed || about)) return state;
    const change = (of: readonly Observed[]): Observed[] =>
      of.map((a) => {
        if (a.id !== account) return a;
        const aliases = new Set(a.aliases);
        if (sets) aliases.add(`linux=${username}`);
        else aliases.delete(`linux=${username}`);
        return { ...a, aliases };
      });
    return { ...state, real: change(state.real), world: { ...state.world, accounts: change(state.world.accounts) } };
  };

const observe: Event = (state) => ({ ...state, world: { ...state.world, accounts: state.real } });

const who = fc.constantFrom(...PEOPLE);
const name = fc.constantFrom(...NAMES);
/** An event with the words in which a failure tells of it. */
const said = (words: string, event: Event): Event =>
  Object.assign((s: State) => event(s), { [fc.toStringMethod]: () => words });
const turn =
  (change: (world: World) => Partial<World>): Event =>
  (state) => ({
    ...state,
    world: { ...state.world, ...change(state.world) },
  });

const arbitraryEvent: fc.Arbitrary<Event> = fc.oneof(
  { weight: 3, arbitrary: fc.constant(said('plan', plan)) },
  {
    weight: 12,
    // Lanes side by side, one act at a time.
    arbitrary: fc.tuple(fc.boolean(), fc.array(who, { minLength: 1, maxLength: 16 })).map(([first, turns]) => {
      const goes = (state: State): State => turns.reduce((s, i) => checked(go(i)(s)), state);
      return said(`${first ? 'plan, ' : ''}go ${turns.join('')}`, (state) => goes(first ? plan(state) : state));
    }),
  },
  { weight: 2, arbitrary: who.map((i) => said(`kill ${i}`, kill(i))) },
  { weight: 1, arbitrary: fc.constant(said('observe', observe)) },
  {
    weight: 3,
    arbitrary: fc
      .tuple(who, name)
      .map(([i, n]) => said(`${i} becomes ${n}`, ofPerson(i, { attributes: { department: n } }))),
  },
  { weight: 1, arbitrary: who.map((i) => said(`${i} has no name`, ofPerson(i, { attributes: {} }))) },
  { weight: 2, arbitrary: who.map((i) => said(`${i} leaves`, ofPerson(i, { gone: 'explicit' }, true))) },
  {
    weight: 2,
    arbitrary: fc
      .tuple(fc.constantFrom('svc', ...PEOPLE.map((i) => `a-${id(i)}`)), name, fc.boolean())
      .map(([account, n, sets]) => said(`${sets ? 'set' : 'remove'} ${n} on ${account}`, byHand(account, n, sets))),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom(1, 40, 91).map((days) =>
      said(
        `${days} d`,
        turn(({ now }) => ({ now: new Date(now.getTime() + days * DAY) })),
      ),
    ),
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom(...RULES).map((rules) =>
      said(
        'rules',
        turn(() => ({ rules })),
      ),
    ),
  },
);

const account = (name: string, over: Partial<Observed>): Observed => ({
  id: name,
  profile: { login: `${name}@example.com`, displayName: name },
  active: true,
  roles: new Set(),
  aliases: new Set(),
  ...over,
});
const ACCOUNTS: readonly Observed[] = [
  account('svc', { aliases: new Set(['linux=bob']) }),
  ...PEOPLE.map((i) => account(`u${i}`, { id: `a-${id(i)}`, mark: id(i) })),
];

const BEGIN: State = {
  world: {
    people: PEOPLE.map((i) => ({
      id: id(i),
      generation: 0,
      records: [record({ anchor: `u${i}`, attributes: { department: NAMES[i] ?? '' } })],
    })),
    graph: graphOf({}),
    rules: RULES[0] ?? assert.fail(),
    target: view(),
    accounts: ACCOUNTS,
    roles: new Map(),
    ledger: PEOPLE.map((i) => ({
      target: 'pam',
      person: id(i),
      item: 'account',
      created: true,
      confirmed: true,
      objectId: `a-${id(i)}`,
      plan: 'p',
      causes: [],
    })),
    now: new Date('2030-01-01T00:00:00Z'),
  },
  real: ACCOUNTS,
  planned: new Map(),
  attempts: new Map(),
};

function checked(state: State): State {
  const { real, world } = state;
  const shown = real.flatMap((a) => [...new Set(aliasesOf(a).map((alias) => nameKey(alias.username)))]);
  assert.deepEqual(shown, [...new Set(shown)], 'two accounts have one alias');
  const owned = world.ledger.flatMap(({ item, objectId }) =>
    itemSet(item) === undefined || objectId === undefined ? [] : [nameKey(objectId)],
  );
  assert.deepEqual(owned, [...new Set(owned)], 'the ledger has one alias for two');
  return state;
}

/** All that is left is done, and then nothing more is to do. */
function settle(state: State): void {
  let end = observe(state);
  for (let round = 0; round < 6; round++) {
    end = plan(end);
    if (end.planned.size === 0 && end.attempts.size === 0) break;
    for (const i of PEOPLE) {
      for (let act = 0; act < 40; act++) end = checked(go(i)(end));
    }
  }
  const last = planWorld(end.world);
  assert.deepEqual(last.steps, [], 'it comes to an end');
  const item: ItemKey = 'alias:linux';
  for (const { person, desired, observed } of last.inputs) {
    const wanted = desired?.items.get(item)?.value;
    if (wanted === undefined) continue;
    const has = aliasesOf(observed).length > 0;
    const told = last.findings.some((f) => f.person === person.id);
    assert.ok(has || told, `${person.id} has no alias, and nobody is told why`);
  }
}

test('no two accounts of different people ever have one alias in a set', () => {
  let [given, kept] = [0, 0];
  fc.assert(
    fc.property(fc.array(arbitraryEvent, { minLength: 30, maxLength: 80 }), (events) => {
      let state = BEGIN;
      for (const event of events) {
        state = checked(event(state));
      }
      given += state.world.ledger.filter((row) => itemSet(row.item) !== undefined).length;
      kept += state.world.kept?.length ?? 0;
      settle(state);
    }),
    { numRuns: 80, seed: Number(process.env['FUZZ_SEED'] ?? 1) },
  );
  assert.ok(given > 20 && kept > 20, `${given} given, ${kept} kept: these runs show nothing`);
});

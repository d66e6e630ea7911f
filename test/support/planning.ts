/** A small world to plan in: rules, records, and a model of a target that changes are applied to. No clock, no store. */
import { createEngine } from '../../src/mapping/engine.ts';
import { desire } from '../../src/mapping/desire.ts';
import { protectedRoles } from '../../src/mapping/index-rules.ts';
import { loadRules } from '../../src/mapping/load.ts';
import { buildPerson } from '../../src/mapping/people.ts';
import { compileProfile } from '../../src/mapping/profile.ts';
import {
  aliasesOf,
  itemRole,
  type ItemKey,
  itemSet,
  type LedgerRow,
  nameKey,
  type Observed,
  type Profile,
} from '../../src/model/accounts.ts';
import type { AdoptionWord } from '../../src/model/adoption.ts';
import { type AttributeDeclaration, CORE_ATTRIBUTES } from '../../src/model/attributes.ts';
import type { GroupId, LinkedRecord } from '../../src/model/person.ts';
import type { Change, Finding, Mode, Plan, Step } from '../../src/model/plan.ts';
import type { GroupGraph, RoleLookup, StepInput, TakenAlias, TargetView, Wanted } from '../../src/model/planning.ts';
import type { Problem, ProfileTemplate, RuleSet } from '../../src/model/rules.ts';
import type { Capabilities } from '../../src/model/target.ts';
import { RECYCLE_MS, wantsName } from '../../src/plan/aliases.ts';
import { makePlan, planStep } from '../../src/plan/plan.ts';

export const ATTRIBUTES: readonly AttributeDeclaration[] = [
  ...CORE_ATTRIBUTES,
  { name: 'contractEnd', type: 'timestamp', about: 'end of the contract' },
];
export const ENGINE = createEngine(ATTRIBUTES);
export const CAN: Capabilities = {
  block: true,
  roles: true,
  createRoles: true,
  aliases: true,
  endSessions: false,
  mark: true,
  requires: [],
};

export function profileTemplate(templates: Readonly<Record<string, string>> = {}): ProfileTemplate {
  const { template, problems } = compileProfile({
    target: 'pam',
    templates: { login: 'user.email', displayName: 'user.displayName', ...templates },
    attributes: ATTRIBUTES,
    engine: ENGINE,
  });
  if (template === undefined) throw new Error(problems.map((p) => p.message).join('; '));
  return template;
}

export const view = (over: Partial<TargetView> = {}): TargetView => ({
  id: 'pam',
  mode: 'full',
  can: CAN,
  createRoles: false,
  profile: profileTemplate(),
  ...over,
});

export function rulesOf(yaml: string): { readonly rules?: RuleSet; readonly problems: readonly Problem[] } {
  return loadRules({
    files: [{ path: 'rules.yaml', text: yaml }],
    sources: ['okta'],
    targets: [{ id: 'pam', type: 'model' }],
    attributes: ATTRIBUTES,
  });
}

export const record = (over: Partial<LinkedRecord> & { readonly anchor: string }): LinkedRecord => ({
  source: 'okta',
  userName: over.anchor,
  displayName: over.anchor,
  emails: [`${over.anchor}@example.com`],
  active: true,
  attributes: {},
  memberOf: [],
  version: 1,
  ...over,
});

export function graphOf(groups: Readonly<Record<string, readonly string[]>>): GroupGraph {
  const id = (name: string): GroupId => `okta/${name}`;
  return {
    names: new Map(Object.keys(groups).map((name) => [id(name), name])),
    parents: new Map(Object.entries(groups).map(([name, parents]) => [id(name), parents.map(id)])),
  };
}

/** Persons and their records, and what a target and the ledger hold. Values; `applied` gives a new world. */
export interface World {
  readonly people: ReadonlyArray<{
    readonly id: string;
    readonly generation: number;
    readonly records: readonly LinkedRecord[];
  }>;
  readonly graph: GroupGraph;
  readonly rules: RuleSet;
  readonly target: TargetView;
  readonly accounts: readonly Observed[];
  /** Names by id; two ids with one name make it ambiguous. */
  readonly roles: ReadonlyMap<string, string>;
  readonly ledger: readonly LedgerRow[];
  readonly now: Date;
  readonly targetRead?: boolean;
  /** What an operator said of the account that stands in a person's way, by person. */
  readonly adoptions?: ReadonlyMap<string, AdoptionWord>;
  /** The store is in recovery. */
  readonly recovery?: boolean;
  /** User names that were taken from somebody and are kept for them. */
  readonly kept?: ReadonlyArray<{
    readonly item: ItemKey;
    readonly key: string;
    readonly person: string;
    readonly until: Date;
  }>;
}

const lookup =
  (roles: ReadonlyMap<string, string>): RoleLookup =>
  (role) => {
    const ids = [...roles].filter(([, name]) => name === role).map(([id]) => id);
    const [only] = ids;
    return only === undefined ? 'missing' : ids.length > 1 ? 'ambiguous' : { id: only };
  };

/** Plans everybody, as the planner does: with rivals over all persons. */
export function planWorld(world: World): Plan & { readonly inputs: readonly StepInput[] } {
  const { target, accounts, ledger } = world;
  const wanted = world.people.map((p) => {
    const person = buildPerson(p, world.graph, ATTRIBUTES);
    return { person, wanted: desire(person, world.rules, [target], world.now) };
  });
  const accountRows = new Map(ledger.flatMap((r) => (r.item === 'account' ? [[r.person, r] as const] : [])));
  const rows = Map.groupBy(ledger, (r) => r.person);
  const ids = new Map(accounts.map((a) => [a.id, a]));
  const marks = new Map(accounts.toReversed().map((a) => [a.mark, a]));
  const logins = Map.groupBy(accounts, (a) => a.profile.login.toLowerCase());
  const login = (of: (typeof wanted)[number]): string | undefined =>
    of.wanted.desired.get(target.id)?.profile.login.toLowerCase();
  const claimants = Map.groupBy(wanted, login);
  const inputs = wanted.map((of): StepInput => {
    const { person, wanted: w } = of;
    const desired = w.desired.get(target.id);
    const observed = ids.get(accountRows.get(person.id)?.objectId ?? '') ?? marks.get(person.id);
    const key = login(of);
    const holder = logins.get(key ?? '')?.find((a) => a.id !== observed?.id);
    const rivals = (key === undefined ? [] : (claimants.get(key) ?? []))
      .filter((other) => other !== of)
      .map((other) => ({ person: other.person.id, owner: accountRows.has(other.person.id) }));
    return {
      person,
      target,
      ...(desired !== undefined && { desired }),
      undecided:
        w.outside?.has(target.id) === true && person.life !== 'left'
          ? new Set((rows.get(person.id) ?? []).map((r) => r.item))
          : (w.undecided.get(target.id) ?? new Set()),
      ended: w.ended.get(target.id) ?? new Map(),
      ...(observed !== undefined && { observed }),
      ...(holder !== undefined && { loginHolder: holder, ...aboutHolder(world, person.id, holder) }),
      targetRead: world.targetRead ?? true,
      ledger: rows.get(person.id) ?? [],
      roles: lookup(world.roles),
      rivals,
      takenAliases: takenFrom(world, wanted, person.id, observed?.id),
      rulesRevision: world.rules.revision,
      ...(world.recovery === true && { recovery: true }),
      now: world.now,
      protectedRoles: protectedRoles(world.rules, target.id),
      roleName: (id) => world.roles.get(id),
    };
  });
  const results = inputs.map((input) => planStep(input));
  const findings: Finding[] = [...wanted.flatMap((w) => w.wanted.findings), ...results.flatMap((r) => r.findings)];
  const steps = results.flatMap((r): Step[] => (r.step === undefined ? [] : [r.step]));
  return { ...makePlan(steps, findings, []), inputs };
}

type WantedOf = ReadonlyArray<{ readonly person: { readonly id: string }; readonly wanted: Wanted }>;

/** What stands in the way of the aliases that a person is to have. */
function takenFrom(world: World, wanted: WantedOf, me: string, account: string | undefined) {
  const { accounts, ledger, target, now, kept = [] } = world;
  const taken = new Map<ItemKey, TakenAlias>();
  const mine = wanted.find((of) => of.person.id === me)?.wanted.desired.get(target.id);
  for (const [item, { value = '' }] of mine?.items ?? []) {
    const set = itemSet(item);
    if (set === undefined) continue;
    const is = (name: string | undefined): boolean => name !== undefined && nameKey(name) === nameKey(value);
    const rivals = wanted.flatMap(({ person: { id }, wanted: of }) => {
      if (id === me) return [];
      const row = ledger.find((r) => r.person === id && r.item === item);
      const theirs = of.desired.get(target.id)?.items.get(item);
      const owner = is(row?.objectId);
      const wants = theirs !== undefined && is(theirs.value) && wantsName(theirs, row);
      return owner || wants ? [{ person: id, owner }] : [];
    });
    const other = accounts
      .toSorted((a, b) => (a.id < b.id ? -1 : 1))
      .find((a) => a.id !== account && aliasesOf(a).some((alias) => alias.set === set && is(alias.username)));
    const hold = kept
      .filter((k) => k.item === item && is(k.key) && k.until > now)
      .toSorted(
        (a, b) =>
          Number(a.person === me) - Number(b.person === me) ||
          Number(b.until) - Number(a.until) ||
          (a.person < b.person ? -1 : 1),
      )[0];
    if (rivals.length === 0 && other === undefined && hold === undefined) continue;
    taken.set(item, {
      rivals,
      ...(other !== undefined && { account: { id: other.id, login: other.profile.login } }),
      ...(hold !== undefined && { kept: { person: hold.person, until: hold.until } }),
    });
  }
  return taken;
}

function aboutHolder({ ledger, adoptions }: World, person: string, { id }: Observed) {
  const owner = ledger.find((r) => r.item === 'account' && r.objectId === id)?.person;
  const word = adoptions?.get(person);
  return { ...(owner !== undefined && { holderOwner: owner }), ...(word !== undefined && { adoptionWord: word }) };
}

/** The world after the plan was carried out without a hitch. */
export function applied(world: World, plan: Plan): World {
  let state = world;
  for (const step of plan.steps) for (const change of step.changes) state = applyChange(state, step, change);
  return state;
}

/** The world after one change was made and heard of. */
export function applyChange(world: World, step: Pick<Step, 'person' | 'target'>, change: Change): World {
  const { person, target } = step;
  const row = world.ledger.find((r) => r.person === person && r.item === 'account');
  const account = world.accounts.find((a) => a.id === row?.objectId || a.mark === person);
  const put = (item: ItemKey, over: Partial<LedgerRow>): LedgerRow[] => {
    const before = world.ledger.find((r) => r.person === person && r.item === item);
    const next: LedgerRow = {
      target,
      person,
      item,
      created: false,
      plan: 'p',
      causes: change.causes,
      ...before,
      confirmed: true,
      ...over,
    };
    return [...world.ledger.filter((r) => r.person !== person || r.item !== item), next];
  };
  const drop = world.ledger.filter((r) => r.person !== person || r.item !== change.item);
  const see = (over: Partial<Observed>): Observed[] =>
    world.accounts.map((a) => (a.id === account?.id ? { ...a, ...over } : a));
  const after = (change.after ?? {}) as Record<string, string>;
  const before = (change.before ?? {}) as Record<string, string>;
  const role = itemRole(change.item);
  const letGo = (): NonNullable<World['kept']> => {
    const { kept = [] } = world;
    if (before['username'] === undefined) return kept;
    const until = new Date(world.now.getTime() + RECYCLE_MS);
    return [...kept, { item: change.item, key: before['username'], person, until }];
  };
  switch (change.op) {
    case 'create': {
      const made: Observed = {
        id: `a-${person}`,
        profile: change.after as Profile,
        active: true,
        roles: new Set(),
        aliases: new Set(),
        mark: person,
      };
      return {
        ...world,
        accounts: [...world.accounts, made],
        ledger: put('account', { created: true, objectId: made.id }),
      };
    }
    case 'adopt':
    case 'claim':
      if (change.op === 'claim' && change.item === 'account' && account === undefined) {
        // Never made: what was claimed with it is let go.
        return { ...world, ledger: world.ledger.filter((r) => r.person !== person || r.confirmed) };
      }
      return {
        ...world,
        ledger: put(change.item, {
          objectId: after['accountId'] ?? after['roleId'] ?? after['username'] ?? account?.id ?? '',
        }),
        kept: letGo(),
      };
    case 'update':
      return { ...world, accounts: see({ profile: change.after as Profile }) };
    case 'block':
      return { ...world, accounts: see({ active: false }), ledger: put('account', { blocked: true }) };
    case 'enable':
      return { ...world, accounts: see({ active: true }), ledger: put('account', { blocked: false }) };
    case 'grant': {
      const roleId = after['roleId'] ?? `r-${role}`;
      const roles = new Map(world.roles).set(roleId, role ?? '');
      const held = new Set(account?.roles).add(roleId);
      return {
        ...world,
        roles,
        accounts: see({ roles: held }),
        ledger: put(change.item, { created: true, objectId: roleId }),
      };
    }
    case 'revoke': {
      const held = new Set([...(account?.roles ?? [])].filter((id) => id !== before['roleId']));
      return { ...world, accounts: see({ roles: held }), ledger: drop };
    }
    case 'alias': {
      const aliases = new Set(account?.aliases).add(`${after['set']}=${after['username']}`);
      return {
        ...world,
        accounts: see({ aliases }),
        ledger: put(change.item, { created: true, objectId: after['username'] ?? '' }),
      };
    }
    case 'unalias': {
      const aliases = new Set(account?.aliases);
      aliases.delete(`${before['set']}=${before['username']}`);
      return { ...world, accounts: see({ aliases }), ledger: drop, kept: letGo() };
    }
    default:
      return world;
  }
}

export const inMode = (world: World, mode: Mode): World => ({ ...world, target: { ...world.target, mode } });

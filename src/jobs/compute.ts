import type { LedgerRow, Observed } from '../model/accounts.ts';
import type { Person } from '../model/person.ts';
import type { Finding } from '../model/plan.ts';
import type { StepResult, TargetView } from '../model/planning.ts';
import { planStep } from '../plan/plan.ts';
import type { Db } from '../store/db.ts';
import type { WantedLogin } from '../store/logins.ts';
import type { StoreParts } from '../store/parts.ts';
import { type Ground, type WantedPerson, laneOf, readWanted, sieve } from './ground.ts';
import { type RivalsOf, readRivals } from './rivals.ts';
import { readRoleNames, readRoles } from './role-lookup.ts';
import { nextFree, readTakenAliases, wantedAliases } from './taken-aliases.ts';

/** One person at one target: the step, and what it was made of. */
export interface PlannedLane {
  readonly target: TargetView;
  readonly result: StepResult;
  readonly observed?: Observed;
  readonly ledger: readonly LedgerRow[];
  /** The login that is wanted there. */
  readonly login?: string;
}

export interface PlannedPerson {
  readonly person: Person;
  readonly lanes: readonly PlannedLane[];
  /** Logins and aliases. */
  readonly logins: readonly WantedLogin[];
  readonly findings: readonly Finding[];
  /** When a time bound of theirs passes next. */
  readonly next?: Date;
}

export interface Computed {
  readonly people: readonly PlannedPerson[];
  /** About persons that could not be planned and keep what they have. */
  readonly broken: readonly Finding[];
}

/**
 * Plans these persons on what `db` shows; writes nothing. It is one code path for the planner, for a full plan, and
 * for the check of a step's basis before it is carried out. `rivalsOf` says who wants a login or alias; without it that is read
 * from the store, but for these persons themselves, of whom what they want now counts. `as stored`: for them too, so
 * that each is planned as if alone.
 */
export async function computePersons(
  store: StoreParts,
  db: Db,
  ground: Ground,
  ids: readonly string[],
  rivalsOf?: RivalsOf | 'as stored',
): Promise<Computed> {
  const { people, broken } = await readWanted(store, db, ground, ids);
  const inputs = await readInputs(store, db, ground, people, ids, rivalsOf);
  const planned = sieve(
    people.map((p) => ({ id: p.person.id, ...p })),
    ({ person, wanted, logins }): PlannedPerson => {
      const lanes = ground.targets.map((target) => planLane(ground, target, { person, wanted, logins }, inputs));
      const taken = lanes.flatMap(({ target }) => [
        ...(inputs.takenAliases.get(laneOf({ target: target.id, person: person.id }))?.values() ?? []),
      ]);
      const next = first(first(wanted.next, nextFree(taken, person.id)), idleUntil(ground, person.id, lanes, inputs));
      return {
        person,
        lanes,
        logins: [...logins, ...(inputs.aliases.get(person.id) ?? [])],
        findings: [...wanted.findings, ...lanes.flatMap((lane) => lane.result.findings)],
        ...(next !== undefined && { next }),
      };
    },
  );
  return { people: planned.people, broken: [...broken, ...planned.broken] };
}

const idleSince = (inputs: Inputs, target: string, person: string): Date | undefined =>
  inputs.idle.get(laneOf({ target, person }));

/** When the first of the person's idle accounts has been so for too long; undefined where none waits for that. */
function idleUntil(ground: Ground, person: string, lanes: readonly PlannedLane[], inputs: Inputs): Date | undefined {
  const ends = lanes.flatMap(({ target, result }) => {
    if (result.idle === undefined || target.idleAfter === undefined) return [];
    const since = result.idle === 'anew' ? undefined : idleSince(inputs, target.id, person);
    const end = (since ?? ground.now).getTime() + target.idleAfter;
    return end > ground.now.getTime() ? [end] : [];
  });
  return ends.length === 0 ? undefined : new Date(Math.min(...ends));
}

const first = (a: Date | undefined, b: Date | undefined): Date | undefined =>
  a === undefined || (b !== undefined && b.getTime() < a.getTime()) ? b : a;

type Inputs = Awaited<ReturnType<typeof readInputs>>;

/** What the store has about these persons, by lane, in as many statements however many they are. */
async function readInputs(
  store: StoreParts,
  db: Db,
  ground: Ground,
  people: readonly WantedPerson[],
  ids: readonly string[],
  rivalsOf: RivalsOf | 'as stored' | undefined,
) {
  const ledger = Map.groupBy(await store.ledger.ledgerOf(db, ids), laneOf);
  const idle = new Map((await store.idle.idleOf(db, ids)).map((of) => [laneOf(of), of.since]));
  const asked = { persons: people.map((p) => p.person.id), rivalsOf };
  const logins = people.flatMap((p) => p.logins);
  const rivals = await readRivals(store, db, { ...asked, wanted: logins }, ledger);
  const seen = await store.observations.accountsOf(db, ids);
  const accounts = new Map(seen.map((of) => [laneOf(of), of.account]));
  const named = await store.observations.accountsNamed(db, logins);
  const names = people.map((p) => wantedAliases(ground.targets, p, ledger));
  const aliases = names.flatMap((of) => of.wanted);
  const takenAliases = await readTakenAliases(
    store,
    db,
    { ...asked, wanted: aliases },
    names.flatMap((of) => of.open),
    { now: ground.now, accountOf: (lane) => accounts.get(lane)?.id },
  );
  // Mostly nobody's account stands in anybody's way.
  const words = named.length === 0 ? [] : await store.adoptions.adoptionWords(db, ids);
  const holders = Map.groupBy(named, ({ target, key }) => laneOf({ target, person: key }));
  const roles = await readRoles(store, db, people, ledger, ground.targets);
  return {
    ledger,
    idle,
    rivals,
    aliases: Map.groupBy(aliases, (alias) => alias.person),
    takenAliases,
    accounts,
    holders,
    words,
    roles,
    roleNames: await readRoleNames(store, db, people, seen),
  };
}

function planLane(ground: Ground, target: TargetView, of: WantedPerson, inputs: Inputs): PlannedLane {
  const { person, wanted, logins } = of;
  const lane = laneOf({ target: target.id, person: person.id });
  const observed = inputs.accounts.get(lane);
  const ledger = inputs.ledger.get(lane) ?? [];
  const desired = wanted.desired.get(target.id);
  const login = logins.find((l) => l.target === target.id)?.key ?? '';
  const holder = inputs.holders
    .get(laneOf({ target: target.id, person: login }))
    ?.find((h) => h.account.id !== observed?.id);
  const adoptionWord = inputs.words.find(
    (w) => w.person === person.id && w.target === target.id && w.accountId === holder?.account.id,
  )?.word;
  const since = idleSince(inputs, target.id, person.id);
  const idleTooLong =
    since !== undefined && target.idleAfter !== undefined && since.getTime() + target.idleAfter <= ground.now.getTime();
  const result = planStep({
    person,
    target,
    ...(idleTooLong ? { idleTooLong: true } : {}),
    ...(desired === undefined ? {} : { desired }),
    undecided: undecidedAt(ground, of, target.id, ledger),
    ended: wanted.ended.get(target.id) ?? new Map(),
    ...(observed === undefined ? {} : { observed }),
    ...(holder === undefined ? {} : { loginHolder: holder.account }),
    ...(holder?.owner == null ? {} : { holderOwner: holder.owner }),
    ...(adoptionWord === undefined ? {} : { adoptionWord }),
    targetRead: ground.states.get(target.id)?.observedAt != null,
    ledger,
    roles: inputs.roles(target.id),
    rivals: inputs.rivals.get(lane) ?? [],
    takenAliases: inputs.takenAliases.get(lane) ?? new Map(),
    rulesRevision: ground.views.rules.revision,
    ...(ground.views.recovery === undefined ? {} : { recovery: true }),
    ...(ground.views.withheld === true || wanted.outside?.has(target.id) === true ? { withheld: true } : {}),
    now: ground.now,
    protectedRoles: ground.guarded(target.id),
    roleName: inputs.roleNames(target.id),
  });
  return {
    target,
    result,
    ledger,
    ...(observed === undefined ? {} : { observed }),
    ...(desired === undefined ? {} : { login: desired.profile.login }),
  };
}

/**
 * While rules are withheld, and outside of the target's scope, nothing that an account has can be decided; who left loses
 * all of it nevertheless.
 */
function undecidedAt(ground: Ground, of: WantedPerson, target: string, ledger: readonly LedgerRow[]) {
  const { person, wanted } = of;
  const nothing = ground.views.withheld === true || wanted.outside?.has(target) === true;
  if (nothing && person.life !== 'left') return new Set(ledger.map((row) => row.item));
  return wanted.undecided.get(target) ?? new Set<LedgerRow['item']>();
}

import { buildPerson } from '../mapping/people.ts';
import { desire } from '../mapping/desire.ts';
import type { LedgerRow, Observed } from '../model/accounts.ts';
import type { Person } from '../model/person.ts';
import type { Finding } from '../model/plan.ts';
import type { StepResult, TargetView, Wanted } from '../model/planning.ts';
import { planStep } from '../plan/plan.ts';
import type { Db } from '../store/db.ts';
import type { WantedLogin } from '../store/logins.ts';
import type { StoreParts } from '../store/parts.ts';
import type { TargetState } from '../store/target-state.ts';
import type { PlanDeps, Views } from './deps.ts';
import { type Rivals, type RivalsOf, readRivals } from './rivals.ts';
import { readRoles } from './role-lookup.ts';

/** One person at one target: the step, and what it was made of. */
export interface PlannedLane {
  readonly target: TargetView;
  readonly result: StepResult;
  readonly observed?: Observed;
  readonly ledger: readonly LedgerRow[];
}

export interface PlannedPerson {
  readonly person: Person;
  readonly lanes: readonly PlannedLane[];
  readonly logins: readonly WantedLogin[];
  readonly findings: readonly Finding[];
}

/** What holds for all persons of one plan. */
export interface Ground {
  readonly views: Views;
  /** With the mode that holds now. */
  readonly targets: readonly TargetView[];
  readonly states: ReadonlyMap<string, TargetState>;
  readonly now: Date;
}

/** Reads what a plan stands on. A target that waits for its baseline only observes. */
export async function readGround(deps: PlanDeps, db: Db, only?: readonly string[]): Promise<Ground> {
  const views = deps.views();
  const states = await deps.store.targets.targetStates(db);
  const waits = (id: string) => views.needBaseline?.has(id) === true && states.get(id)?.baselineAt == null;
  const targets = views.targets
    .filter((view) => only === undefined || only.includes(view.id))
    .map((view) => (waits(view.id) ? { ...view, mode: 'observe' as const } : view));
  return { views, targets, states, now: deps.now() };
}

/** The persons with what the rules want for them. */
export async function readWanted(
  store: StoreParts,
  db: Db,
  ground: Ground,
  ids: readonly string[],
): Promise<WantedPerson[]> {
  const stored = await store.people.loadPeople(db, ids);
  const graph = await store.groups.groupsAbove(db, ids);
  return stored.map((row) => {
    const person = buildPerson(row, graph);
    const wanted = desire(person, ground.views.rules, ground.targets, ground.now);
    const logins = [...wanted.desired.values()].map((desired) => ({
      target: desired.target,
      person: person.id,
      key: store.logins.loginKey(desired.profile.login),
    }));
    return { person, wanted, logins };
  });
}

export interface WantedPerson {
  readonly person: Person;
  readonly wanted: Wanted;
  readonly logins: readonly WantedLogin[];
}

/**
 * Plans these persons on what `db` shows; writes nothing. It is one code path for the planner, for a full plan, and
 * for the check of a step's basis before it is carried out. `rivalsOf` says who else wants a login; without it that
 * is read from the store.
 */
export async function computePersons(
  store: StoreParts,
  db: Db,
  ground: Ground,
  ids: readonly string[],
  rivalsOf?: RivalsOf,
): Promise<PlannedPerson[]> {
  const people = await readWanted(store, db, ground, ids);
  const ledger = Map.groupBy(await store.ledger.ledgerOf(db, ids), laneOf);
  const rivals = await readRivals(store, db, people, ledger, rivalsOf);
  const accounts = new Map((await store.observations.accountsOf(db, ids)).map((seen) => [laneOf(seen), seen.account]));
  const holders = Map.groupBy(
    await store.observations.accountsNamed(
      db,
      people.flatMap((p) => p.logins),
    ),
    (seen) => laneOf({ target: seen.target, person: seen.key }),
  );
  const roles = await readRoles(store, db, people, ledger);
  return people.map(({ person, wanted, logins }) => {
    const lanes = ground.targets.map((target): PlannedLane => {
      const lane = laneOf({ target: target.id, person: person.id });
      const observed = accounts.get(lane);
      const desired = wanted.desired.get(target.id);
      const login = logins.find((l) => l.target === target.id)?.key;
      const holder =
        login === undefined
          ? undefined
          : holders.get(laneOf({ target: target.id, person: login }))?.find((h) => h.account.id !== observed?.id);
      const result = planStep({
        person,
        target,
        ...(desired === undefined ? {} : { desired }),
        undecided: wanted.undecided.get(target.id) ?? new Set(),
        ...(observed === undefined ? {} : { observed }),
        ...(holder === undefined ? {} : { loginHolder: holder.account }),
        targetRead: ground.states.get(target.id)?.observedAt != null,
        ledger: ledger.get(lane) ?? [],
        roles: roles(target.id),
        rivals: rivalsAt(rivals, target.id, person.id),
        rulesRevision: ground.views.rules.revision,
        now: ground.now,
      });
      return { target, result, ...(observed === undefined ? {} : { observed }), ledger: ledger.get(lane) ?? [] };
    });
    const findings = [...wanted.findings, ...lanes.flatMap((lane) => lane.result.findings)];
    return { person, lanes, logins, findings };
  });
}

const rivalsAt = (rivals: Rivals, target: string, person: string) => rivals.get(laneOf({ target, person })) ?? [];

/** One key for a pair; a target id holds no line break. */
export const laneOf = (lane: { readonly target: string; readonly person: string }): string =>
  `${lane.target}\n${lane.person}`;

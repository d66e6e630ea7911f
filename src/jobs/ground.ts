import { buildPerson } from '../mapping/people.ts';
import type { SourceStanding } from '../mapping/standing.ts';
import { desire } from '../mapping/desire.ts';
import { protectedRoles } from '../mapping/index-rules.ts';
import { nameKey } from '../model/accounts.ts';
import type { Person } from '../model/person.ts';
import type { Finding } from '../model/plan.ts';
import type { TargetView, Wanted } from '../model/planning.ts';
import type { RuleSet } from '../model/rules.ts';
import type { Db } from '../store/db.ts';
import type { WantedLogin } from '../store/logins.ts';
import type { StoreParts } from '../store/parts.ts';
import type { SourceState } from '../store/source-state.ts';
import type { TargetState } from '../store/target-state.ts';
import type { PlanDeps, Views } from './deps.ts';

/** What holds for all persons of one plan. */
export interface Ground {
  readonly views: Views;
  /** With the mode that holds now. */
  readonly targets: readonly TargetView[];
  readonly states: ReadonlyMap<string, TargetState>;
  /** Sources that are frozen, or succeeded by another. */
  readonly sources: ReadonlyMap<string, SourceStanding>;
  /** Roles that some protected rule gives at a target. */
  readonly guarded: (target: string) => ReadonlySet<string>;
  readonly now: Date;
}

/** Which roles a set of rules protects does not change: looked up for each lane, it is worked out once. */
const GUARDED = new WeakMap<RuleSet, Map<string, ReadonlySet<string>>>();

function guardedBy(rules: RuleSet): Ground['guarded'] {
  const known = GUARDED.get(rules) ?? new Map<string, ReadonlySet<string>>();
  GUARDED.set(rules, known);
  return (target) => {
    const roles = known.get(target) ?? protectedRoles(rules, target);
    known.set(target, roles);
    return roles;
  };
}

/** Reads what a plan stands on. A target that waits for its baseline only observes. */
export async function readGround(deps: PlanDeps, db: Db, only?: readonly string[]): Promise<Ground> {
  const views = deps.views();
  const states = await deps.store.targets.targetStates(db);
  const waits = (id: string) => views.needBaseline?.has(id) === true && states.get(id)?.baselineAt == null;
  const targets = views.targets
    .filter((view) => only === undefined || only.includes(view.id))
    .map((view) => (waits(view.id) ? { ...view, mode: 'observe' as const } : view));
  const sources = standingOfSources(await deps.store.sources.sourceStates(db));
  return { views, targets, states, sources, guarded: guardedBy(views.rules), now: deps.now() };
}

/** What a person's records are worth, as far as it depends on their sources. */
export const standingOfSources = (states: ReadonlyMap<string, SourceState>): Map<string, SourceStanding> =>
  new Map(
    [...states].map(([id, { frozenBecause, paused, succeededBy }]) => {
      const frozen = frozenBecause ?? (paused === null ? null : 'paused');
      return [id, { ...(frozen !== null && { frozen }), ...(succeededBy !== null && { succeededBy }) }];
    }),
  );

export interface WantedPerson {
  readonly person: Person;
  readonly wanted: Wanted;
  readonly logins: readonly WantedLogin[];
}

/**
 * The persons with what the rules want for them. One over whom the rules stumble must not stop the others: it is told
 * in `broken`.
 */
export async function readWanted(
  store: StoreParts,
  db: Db,
  ground: Ground,
  ids: readonly string[],
): Promise<{ readonly people: WantedPerson[]; readonly broken: Finding[] }> {
  const stored = await store.people.loadPeople(db, ids);
  const graph = await store.groups.groupsAbove(db, ids);
  // A person all of whose records were unlinked is nobody to plan for.
  return sieve(
    stored.filter((row) => row.records.length > 0),
    (row) => {
      const person = buildPerson(row, graph, ground.views.attributes, ground.sources);
      const wanted = desire(person, ground.views.rules, ground.targets, ground.now);
      const logins = [...wanted.desired.values()].map((desired) => ({
        target: desired.target,
        person: person.id,
        item: 'account' as const,
        key: nameKey(desired.profile.login),
      }));
      return { person, wanted, logins };
    },
  );
}

/** Maps each of `rows`; where that throws, a finding about the person says so. */
export function sieve<T extends { readonly id: string }, R>(
  rows: readonly T[],
  map: (row: T) => R,
): { readonly people: R[]; readonly broken: Finding[] } {
  const people: R[] = [];
  const broken: Finding[] = [];
  for (const row of rows) {
    try {
      people.push(map(row));
    } catch (error) {
      broken.push({
        kind: 'indeterminate',
        person: row.id,
        object: 'plan',
        message: `this person could not be planned: ${error instanceof Error ? error.message : String(error)}`,
        remedy: 'This is a fault of the program: report it. What the person has stays as it is meanwhile.',
      });
    }
  }
  return { people, broken };
}

/** One key for a pair; a target id holds no line break. */
export const laneOf = (lane: { readonly target: string; readonly person: string }): string =>
  `${lane.target}\n${lane.person}`;

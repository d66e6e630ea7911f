import { isDeepStrictEqual } from 'node:util';
import type { Person } from '../model/person.ts';
import type { Change, Plan, Step } from '../model/plan.ts';
import type { RuleSet } from '../model/rules.ts';
import { makePlan } from '../plan/plan.ts';
import type { Db } from '../store/db.ts';
import type { NewStep, StoredStep } from '../store/plans.ts';
import { type PlannedPerson, computePersons } from './compute.ts';
import type { PlanDeps } from './deps.ts';
import { laneOf, readGround } from './ground.ts';
import { judge } from './judge.ts';
import { isRestOf } from './rebase.ts';

/** Priority of work for somebody who left or is suspended, above everything else. */
export const URGENT = 100;

export interface Planned {
  readonly persons: number;
  /** Steps that are new and may be carried out. */
  readonly steps: number;
  readonly urgent: boolean;
  /** Changes that the guard holds for approval, newly. */
  readonly held: number;
  /** By source: people newly held because they left in a burst. */
  readonly bursts: ReadonlyMap<string, number>;
  /** How long it took. */
  readonly ms: number;
}

/**
 * Plans these persons and writes all that follows from it in one transaction: plan, steps, findings, wanted logins and
 * work. `settle` takes away in the same transaction what asked for it; when it says no, somebody else has planned
 * these persons, and nothing is written.
 */
export async function planBatch(
  deps: PlanDeps,
  ids: readonly string[],
  settle: (tx: Db) => Promise<boolean>,
): Promise<Planned | undefined> {
  const { db, store } = deps;
  const begun = performance.now();
  const read = await db.tx(
    async (tx) => {
      const ground = await readGround(deps, tx);
      const computed = await computePersons(store, tx, ground, ids);
      return { ...computed, ground, open: await store.plans.openSteps(tx, ids) };
    },
    { isolation: 'repeatable read' },
  );
  const { people, broken, ground } = read;
  const open = new Map(read.open.map((step) => [laneOf(step), step]));
  const wanted = people.flatMap((p) => p.lanes.flatMap((lane) => lane.result.step ?? []));
  const findings = [...people.flatMap((p) => p.findings), ...broken];
  const priorities = new Map(people.map(({ person }) => [person.id, person.life === 'active' ? 0 : URGENT]));
  const persons = people.map(({ person }) => person.id);
  const told = [...persons, ...broken.flatMap((f) => f.person ?? [])];
  try {
    return await db.tx(async (tx) => {
      await store.leases.oneAtATime(tx, 'plan');
      if (!(await settle(tx))) throw TAKEN;
      const pending = read.open.filter((step) => step.state === 'pending');
      await store.guard.tidyCounts(tx, ground.views.guard.limits.windowMs);
      const guarded = await judge(store, tx, ground, wanted, pending);
      const sorted = sortOut(people, new Map(guarded.steps.map((step) => [laneOf(step), step])), open);
      const plan = makePlan(sorted.fresh.map(asStep), findings, guarded.holds, wanted);
      await store.work.lockLanes(tx, [...sorted.fresh, ...sorted.quiet]);
      await store.logins.replaceLogins(
        tx,
        persons,
        people.flatMap((p) => p.logins),
      );
      const due = people.flatMap(({ person, next }) => (next === undefined ? [] : [{ person: person.id, at: next }]));
      await store.idle.replaceIdle(tx, persons, people.flatMap(idleLanes), ground.now);
      await store.due.replaceDue(tx, persons, due);
      await store.findings.replaceFindings(tx, told, plan.findings);
      await store.plans.supersede(tx, [...sorted.fresh, ...sorted.quiet]);
      await store.work.endWork(tx, [...sorted.quiet, ...sorted.fresh.filter((step) => step.state === 'proposed')]);
      const held = await store.holds.replaceHolds(tx, told, plan.holds, plan.hash);
      await store.guard.addPassed(tx, guarded.passed, ground.views.guard.limits.windowMs);
      const steps = await savePartial(deps, tx, plan, sorted.fresh, held.changes, ground.views.rules, priorities);
      return {
        persons: persons.length,
        steps,
        held: held.changes,
        bursts: held.bursts,
        urgent: [...priorities.values()].some((p) => p > 0),
        ms: performance.now() - begun,
      };
    });
  } catch (error) {
    if (error === TAKEN) return undefined;
    throw error;
  }
}

/** Where the person's account has nothing left on it. */
const idleLanes = ({ person, lanes }: PlannedPerson) =>
  lanes.flatMap(({ target, result }) =>
    result.idle === undefined ? [] : [{ target: target.id, person: person.id, anew: result.idle === 'anew' }],
  );

/** Rolls back: another planner took what was dirty. */
const TAKEN = new Error('another planner took these rows');

/** A plan without steps or new holds leaves no row. Gives how many steps may be carried out. */
async function savePartial(
  { store }: PlanDeps,
  tx: Db,
  plan: Plan,
  steps: readonly NewStep[],
  held: number,
  rules: RuleSet,
  priorities: ReadonlyMap<string, number>,
): Promise<number> {
  if (steps.length === 0 && held === 0) return 0;
  const counts = { ...countChanges(plan.steps), ...(held > 0 && { held }) };
  const id = await store.plans.insertPlan(tx, {
    hash: plan.hash,
    kind: 'partial',
    actor: 'drawbridge',
    rulesRevision: rules.revision,
    rulesCommit: rules.commit ?? null,
    counts,
  });
  const saved = await store.plans.insertSteps(tx, id, steps);
  const pending = new Set(steps.filter((step) => step.state === 'pending').map(laneOf));
  await store.work.putWork(
    tx,
    saved.filter((step) => pending.has(laneOf(step))),
    priorities,
  );
  await store.events.appendEvents(tx, [
    { actor: 'drawbridge', kind: 'plan.made', object: plan.hash, detail: { ...counts } },
  ]);
  return pending.size;
}

interface Sorted {
  /** Steps that the lanes don't have yet. */
  readonly fresh: NewStep[];
  /** Lanes where nothing is to be done. */
  readonly quiet: Array<{ target: string; person: string }>;
}

/** A lane that has the same step already (same basis, same changes) is in neither list: it is left as it is. */
function sortOut(
  people: readonly PlannedPerson[],
  guarded: ReadonlyMap<string, Step>,
  open: ReadonlyMap<string, StoredStep>,
): Sorted {
  const sorted: Sorted = { fresh: [], quiet: [] };
  for (const { person, lanes } of people) {
    for (const { target } of lanes) {
      const lane = { target: target.id, person: person.id };
      const { basis, changes = [] } = guarded.get(laneOf(lane)) ?? {};
      if (basis === undefined || changes.length === 0) sorted.quiet.push(lane);
      else {
        const was = open.get(laneOf(lane));
        const state: NewStep['state'] =
          target.mode !== 'observe' || isApproved(changes, was, person) ? 'pending' : 'proposed';
        const step = { ...lane, basis, generation: person.generation, changes, state };
        if (!isSame(was, step)) sorted.fresh.push(step);
      }
    }
  }
  return sorted;
}

/**
 * Where nothing is done without an approval: is this what is left of a step that was applied by hand and is under way?
 * Planning again at just that moment must not take the approval back half-way.
 */
function isApproved(changes: readonly Change[], was: StoredStep | undefined, person: Person): boolean {
  return was?.state === 'pending' && was.generation === person.generation && isRestOf(changes, was.changes);
}

function isSame(open: StoredStep | undefined, step: NewStep): boolean {
  if (open === undefined || open.basis !== step.basis || open.generation !== step.generation) return false;
  if (open.state === 'proposed' && step.state !== 'proposed') return false;
  return isDeepStrictEqual(open.changes, asJson(step.changes));
}

/** As the store gives it back. */
export const asJson = (changes: readonly Change[]): unknown => JSON.parse(JSON.stringify(changes)) as unknown;

const asStep = ({ target, person, basis, changes }: NewStep): Step => ({ target, person, basis, changes });

/** How many steps, persons, and changes of each op. */
export function countChanges(steps: readonly Step[]): Record<string, number> {
  const counts: Record<string, number> = { steps: steps.length, persons: new Set(steps.map((s) => s.person)).size };
  for (const step of steps) for (const { op } of step.changes) counts[op] = (counts[op] ?? 0) + 1;
  return counts;
}

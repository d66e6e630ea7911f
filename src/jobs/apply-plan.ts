import type { StoredStep } from '../store/plans.ts';
import { computePersons } from './compute.ts';
import { BATCH, type PlanDeps } from './deps.ts';
import { laneOf, readGround } from './ground.ts';

/** Before the target's id: how many of a plan's steps are there. A full plan counts each target that it looked at. */
export const AT = 'at ';

export interface AppliedPlan {
  readonly hash: string;
  /** Steps that became work. */
  readonly applied: number;
  /** Steps that no longer hold: the world moved since the plan was made. They are planned again. */
  readonly moved: ReadonlyArray<{ readonly target: string; readonly person: string }>;
  /** Changes of the plan that the guard held back when it was made: they are no part of what is applied. */
  readonly held: number;
}

/**
 * Makes work of a saved plan: each step that still rests on the same basis. Undefined when no plan has this hash (or
 * one that begins so). The targets of a full plan have their baseline from then on.
 */
export async function applyPlan(deps: PlanDeps, hash: string, actor: string): Promise<AppliedPlan | undefined> {
  const { db, store } = deps;
  const plan = await store.plans.planByHash(db, hash);
  if (plan === undefined) return undefined;
  const moved: Array<{ target: string; person: string }> = [];
  let applied = 0;
  let last = 0;
  for (;;) {
    const steps = await store.plans.stepsOfPlan(db, plan.id, last, BATCH, 'proposed');
    if (steps.length === 0) break;
    last = steps.at(-1)?.id ?? last;
    const { holding, gone } = await recheck(deps, steps);
    await db.tx(async (tx) => {
      await store.leases.oneAtATime(tx, 'plan');
      await store.work.lockLanes(tx, holding);
      const taken = await store.plans.settleSteps(
        tx,
        holding.map((s) => s.id),
        'proposed',
        'pending',
      );
      await store.plans.supersede(
        tx,
        taken,
        taken.map((s) => s.id),
      );
      await store.work.putWork(tx, taken, new Map());
      const dropped = await store.plans.settleSteps(
        tx,
        gone.map((s) => s.id),
        'proposed',
        'moved',
      );
      await store.dirty.markDirty(
        tx,
        dropped.map((s) => s.person),
      );
      applied += taken.length;
      moved.push(...dropped.map(({ target, person }) => ({ target, person })));
    });
  }
  await db.tx(async (tx) => {
    const targets = Object.keys(plan.counts).flatMap((key) => (key.startsWith(AT) ? [key.slice(AT.length)] : []));
    // Where a target only observed until now, what was proposed to everybody else is due.
    if (plan.kind === 'full' && (await store.targets.markBaseline(tx, targets))) await store.dirty.markAll(tx);
    const detail = { applied, moved: moved.length };
    await store.events.appendEvents(tx, [{ actor, kind: 'plan.applied', object: plan.hash, detail }]);
  });
  return { hash: plan.hash, applied, moved, held: plan.counts['held'] ?? 0 };
}

async function recheck(deps: PlanDeps, steps: readonly StoredStep[]) {
  const ids = [...new Set(steps.map((step) => step.person))];
  const { people } = await deps.db.tx(async (tx) => computePersons(deps.store, tx, await readGround(deps, tx), ids), {
    isolation: 'repeatable read',
  });
  const now = new Map(
    people.flatMap(({ person, lanes }) =>
      lanes.map(({ target, result }) => [
        laneOf({ target: target.id, person: person.id }),
        { basis: result.step?.basis, generation: person.generation },
      ]),
    ),
  );
  const holds = (step: StoredStep) => {
    const found = now.get(laneOf(step));
    return found?.basis === step.basis && found.generation === step.generation;
  };
  return { holding: steps.filter(holds), gone: steps.filter((step) => !holds(step)) };
}

import type { Plan, Step } from '../model/plan.ts';
import type { RuleSet } from '../model/rules.ts';
import { makePlan } from '../plan/plan.ts';
import type { Db } from '../store/db.ts';
import type { NewPlan, StoredStep } from '../store/plans.ts';
import { type Computed, computePersons } from './compute.ts';
import { BATCH, type PlanDeps } from './deps.ts';
import { type Ground, laneOf, readGround, readWanted } from './ground.ts';
import { countChanges } from './plan.ts';
import type { RivalsOf } from './rivals.ts';

export interface FullPlanRequest {
  /** Only these targets. */
  readonly targets?: readonly string[];
  /** Only these persons. */
  readonly persons?: readonly string[];
  /** Keep it, so that it can be applied by its hash. */
  readonly save: boolean;
  readonly actor: string;
}

/** Before the target's id: how many of a plan's steps are there. A full plan counts each target that it looked at. */
const AT = 'at ';

/**
 * Plans everybody (or those asked for) on one snapshot, in chunks, and gives the plan; changes no target and no work.
 * A saved plan holds proposed steps.
 */
export async function planFull(deps: PlanDeps, request: FullPlanRequest): Promise<Plan> {
  const { db, store } = deps;
  const generations = new Map<string, number>();
  const steps: Step[] = [];
  const findings: Plan['findings'][number][] = [];
  let { rules } = deps.views();
  const counted: Record<string, number> = {};
  await db.tx(
    async (tx) => {
      const ground = await readGround(deps, tx, request.targets);
      rules = ground.views.rules;
      for (const target of ground.targets) counted[AT + target.id] = 0;
      const rivalsOf = request.persons === undefined ? await readEverybodysLogins(deps, tx, ground) : undefined;
      for await (const ids of chunks(deps, tx, request.persons)) {
        collect(await computePersons(store, tx, ground, ids, rivalsOf), steps, findings, generations);
      }
    },
    { isolation: 'repeatable read' },
  );
  const plan = makePlan(steps, findings, []);
  if (request.save) {
    for (const { target } of plan.steps) counted[AT + target] = (counted[AT + target] ?? 0) + 1;
    const counts = { ...countChanges(plan.steps), ...counted };
    // A plan of single persons is no baseline of a target.
    const kind = request.persons === undefined ? 'full' : 'partial';
    const row = { hash: plan.hash, kind, actor: request.actor, ...rulesOf(rules), counts } as const;
    await save(deps, plan, generations, row);
  }
  return plan;
}

const rulesOf = ({ revision, commit }: RuleSet) => ({ rulesRevision: revision, rulesCommit: commit ?? null });

function collect(
  { people, broken }: Computed,
  steps: Step[],
  findings: Plan['findings'][number][],
  generations: Map<string, number>,
): void {
  findings.push(...broken);
  for (const { person, lanes, findings: about } of people) {
    findings.push(...about);
    for (const { result } of lanes) {
      if (result.step === undefined || result.step.changes.length === 0) continue;
      steps.push(result.step);
      generations.set(person.id, person.generation);
    }
  }
}

async function* chunks({ store }: PlanDeps, tx: Db, persons: readonly string[] | undefined) {
  if (persons !== undefined) {
    for (let at = 0; at < persons.length; at += BATCH) yield persons.slice(at, at + BATCH);
    return;
  }
  let ids: string[] = [];
  do {
    ids = await store.people.personIdsAfter(tx, ids.at(-1), BATCH);
    if (ids.length > 0) yield ids;
  } while (ids.length > 0);
}

/** Who wants which login is known only after everybody was looked at once: a rival may come in a later chunk. */
async function readEverybodysLogins(deps: PlanDeps, tx: Db, ground: Ground): Promise<RivalsOf> {
  const everybody = new Map<string, string[]>();
  for await (const ids of chunks(deps, tx, undefined)) {
    for (const { logins } of (await readWanted(deps.store, tx, ground, ids)).people) {
      for (const { target, key, person } of logins) {
        const lane = laneOf({ target, person: key });
        const list = everybody.get(lane);
        if (list === undefined) everybody.set(lane, [person]);
        else list.push(person);
      }
    }
  }
  return (target, key) => everybody.get(laneOf({ target, person: key })) ?? [];
}

async function save(
  { db, store }: PlanDeps,
  plan: Plan,
  generations: ReadonlyMap<string, number>,
  row: NewPlan,
): Promise<void> {
  await db.tx(async (tx) => {
    const id = await store.plans.insertPlan(tx, row);
    for (let at = 0; at < plan.steps.length; at += BATCH) {
      const part = plan.steps.slice(at, at + BATCH);
      await store.plans.insertSteps(
        tx,
        id,
        part.map((step) => ({ ...step, generation: generations.get(step.person) ?? 0, state: 'proposed' as const })),
      );
    }
    await store.events.appendEvents(tx, [
      { actor: row.actor, kind: 'plan.made', object: row.hash, detail: { ...row.counts } },
    ]);
  });
}

export interface AppliedPlan {
  readonly hash: string;
  /** Steps that became work. */
  readonly applied: number;
  /** Steps that no longer hold: the world moved since the plan was made. They are planned again. */
  readonly moved: ReadonlyArray<{ readonly target: string; readonly person: string }>;
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
  return { hash: plan.hash, applied, moved };
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

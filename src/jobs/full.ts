import type { Finding, Plan, Step } from '../model/plan.ts';
import type { RuleSet } from '../model/rules.ts';
import { makePlan } from '../plan/plan.ts';
import type { Db } from '../store/db.ts';
import type { NewPlan, StoredStep } from '../store/plans.ts';
import { createClaimants } from './claimants.ts';
import { type Computed, computePersons } from './compute.ts';
import { BATCH, type PlanDeps } from './deps.ts';
import { judge } from './judge.ts';
import { type Ground, laneOf, readGround } from './ground.ts';
import { countChanges } from './plan.ts';

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
  const collected: Collected = { steps: [], findings: [], generations: new Map() };
  let { rules } = deps.views();
  const counted: Record<string, number> = {};
  const guarded = await db.tx(
    async (tx) => {
      const ground = await readGround(deps, tx, request.targets);
      rules = ground.views.rules;
      for (const target of ground.targets) counted[AT + target.id] = 0;
      if (request.persons === undefined) await planEverybody(deps, tx, ground, collected);
      else {
        for (const ids of parts(request.persons)) collect(await computePersons(store, tx, ground, ids), collected);
      }
      return judge(store, tx, ground, collected.steps, await waiting(deps, tx, collected.steps));
    },
    { isolation: 'repeatable read' },
  );
  const plan = makePlan(guarded.steps, collected.findings, guarded.holds, collected.steps);
  if (request.save) {
    for (const { target } of plan.steps) counted[AT + target] = (counted[AT + target] ?? 0) + 1;
    const counts = { ...countChanges(plan.steps), ...counted };
    // A plan of single persons is no baseline of a target.
    const kind = request.persons === undefined ? 'full' : 'partial';
    const row = { hash: plan.hash, kind, actor: request.actor, ...rulesOf(rules), counts } as const;
    await save(deps, plan, collected.generations, row);
  }
  return plan;
}

const rulesOf = ({ revision, commit }: RuleSet) => ({ rulesRevision: revision, rulesCommit: commit ?? null });

/** Steps that wait to be carried out already, of the persons in these. */
async function waiting({ store }: PlanDeps, tx: Db, steps: readonly Step[]): Promise<StoredStep[]> {
  const ids = [...new Set(steps.map((step) => step.person))];
  const open: StoredStep[] = [];
  for (let at = 0; at < ids.length; at += BATCH) {
    const found = await store.plans.openSteps(tx, ids.slice(at, at + BATCH));
    open.push(...found.filter((step) => step.state === 'pending'));
  }
  return open;
}

interface Collected {
  steps: Step[];
  findings: Finding[];
  readonly generations: Map<string, number>;
}

function collect({ people, broken }: Computed, into: Collected): void {
  into.findings.push(...broken);
  for (const { person, lanes, findings: about } of people) {
    into.findings.push(...about);
    for (const { result } of lanes) {
      if (result.step === undefined || result.step.changes.length === 0) continue;
      into.steps.push(result.step);
      into.generations.set(person.id, person.generation);
    }
  }
}

/**
 * One pass over all persons. Who wants which login is known only at its end: those few who turn out to have a rival are
 * planned once more then.
 */
async function planEverybody({ store }: PlanDeps, tx: Db, ground: Ground, into: Collected): Promise<void> {
  const claimants = createClaimants();
  let last: string | undefined;
  for (;;) {
    const ids = await store.people.personIdsAfter(tx, last, BATCH);
    if (ids.length === 0) break;
    last = ids.at(-1);
    const computed = await computePersons(store, tx, ground, ids, claimants.of);
    for (const { logins } of computed.people) claimants.add(logins);
    collect(computed, into);
  }
  const { contested } = claimants;
  if (contested.size === 0) return;
  into.steps = into.steps.filter((step) => !contested.has(step.person));
  into.findings = into.findings.filter(({ person }) => person === undefined || !contested.has(person));
  for (const ids of parts([...contested].toSorted())) {
    collect(await computePersons(store, tx, ground, ids, claimants.of), into);
  }
}

function* parts(ids: readonly string[]): Generator<readonly string[]> {
  for (let at = 0; at < ids.length; at += BATCH) yield ids.slice(at, at + BATCH);
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

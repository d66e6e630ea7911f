import type { Finding, Hold, Step } from '../model/plan.ts';
import type { RuleSet } from '../model/rules.ts';
import { withoutHeld } from '../plan/guard.ts';
import { findingOrder, holdOrder } from '../plan/order.ts';
import { digester } from '../plan/canonical.ts';
import type { Db } from '../store/db.ts';
import type { StoredStep } from '../store/plans.ts';
import { AT } from './apply-plan.ts';
import { createClaimants } from './claimants.ts';
import { type Computed, computePersons } from './compute.ts';
import { BATCH, type PlanDeps } from './deps.ts';
import { type Ground, laneOf, readGround } from './ground.ts';
import { concerned, judge } from './judge.ts';

export interface FullPlanRequest {
  /** Only these targets. */
  readonly targets?: readonly string[];
  /** Only these persons. */
  readonly persons?: readonly string[];
  readonly actor: string;
}

/** A plan as it is kept in the store; its steps are read from there, page by page. */
export interface FullPlan {
  readonly id: number;
  readonly hash: string;
  /** Steps, persons, changes of each op, and steps at each target (`at ID`). */
  readonly counts: Readonly<Record<string, number>>;
  readonly holds: readonly Hold[];
  readonly findings: readonly Finding[];
}

/**
 * Plans everybody (or those asked for) on one snapshot, in chunks, and keeps the plan, so that it can be applied by its
 * hash; changes no target and no work. Its steps go into the store as they come: what this holds in memory are
 * findings, what the guard has a say on, and who wants which login.
 */
export async function planFull(deps: PlanDeps, request: FullPlanRequest): Promise<FullPlan> {
  return deps.db.tx(async (tx) => {
    const draft = await deps.db.tx((snapshot) => gather(deps, { snapshot, tx }, request), {
      isolation: 'repeatable read',
    });
    const { hash, counts } = await seal(deps, tx, draft);
    const kept = { ...counts, ...(draft.holds.length > 0 && { held: draft.holds.length }) };
    await deps.store.plans.sealPlan(tx, draft.id, hash, kept);
    await deps.store.events.appendEvents(tx, [
      { actor: request.actor, kind: 'plan.made', object: hash, detail: { ...kept } },
    ]);
    return {
      id: draft.id,
      hash,
      counts: kept,
      holds: draft.holds.toSorted(holdOrder),
      findings: draft.findings.toSorted(findingOrder),
    };
  });
}

interface Draft {
  readonly id: number;
  readonly targets: readonly string[];
  readonly holds: readonly Hold[];
  readonly findings: readonly Finding[];
}

/** Two connections, so that a chunk is written while the next one is read: the snapshot's only reads. */
interface Ends {
  readonly snapshot: Db;
  readonly tx: Db;
}

async function gather(deps: PlanDeps, { snapshot, tx }: Ends, request: FullPlanRequest): Promise<Draft> {
  const { store } = deps;
  const ground = await readGround(deps, snapshot, request.targets);
  const id = await store.plans.insertPlan(tx, {
    hash: '',
    // A plan of single persons is no baseline of a target.
    kind: request.persons === undefined ? 'full' : 'partial',
    actor: request.actor,
    ...rulesOf(ground.views.rules),
    counts: {},
  });
  const into = collector(deps, tx, ground, id);
  if (request.persons === undefined) await planEverybody(deps, snapshot, ground, into);
  else {
    for (const ids of parts(request.persons)) await into.add(await computePersons(store, snapshot, ground, ids));
  }
  const { steps, findings } = into;
  const { holds } = await judge(store, snapshot, ground, steps, await waiting(deps, snapshot, steps));
  return { id, targets: ground.targets.map((target) => target.id), holds, findings };
}

const rulesOf = ({ revision, commit }: RuleSet) => ({ rulesRevision: revision, rulesCommit: commit ?? null });

/** Steps that wait to be carried out already, of the persons in these. */
async function waiting({ store }: PlanDeps, tx: Db, steps: readonly Step[]): Promise<StoredStep[]> {
  const ids = [...new Set(steps.map((step) => step.person))];
  const open: StoredStep[] = [];
  for (const part of parts(ids)) {
    const found = await store.plans.openSteps(tx, part);
    open.push(...found.filter((step) => step.state === 'pending'));
  }
  return open;
}

interface Collector {
  /** Of the steps so far, the changes on which the guard has a say. */
  readonly steps: readonly Step[];
  readonly findings: readonly Finding[];
  add(computed: Computed): Promise<void>;
  /** Forgets what was said about these persons: they are planned once more. */
  drop(persons: ReadonlySet<string>): Promise<void>;
}

function collector({ store }: PlanDeps, tx: Db, ground: Ground, plan: number): Collector {
  let steps: Step[] = [];
  let findings: Finding[] = [];
  return {
    get steps() {
      return steps;
    },
    get findings() {
      return findings;
    },
    add: async ({ people, broken }) => {
      findings.push(...broken, ...people.flatMap((of) => of.findings));
      const planned = people.flatMap(({ person, lanes }) =>
        lanes.flatMap(({ result: { step } }) =>
          step === undefined || step.changes.length === 0 ? [] : [{ ...step, generation: person.generation }],
        ),
      );
      steps.push(...concerned(ground, planned));
      await store.plans.insertSteps(
        tx,
        plan,
        planned.map((step) => ({ ...step, state: 'proposed' as const })),
      );
    },
    drop: async (persons) => {
      steps = steps.filter((step) => !persons.has(step.person));
      findings = findings.filter(({ person }) => person === undefined || !persons.has(person));
      for (const part of parts([...persons])) await store.plans.dropSteps(tx, plan, part);
    },
  };
}

/**
 * One pass over all persons. Who wants which login is known only at its end: those few who turn out to have a rival are
 * planned once more then.
 */
async function planEverybody({ store }: PlanDeps, snapshot: Db, ground: Ground, into: Collector): Promise<void> {
  const claimants = createClaimants();
  const next = async (after: string | undefined) => {
    const ids = await store.people.personIdsAfter(snapshot, after, BATCH);
    return { last: ids.at(-1), computed: await computePersons(store, snapshot, ground, ids, claimants.of) };
  };
  let written: Promise<void> = Promise.resolve();
  try {
    for (let chunk = await next(undefined); chunk.last !== undefined;) {
      const { computed, last } = chunk;
      for (const { logins } of computed.people) claimants.add(logins);
      await written;
      written = into.add(computed);
      // Its failure is met at the next await of it; until then it must not count as unhandled.
      written.catch(() => undefined);
      chunk = await next(last);
    }
  } finally {
    await written.catch(() => undefined);
  }
  await written;
  const { contested } = claimants;
  if (contested.size === 0) return;
  await into.drop(contested);
  for (const ids of parts([...contested].toSorted())) {
    await into.add(await computePersons(store, snapshot, ground, ids, claimants.of));
  }
}

function* parts(ids: readonly string[]): Generator<readonly string[]> {
  for (let at = 0; at < ids.length; at += BATCH) yield ids.slice(at, at + BATCH);
}

/**
 * The hash over all steps in their order, with what the guard holds back; then takes that out of the steps, and counts
 * what is left.
 */
async function seal({ store }: PlanDeps, tx: Db, draft: Draft) {
  const held = Map.groupBy(draft.holds, laneOf);
  const hash = digester();
  const counts: Record<string, number> = { steps: 0, persons: 0 };
  const count = (key: string, n = 1): void => void (counts[key] = (counts[key] ?? 0) + n);
  for (const target of draft.targets) count(AT + target, 0);
  for await (const page of store.plans.orderedSteps(tx, draft.id)) {
    const trimmed: Array<{ readonly id: number; readonly changes: Step['changes'] }> = [];
    for (const { id, target, person, basis, changes } of page) {
      const step = { target, person, basis, changes };
      hash.add(step);
      const holds = held.get(laneOf(step));
      const left = holds === undefined ? step : withoutHeld(step, holds);
      if (left !== step) trimmed.push({ id, changes: left?.changes ?? [] });
      if (left === undefined) continue;
      count('steps');
      count(AT + target);
      for (const { op } of left.changes) count(op);
    }
    await store.plans.trimSteps(tx, trimmed);
  }
  counts['persons'] = await store.plans.countPersons(tx, draft.id);
  return { hash: hash.digest(), counts };
}

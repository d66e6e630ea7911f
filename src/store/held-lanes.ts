import type { VerdictKind } from '../model/failure.ts';
import type { Lane } from '../model/job.ts';
import type { Change } from '../model/plan.ts';
import type { Db } from './db.ts';
import { isPaused } from './target-state.ts';
import type { StepState } from './plans.ts';

/** Why the last attempt came to nothing. */
export interface WorkError {
  readonly kind: VerdictKind;
  readonly message: string;
  readonly remedy?: string;
  readonly at: string;
}

/** A lane that this process holds until `lease` runs out, with what there is to do in it. */
export interface HeldLane extends Lane {
  readonly owner: string;
  /** Rises with everything that is wanted anew: a result is written only for the revision that it belongs to. */
  readonly revision: number;
  readonly attempts: number;
  /** An explicit leave wants sign-in blocked, whatever else is planned. */
  readonly blockGeneration: number | null;
  /** The person's generation now. */
  readonly generation: number;
  readonly paused: boolean;
  readonly step: {
    readonly id: number;
    readonly basis: string;
    readonly generation: number;
    readonly changes: readonly Change[];
    readonly plan: string;
  } | null;
}

/** A lane and in whose name it is held: a name that is used for one lease only. */
export type Owned = Pick<HeldLane, 'target' | 'person' | 'owner'>;

/*
 * All of these take any number of lanes, each at most once in a call, and answer in the order of the question. Rows are
 * locked in the order of (target, person), as everybody locks lanes who takes several.
 */

const key = (lane: Owned): string => `${lane.owner}\n${lane.target}\n${lane.person}`;

function inTheirOrder<R extends Owned>(asked: readonly Owned[], rows: readonly R[]): Array<R | undefined> {
  const found = new Map(rows.map((row) => [key(row), row]));
  return asked.map((lane) => found.get(key(lane)));
}

const names = (lanes: readonly Owned[]) => [
  lanes.map((l) => l.target),
  lanes.map((l) => l.person),
  lanes.map((l) => l.owner),
];

const ASKED = `unnest($1::text[], $2::text[], $3::text[]) as a(target, person, owner)`;

const STEP = `case when s.id is null then null else jsonb_build_object('id', s.id, 'basis', s.basis,
  'generation', s.generation, 'changes', s.changes, 'plan', pl.hash) end as step`;

/** Takes each lane where something is due and that nobody holds; undefined for the others. */
export async function leaseLanes(
  db: Db,
  lanes: readonly Owned[],
  leaseMs: number,
): Promise<Array<HeldLane | undefined>> {
  const rows = await db.rows<HeldLane & { readonly stepId: number | null }>({
    name: 'lanes-lease',
    text: `with due as (
        select w.target, w.person, a.owner from ${ASKED} join work w using (target, person)
        where w.state = 'pending' and w.not_before <= now() and (w.step_id is not null or w.block_generation is not null)
          and (w.lease_until is null or w.lease_until < now())
        order by w.target, w.person for update of w
      ),
      held as (
        update work w set lease_owner = due.owner, lease_until = now() + $4 * interval '1 ms'
        from due where w.target = due.target and w.person = due.person
        returning w.target, w.person, w.lease_owner, w.revision, w.attempts, w.block_generation, w.step_id, w.priority
      )
      select h.target, h.person, h.lease_owner as owner, h.revision, h.attempts,
        h.block_generation as "blockGeneration", h.step_id as "stepId", p.generation,
        coalesce(${isPaused('t', 'h')}, false) as paused, ${STEP}
      from held h join person p on p.id = h.person left join target_state t on t.target = h.target
        left join step s on s.id = h.step_id and s.state = 'pending' left join plan pl on pl.id = s.plan_id`,
    values: [...names(lanes), leaseMs],
  });
  const held: HeldLane[] = [];
  for (const { stepId, ...row } of rows) {
    held.push(stepId === null || row.step !== null ? row : { ...row, ...(await newStep(db, row, stepId)) });
  }
  return inTheirOrder(lanes, held);
}

/**
 * Where the lease had to wait for a planner, the lane points to a step that was made after the lease's statement began,
 * and so was not there for it. To take that for a lane without a step would be to lose the work.
 */
async function newStep(
  db: Db,
  { person }: Lane,
  stepId: number,
): Promise<Pick<HeldLane, 'step' | 'generation'> | undefined> {
  return db.row({
    name: 'lanes-lease-step',
    text: `select p.generation, ${STEP}
      from person p left join step s on s.id = $2 and s.state = 'pending' left join plan pl on pl.id = s.plan_id
      where p.id = $1`,
    values: [person, stepId],
  });
}

/** What is wanted of a lane by now. */
export interface Kept {
  readonly revision: number;
  readonly generation: number;
}

/**
 * Keeps each lane for another while: whoever held it for a third of the time holds it for the whole time again.
 * Undefined for one that is no longer ours; else what is wanted of it by now.
 */
export async function keepLanes(db: Db, lanes: readonly Owned[], leaseMs: number): Promise<Array<Kept | undefined>> {
  const rows = await db.rows<Owned & Kept>({
    name: 'lanes-keep',
    text: `with short as (
        select w.target, w.person from ${ASKED} join work w using (target, person)
        where w.lease_owner = a.owner and w.lease_until < now() + $4 * interval '1 ms' * 2 / 3
        order by w.target, w.person for update of w
      ),
      kept as (
        update work w set lease_until = now() + $4 * interval '1 ms'
        from short where w.target = short.target and w.person = short.person
      )
      select w.target, w.person, a.owner, w.revision, p.generation
      from ${ASKED} join work w using (target, person) join person p on p.id = w.person
      where w.lease_owner = a.owner`,
    values: [...names(lanes), leaseMs],
  });
  return inTheirOrder(lanes, rows);
}

/** The block that a leave asked for is done or has been refused, unless a newer leave asked again. */
export async function clearBlock(db: Db, held: HeldLane): Promise<void> {
  await db.rows({
    name: 'lanes-clear-block',
    text: `update work set block_generation = null
      where target = $1 and person = $2 and lease_owner = $3 and block_generation = $4`,
    values: [held.target, held.person, held.owner, held.blockGeneration],
  });
}

export interface Settlement {
  readonly state: 'done' | 'parked' | 'pending';
  /** What becomes of the step; it keeps its state without one. */
  readonly step?: StepState;
  /** The lane no longer points to the step: a new plan was asked for. */
  readonly dropStep?: boolean;
  readonly attempts?: number;
  readonly waitMs?: number;
  /** Without one, a lane that is not done keeps the last. */
  readonly error?: WorkError;
  /** The person is to be planned again. Written together with the rest, so that no lane is left that nobody plans. */
  readonly planAgain?: boolean;
}

/** `changed`: something newer is wanted there, so only the lane was given back; `lost`: it was not ours any more, and
 * nothing was written. */
export type Settled = 'settled' | 'changed' | 'lost';

export interface Settling {
  readonly held: HeldLane;
  readonly result: Settlement;
}

/** Writes the results and gives the lanes back. */
export async function settleLanes(db: Db, given: readonly Settling[]): Promise<Settled[]> {
  const lanes = given.map(({ held }) => held);
  const results = given.map(({ result }) => result);
  const rows = await db.rows<Owned & { readonly same: boolean }>({
    name: 'lanes-settle',
    text: `with a as (
        select * from unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::text[], $6::boolean[], $7::int[],
          $8::int[], $9::jsonb[], $10::bigint[], $11::text[], $12::boolean[]) as a(target, person, owner, revision, state,
          drop_step, attempts, wait_ms, error, step_id, step, plan_again)
      ),
      mine as (
        select w.target, w.person from a join work w using (target, person) where w.lease_owner = a.owner
        order by w.target, w.person for update of w
      ),
      w as (
        update work w set lease_owner = null, lease_until = null, enqueued_at = null, changed_at = now(),
          state = case when w.revision = a.revision then a.state else w.state end,
          step_id = case when w.revision = a.revision and a.drop_step then null else w.step_id end,
          attempts = case when w.revision = a.revision then a.attempts else w.attempts end,
          not_before = case when w.revision = a.revision then now() + a.wait_ms * interval '1 ms'
            else w.not_before end,
          priority = case when w.revision = a.revision and a.state = 'done' then 0 else w.priority end,
          last_error = case when w.revision <> a.revision then w.last_error when a.state = 'done' then null
            else coalesce(a.error, w.last_error) end
        from a join mine using (target, person)
        where w.target = a.target and w.person = a.person and w.lease_owner = a.owner
        returning w.target, w.person, a.owner, w.revision = a.revision as same
      ),
      s as (
        update step set state = a.step, settled_at = now() from a join w using (target, person)
        where step.id = a.step_id and a.step is not null and step.state = 'pending'
      ),
      d as (
        insert into dirty (kind, person) select 'person', a.person from a join w using (target, person) where a.plan_again
      )
      select target, person, owner, same from w`,
    values: [
      ...names(lanes),
      lanes.map((held) => held.revision),
      results.map((result) => result.state),
      results.map((result) => result.dropStep ?? result.state === 'done'),
      results.map((result) => result.attempts ?? 0),
      results.map((result) => Math.round(result.waitMs ?? 0)),
      results.map((result) => (result.error === undefined ? null : JSON.stringify(result.error))),
      lanes.map((held) => held.step?.id ?? null),
      results.map((result) => result.step ?? null),
      results.map((result) => result.planAgain ?? false),
    ],
  });
  return inTheirOrder(lanes, rows).map((row) => (row === undefined ? 'lost' : row.same ? 'settled' : 'changed'));
}

import type { VerdictKind } from '../model/failure.ts';
import type { Lane } from '../model/job.ts';
import type { Change } from '../model/plan.ts';
import type { Db } from './db.ts';
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

/**
 * For a transaction that changes steps and lanes: nobody else gets at these lanes until it ends. Whoever settles a lane
 * takes the lane first and its step then; so must everybody, or two of them wait for each other.
 */
export async function lockLanes(db: Db, lanes: readonly Lane[]): Promise<void> {
  if (lanes.length === 0) return;
  await db.rows({
    name: 'work-lock',
    text: `select from work w join unnest($1::text[], $2::text[]) as l(target, person) using (target, person)
      order by w.target, w.person for update of w`,
    values: [lanes.map((l) => l.target), lanes.map((l) => l.person)],
  });
}

/** Points the lanes to these steps. What waits there keeps its back-off, unless the new step is more urgent. */
export async function putWork(
  db: Db,
  steps: ReadonlyArray<Lane & { readonly id: number }>,
  priorities: ReadonlyMap<string, number>,
): Promise<void> {
  if (steps.length === 0) return;
  await db.rows({
    name: 'work-put',
    text: `insert into work (target, person, step_id, state, priority)
      select target, person, step_id, 'pending', priority
        from unnest($1::text[], $2::text[], $3::bigint[], $4::smallint[]) as u(target, person, step_id, priority)
        order by target, person
      on conflict (target, person) do update set
        step_id = excluded.step_id, state = 'pending', revision = work.revision + 1, enqueued_at = null,
        changed_at = now(),
        priority = case when work.state = 'pending' then greatest(work.priority, excluded.priority)
          else excluded.priority end,
        attempts = case when work.state = 'pending' then work.attempts else 0 end,
        last_error = case when work.state = 'pending' then work.last_error end,
        not_before = case when work.state = 'pending' and excluded.priority <= work.priority then work.not_before
          else now() end`,
    values: [
      steps.map((s) => s.target),
      steps.map((s) => s.person),
      steps.map((s) => s.id),
      steps.map((s) => priorities.get(s.person) ?? 0),
    ],
  });
}

/** Nothing is to be done in these lanes any more, but for a block that a leave asked for. */
export async function endWork(db: Db, lanes: readonly Lane[]): Promise<void> {
  if (lanes.length === 0) return;
  await db.rows({
    name: 'work-end',
    text: `update work w set step_id = null, revision = w.revision + 1, changed_at = now(),
        state = case when w.block_generation is null then 'done' else 'pending' end,
        priority = case when w.block_generation is null then 0 else w.priority end,
        last_error = case when w.block_generation is null then null else w.last_error end
      from (select * from unnest($1::text[], $2::text[]) as u(target, person)) l
      where w.target = l.target and w.person = l.person and w.state in ('pending', 'parked')
        and (w.step_id is not null or w.block_generation is null)`,
    values: [lanes.map((l) => l.target), lanes.map((l) => l.person)],
  });
}

/**
 * Lanes of a target that are due, the most urgent first, up to `limit`; they count as enqueued from now on. What was
 * enqueued longer than `staleMs` ago and is still not done is taken again: the queue may have lost it.
 */
export async function takeDue(
  db: Db,
  target: string,
  limit: number,
  staleMs: number,
  onlyUrgent: boolean,
): Promise<Array<Lane & { readonly urgent: boolean }>> {
  return db.rows({
    name: 'work-take-due',
    text: `with due as (
        select target, person, priority from work
        where target = $1 and state = 'pending' and not_before <= now()
          and (step_id is not null or block_generation is not null)
          and (enqueued_at is null or enqueued_at < now() - $3 * interval '1 ms')
          and (lease_until is null or lease_until < now()) and priority >= $4
        order by priority desc, not_before limit $2 for update skip locked
      ),
      taken as (
        update work w set enqueued_at = now() from due where w.target = due.target and w.person = due.person
      )
      select target, person, priority > 0 as urgent from due order by priority desc`,
    values: [target, limit, staleMs, onlyUrgent ? 1 : 0],
  });
}

/** How many lanes of a target were enqueued in the last `staleMs` and are not done. */
export async function countEnqueued(db: Db, target: string, staleMs: number): Promise<number> {
  const row = await db.row<{ count: number }>({
    name: 'work-count-enqueued',
    text: `select count(*) as count from work
      where target = $1 and state = 'pending' and enqueued_at >= now() - $2 * interval '1 ms'`,
    values: [target, staleMs],
  });
  return row?.count ?? 0;
}

/** Is anything due at these targets, or under way? */
export async function anyDue(db: Db, targets: readonly string[]): Promise<boolean> {
  const row = await db.row<{ any: boolean }>({
    name: 'work-any-due',
    text: `select exists (
        select 1 from work w left join target_state t on t.target = w.target
        where w.target = any($1::text[]) and w.state = 'pending' and w.not_before <= now() and t.paused_at is null
          and (w.step_id is not null or w.block_generation is not null)
      ) or exists (
        select 1 from work where target = any($1::text[]) and lease_until > now()
      ) as any`,
    values: [targets],
  });
  return row?.any ?? false;
}

/** Takes the lane, if something is due there and nobody holds it. */
export async function leaseLane(db: Db, lane: Lane, owner: string, leaseMs: number): Promise<HeldLane | undefined> {
  const row = await db.row<HeldLane & { readonly stepId: number | null }>({
    name: 'work-lease',
    text: `with held as (
        update work set lease_owner = $3, lease_until = now() + $4 * interval '1 ms'
        where target = $1 and person = $2 and state = 'pending' and not_before <= now()
          and (step_id is not null or block_generation is not null)
          and (lease_until is null or lease_until < now())
        returning target, person, lease_owner, revision, attempts, block_generation, step_id
      )
      select h.target, h.person, h.lease_owner as owner, h.revision, h.attempts,
        h.block_generation as "blockGeneration", h.step_id as "stepId", p.generation,
        coalesce((select paused_at is not null from target_state t where t.target = h.target), false) as paused,
        case when s.id is null then null else jsonb_build_object('id', s.id, 'basis', s.basis,
          'generation', s.generation, 'changes', s.changes, 'plan', pl.hash) end as step
      from held h join person p on p.id = h.person
        left join step s on s.id = h.step_id and s.state = 'pending' left join plan pl on pl.id = s.plan_id`,
    values: [lane.target, lane.person, owner, leaseMs],
  });
  if (row === undefined) return undefined;
  const { stepId, ...held } = row;
  return stepId === null || held.step !== null ? held : { ...held, ...(await newStep(db, held, stepId)) };
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
    name: 'work-lease-step',
    text: `select p.generation, case when s.id is null then null else jsonb_build_object('id', s.id, 'basis', s.basis,
        'generation', s.generation, 'changes', s.changes, 'plan', pl.hash) end as step
      from person p left join step s on s.id = $2 and s.state = 'pending' left join plan pl on pl.id = s.plan_id
      where p.id = $1`,
    values: [person, stepId],
  });
}

/** Keeps the lane for another while. Undefined when it is no longer ours; else what is wanted of it by now. */
export async function keepLane(
  db: Db,
  held: HeldLane,
  leaseMs: number,
): Promise<{ readonly revision: number; readonly generation: number } | undefined> {
  return db.row({
    name: 'work-keep',
    text: `update work w set lease_until = now() + $4 * interval '1 ms' from person p
      where w.target = $1 and w.person = $2 and w.lease_owner = $3 and p.id = w.person
      returning w.revision, p.generation`,
    values: [held.target, held.person, held.owner, leaseMs],
  });
}

/** The block that a leave asked for is done or has been refused, unless a newer leave asked again. */
export async function clearBlock(db: Db, held: HeldLane): Promise<void> {
  await db.rows({
    name: 'work-clear-block',
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

/**
 * Writes the result and gives the lane back. `changed`: something newer is wanted there, so only the lane was given
 * back; `lost`: it was not ours any more, and nothing was written.
 */
export async function settleLane(db: Db, held: HeldLane, result: Settlement): Promise<'settled' | 'changed' | 'lost'> {
  const row = await db.row<{ same: boolean }>({
    name: 'work-settle',
    text: `with w as (
        update work set lease_owner = null, lease_until = null, enqueued_at = null, changed_at = now(),
          state = case when revision = $4 then $5 else state end,
          step_id = case when revision = $4 and $6 then null else step_id end,
          attempts = case when revision = $4 then $7 else attempts end,
          not_before = case when revision = $4 then now() + $8 * interval '1 ms' else not_before end,
          priority = case when revision = $4 and $5 = 'done' then 0 else priority end,
          last_error = case when revision <> $4 then last_error when $5 = 'done' then null
            else coalesce($9::jsonb, last_error) end
        where target = $1 and person = $2 and lease_owner = $3
        returning revision = $4 as same
      ),
      s as (
        update step set state = $11, settled_at = now()
        where id = $10::bigint and $11::text is not null and state = 'pending' and exists (select 1 from w)
      ),
      d as (
        insert into dirty (kind, person) select 'person', $2 from w where $12
      )
      select same from w`,
    values: [
      held.target,
      held.person,
      held.owner,
      held.revision,
      result.state,
      result.dropStep ?? result.state === 'done',
      result.attempts ?? 0,
      Math.round(result.waitMs ?? 0),
      result.error === undefined ? null : JSON.stringify(result.error),
      held.step?.id ?? null,
      result.step ?? null,
      result.planAgain ?? false,
    ],
  });
  if (row === undefined) return 'lost';
  return row.same ? 'settled' : 'changed';
}

/** For the only process on this store, at its start: whoever held lanes or had enqueued them is gone. */
export async function freeLanes(db: Db): Promise<void> {
  await db.rows({
    text: `update work set lease_owner = null, lease_until = null, enqueued_at = null
      where lease_owner is not null or (state = 'pending' and enqueued_at is not null)`,
  });
}

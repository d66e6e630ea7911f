import type { Lane } from '../model/job.ts';
import type { Db } from './db.ts';
import { isPaused } from './target-state.ts';

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
        where w.target = any($1::text[]) and w.state = 'pending' and w.not_before <= now()
          and not coalesce(${isPaused('t', 'w')}, false)
          and (w.step_id is not null or w.block_generation is not null)
      ) or exists (
        select 1 from work where target = any($1::text[]) and lease_until > now()
      ) as any`,
    values: [targets],
  });
  return row?.any ?? false;
}

/** For the only process on this store, at its start: whoever held lanes or had enqueued them is gone. */
export async function freeLanes(db: Db): Promise<void> {
  await db.rows({
    text: `update work set lease_owner = null, lease_until = null, enqueued_at = null
      where lease_owner is not null or (state = 'pending' and enqueued_at is not null)`,
  });
}

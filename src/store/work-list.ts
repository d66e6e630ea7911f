import type { Lane } from '../model/job.ts';
import type { Db } from './db.ts';
import type { WorkError } from './held-lanes.ts';

/** A lane as an operator sees it. */
export interface WorkRow extends Lane {
  readonly state: 'pending' | 'done' | 'parked';
  readonly step: number | null;
  readonly block: boolean;
  readonly priority: number;
  readonly attempts: number;
  readonly notBefore: Date;
  readonly running: boolean;
  readonly lastError: WorkError | null;
  readonly changedAt: Date;
}

const COLUMNS = `target, person, state, step_id as step, block_generation is not null as block, priority, attempts,
  not_before as "notBefore", coalesce(lease_until > now(), false) as running, last_error as "lastError",
  changed_at as "changedAt"`;

/** Lanes, by target and person, after `after` if given; those of one state or target if given. */
export async function listWork(
  db: Db,
  filter: {
    readonly state?: WorkRow['state'];
    readonly target?: string;
    readonly person?: string;
    readonly after?: Lane;
    readonly limit?: number;
  } = {},
): Promise<WorkRow[]> {
  return db.rows<WorkRow>({
    text: `select ${COLUMNS} from work
      where ($1::text is null or state = $1) and ($2::text is null or target = $2)
        and ($3::text is null or person = $3) and (target, person) > ($4, $5)
      order by target, person limit $6`,
    values: [
      filter.state ?? null,
      filter.target ?? null,
      filter.person ?? null,
      filter.after?.target ?? '',
      filter.after?.person ?? '',
      filter.limit ?? 1000,
    ],
  });
}

/** Has lanes that wait or are parked tried again at once: all of them, or those of a target or person. */
export async function retryWork(
  db: Db,
  filter: { readonly target?: string; readonly person?: string },
): Promise<Lane[]> {
  return db.rows<Lane>({
    text: `with waiting as (
        select target, person from work
        where state in ('pending', 'parked') and (step_id is not null or block_generation is not null)
          and ($1::text is null or target = $1) and ($2::text is null or person = $2)
        order by target, person for update
      ),
      again as (
        update work w set state = 'pending', attempts = 0, not_before = now(), enqueued_at = null,
          revision = w.revision + 1, changed_at = now()
        from waiting where w.target = waiting.target and w.person = waiting.person
        returning w.target, w.person, w.step_id
      ),
      steps as (
        update step s set state = 'pending', settled_at = null from again
        where s.id = again.step_id and s.state = 'refused'
      )
      select target, person from again order by target, person`,
    values: [filter.target ?? null, filter.person ?? null],
  });
}

/** Drops what waits in a lane. It comes back only when something about the person changes or a full plan is applied. */
export async function dropWork(db: Db, lane: Lane): Promise<boolean> {
  const row = await db.row({
    text: `with gone as (
        update work set state = 'done', step_id = null, block_generation = null, last_error = null,
          revision = revision + 1, changed_at = now()
        where target = $1 and person = $2 and state in ('pending', 'parked')
        returning target
      ),
      steps as (
        update step set state = 'dropped', settled_at = now()
        where target = $1 and person = $2 and state in ('pending', 'refused') and exists (select 1 from gone)
      )
      select target from gone`,
    values: [lane.target, lane.person],
  });
  return row !== undefined;
}

/** How many lanes of each target wait and are parked, and since when the oldest has been waiting. */
export async function countWork(
  db: Db,
): Promise<Array<{ target: string; pending: number; parked: number; oldest: Date | null }>> {
  return db.rows({
    text: `select target, count(*) filter (where state = 'pending') as pending,
        count(*) filter (where state = 'parked') as parked,
        min(changed_at) filter (where state = 'pending') as oldest
      from work where state in ('pending', 'parked') group by target order by target`,
  });
}

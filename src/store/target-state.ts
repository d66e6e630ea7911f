import type { VerdictKind } from '../model/failure.ts';
import type { Db } from './db.ts';

/** Why a target gets no work. `broken` ends by itself when `check` passes again; `operator` does not. */
export interface PauseReason {
  readonly by: 'broken' | 'operator';
  /** What is broken, or the operator's reason. */
  readonly message: string;
  readonly remedy?: string;
  /** Of an operator's pause: who it was, and whether who leaves waits too. */
  readonly actor?: string;
  readonly leavers?: boolean;
}

export interface ObserveError {
  readonly kind: VerdictKind;
  readonly message: string;
  readonly remedy?: string;
  readonly at: string;
}

export interface TargetState {
  readonly target: string;
  /** End of the last complete observation. */
  readonly observedAt: Date | null;
  readonly observeError: ObserveError | null;
  /** When its baseline plan was applied. */
  readonly baselineAt: Date | null;
  readonly pausedAt: Date | null;
  readonly pausedBecause: PauseReason | null;
}

/** What is known of each target that was ever seen. */
export async function targetStates(db: Db): Promise<Map<string, TargetState>> {
  const rows = await db.rows<TargetState>({
    name: 'target-states',
    text: `select target, observed_at as "observedAt", observe_error as "observeError", baseline_at as "baselineAt",
        paused_at as "pausedAt", paused_because as "pausedBecause" from target_state order by target`,
  });
  return new Map(rows.map((row) => [row.target, row]));
}

/** A complete observation ended. True when it was the first one. */
export async function markObserved(db: Db, target: string): Promise<boolean> {
  const row = await db.row<{ first: boolean }>({
    text: `with old as (select observed_at from target_state where target = $1)
      insert into target_state (target, observed_at) values ($1, now())
      on conflict (target) do update set observed_at = now(), observe_error = null
      returning not exists (select 1 from old where observed_at is not null) as first`,
    values: [target],
  });
  return row?.first ?? false;
}

/** An observation failed; what was observed before stays. */
export async function markObserveError(db: Db, target: string, error: ObserveError): Promise<void> {
  await db.rows({
    text: `insert into target_state (target, observe_error) values ($1, $2::jsonb)
      on conflict (target) do update set observe_error = excluded.observe_error`,
    values: [target, JSON.stringify(error)],
  });
}

/** Their baseline plan was applied: from now on their modes hold. True when one of them had none before. */
export async function markBaseline(db: Db, targets: readonly string[]): Promise<boolean> {
  const fresh = await db.rows({
    text: `insert into target_state (target, baseline_at) select distinct t, now() from unnest($1::text[]) as u(t)
      on conflict (target) do update set baseline_at = now() where target_state.baseline_at is null
      returning target`,
    values: [targets],
  });
  return fresh.length > 0;
}

/** Stops all work at a target. True when it was not paused already: tell somebody once. */
export async function pauseTarget(db: Db, target: string, reason: PauseReason): Promise<boolean> {
  const row = await db.row({
    text: `insert into target_state (target, paused_at, paused_because) values ($1, now(), $2::jsonb)
      on conflict (target) do update set paused_at = now(), paused_because = excluded.paused_because
        where target_state.paused_at is null
      returning target`,
    values: [target, JSON.stringify(reason)],
  });
  return row !== undefined;
}

/** An operator's pause, which also stands for one over something broken: it does not end by itself. */
export async function pauseByOperator(db: Db, targets: readonly string[], reason: PauseReason): Promise<string[]> {
  const rows = await db.rows<{ target: string }>({
    text: `insert into target_state (target, paused_at, paused_because)
      select t, now(), $2::jsonb from unnest($1::text[]) as u(t) order by t
      on conflict (target) do update set paused_at = coalesce(target_state.paused_at, now()),
        paused_because = excluded.paused_because
      returning target`,
    values: [targets, JSON.stringify(reason)],
  });
  return rows.map((row) => row.target).toSorted();
}

/**
 * An SQL condition: does nothing go on at the target `t` for the lane `w`? Where an operator paused it, the work for those
 * who leave goes on, unless they said otherwise.
 */
export const isPaused = (t: string, w: string): string =>
  `(${t}.paused_at is not null and (${w}.priority <= 0 or ${t}.paused_because->>'by' = 'broken'
    or coalesce((${t}.paused_because->>'leavers')::boolean, false)))`;

/** The same of a target as a whole: is anything at all to be done there, and for whom? */
export function openTo({
  pausedAt,
  pausedBecause,
}: Pick<TargetState, 'pausedAt' | 'pausedBecause'>): 'all' | 'leavers' | 'nobody' {
  if (pausedAt === null) return 'all';
  return pausedBecause?.by === 'operator' && pausedBecause.leavers !== true ? 'leavers' : 'nobody';
}

/** Ends a pause. True when there was one. */
export async function resumeTarget(db: Db, target: string): Promise<boolean> {
  const row = await db.row({
    text: `update target_state set paused_at = null, paused_because = null
      where target = $1 and paused_at is not null returning target`,
    values: [target],
  });
  return row !== undefined;
}

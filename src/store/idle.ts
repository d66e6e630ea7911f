import type { Lane } from '../model/job.ts';
import type { Db } from './db.ts';

/** An account with nothing left on it that we gave. */
export interface IdleAccount extends Lane {
  /** By the clock that plans go by. */
  readonly since: Date;
}

/** Of these persons. */
export async function idleOf(db: Db, persons: readonly string[]): Promise<IdleAccount[]> {
  if (persons.length === 0) return [];
  return db.rows({
    name: 'idle-of',
    text: 'select target, person, since from idle_account where person = any($1::text[])',
    values: [persons],
  });
}

/** What of these persons' accounts is idle now, instead of what was; one that was there keeps its time, but for `anew`. */
export async function replaceIdle(
  db: Db,
  persons: readonly string[],
  idle: ReadonlyArray<Lane & { readonly anew: boolean }>,
  now: Date,
): Promise<void> {
  if (persons.length === 0) return;
  await db.rows({
    name: 'idle-replace',
    text: `with new as (select * from unnest($2::text[], $3::text[], $5::boolean[]) as n(target, person, anew)),
      gone as (
        delete from idle_account i where i.person = any($1::text[])
          and not exists (select 1 from new n where n.target = i.target and n.person = i.person)
      )
      insert into idle_account (target, person, since) select target, person, $4 from new order by target, person
      on conflict (target, person) do update set since = excluded.since where exists (
        select 1 from new n where n.target = idle_account.target and n.person = idle_account.person and n.anew)`,
    values: [
      persons,
      idle.map((lane) => lane.target),
      idle.map((lane) => lane.person),
      now,
      idle.map((lane) => lane.anew),
    ],
  });
}

import type { Db } from './db.ts';

export interface Due {
  readonly person: string;
  /** By the clock that plans go by. */
  readonly at: Date;
}

/** What these persons wait for, instead of what they waited for before. */
export async function replaceDue(db: Db, persons: readonly string[], due: readonly Due[]): Promise<void> {
  if (persons.length === 0) return;
  await db.rows({
    name: 'due-replace',
    text: `with new as (select * from unnest($2::text[], $3::timestamptz[]) as n(person, at)),
      gone as (
        delete from due d where d.person = any($1::text[]) and not exists (select 1 from new n where n.person = d.person)
      )
      insert into due (person, at) select person, at from new order by person
      on conflict (person) do update set at = excluded.at where due.at <> excluded.at`,
    values: [persons, due.map((row) => row.person), due.map((row) => row.at)],
  });
}

/** At most this many in one go: the next turn goes on. */
const CHUNK = 1_000;

/** Has everybody planned again for whom the time has come. Gives how many that are. */
export async function markDue(db: Db, now: Date): Promise<number> {
  const rows = await db.rows({
    name: 'due-mark',
    text: `with come as (
        delete from due where person in (
          select person from due where at <= $1 order by at limit ${CHUNK} for update skip locked)
        returning person
      )
      insert into dirty (kind, person) select 'person', person from come returning id`,
    values: [now],
  });
  return rows.length;
}

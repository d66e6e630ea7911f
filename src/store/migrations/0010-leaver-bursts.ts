import { type Kysely, sql } from 'kysely';

/** Explicit leaves are counted by source, so that a burst of them can be held: docs/decisions/0013. */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of STATEMENTS) await sql.raw(statement).execute(db);
}

const STATEMENTS = [
  // The last explicit leave of each record. held: it came in a burst, and blocks nobody until somebody says that it is meant.
  // Who had left before this table was there is not in it, and so not held.
  `create table leave (
     record_key bigint primary key references record (key),
     at timestamptz not null,
     held boolean not null
   )`,

  // One row a source: what is allowed, and how many left in each of the last 60 slots of slot_s seconds; slot is the number
  // of the newest. Who counts a leave takes this row, so that the count is exact however many do so at a time.
  `create table leaver_burst (
     source text primary key,
     abs int not null default 25,
     pct double precision not null default 2,
     slot_s int not null default 60,
     slot bigint not null default 0,
     recent int[] not null default '{}'
   ) with (fillfactor = 50)`,
  `create function leave_slots(old int[], moved bigint, more int) returns int[] immutable language sql as $$
     select array_agg(coalesce(old[i + greatest(moved, 0)], 0) + case when i = 60 then more else 0 end order by i)
       from generate_series(1, 60) i $$`,
];

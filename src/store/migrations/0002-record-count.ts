import { type Kysely, sql } from 'kysely';

/** Counts of live records, so that totals and places in a list need not count rows: docs/decisions/0007. */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of STATEMENTS) await sql.raw(statement).execute(db);
}

const STATEMENTS = [
  // How many records of a source and kind are live, by blocks of 8 192 keys. A block has as many rows as there were
  // writers at the same time: their sum counts, and a single one may be negative.
  `create table record_count (
     id bigint generated always as identity primary key,
     source text not null,
     kind text not null,
     block bigint not null,
     live bigint not null
   ) with (fillfactor = 50)`,
  `create index record_count_block on record_count (source, kind, block)`,

  // Never waits for another transaction, and so has no part in a deadlock: it takes a row that nobody holds, or makes
  // one. Above read committed a row that changed since the snapshot would break the transaction off: it makes one.
  `create function record_count_add(of_source text, of_kind text, of_block bigint, change bigint) returns void
     language plpgsql as $$
     begin
       if current_setting('transaction_isolation') = 'read committed' then
         update drawbridge.record_count set live = live + change where id = (
           select id from drawbridge.record_count
           where source = of_source and kind = of_kind and block = of_block
           limit 1 for update skip locked);
         if found then return; end if;
       end if;
       insert into drawbridge.record_count (source, kind, block, live) values (of_source, of_kind, of_block, change);
     end $$`,

  // Once a statement, not once a row: a row that is counted up thousands of times in one transaction gets ever slower.
  `create function record_count_inserted() returns trigger language plpgsql as $$
     begin
       perform drawbridge.record_count_add(source, kind, key >> 13, count(*)) from after
         where gone_at is null group by source, kind, key >> 13;
       return null;
     end $$`,
  `create function record_count_deleted() returns trigger language plpgsql as $$
     begin
       perform drawbridge.record_count_add(source, kind, key >> 13, -count(*)) from before
         where gone_at is null group by source, kind, key >> 13;
       return null;
     end $$`,
  `create function record_count_updated() returns trigger language plpgsql as $$
     begin
       perform drawbridge.record_count_add(source, kind, block, sum(n)::bigint) from (
           select source, kind, key >> 13 as block, 1 as n from after where gone_at is null
           union all select source, kind, key >> 13, -1 from before where gone_at is null
         ) c group by source, kind, block having sum(n) <> 0;
       return null;
     end $$`,
  `create function record_count_truncated() returns trigger language plpgsql as $$
     begin
       delete from drawbridge.record_count;
       return null;
     end $$`,

  `lock table record in share row exclusive mode`,
  `create trigger record_count_inserted after insert on record
     referencing new table as after for each statement execute function record_count_inserted()`,
  `create trigger record_count_deleted after delete on record
     referencing old table as before for each statement execute function record_count_deleted()`,
  `create trigger record_count_updated after update on record
     referencing old table as before new table as after for each statement execute function record_count_updated()`,
  `create trigger record_count_truncated after truncate on record
     for each statement execute function record_count_truncated()`,
  `insert into record_count (source, kind, block, live)
     select source, kind, key >> 13, count(*) from record where gone_at is null group by source, kind, key >> 13`,
];

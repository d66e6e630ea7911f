import { type Kysely, sql } from 'kysely';

/** What the guard counts by, what it let through, and what waits for approval. */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of STATEMENTS) await sql.raw(statement).execute(db);
}

const STATEMENTS = [
  // How much the ledger holds by target, item, and the source that caused it. Changes are appended to owned_delta, so
  // that writers of the ledger never wait for each other; who reads under the planner's lock folds them in.
  `create table owned_count (
     target text not null,
     item text not null,
     source text not null,
     n bigint not null,
     primary key (target, item, source)
   )`,
  `create table owned_delta (target text not null, item text not null, source text not null, n bigint not null)`,
  `create function ledger_source(causes jsonb) returns text immutable language sql as
     $$ select coalesce(jsonb_path_query_first(causes, '$[*].record.source') #>> '{}', '') $$`,
  `create function ledger_came() returns trigger language plpgsql as $$ begin
     insert into drawbridge.owned_delta select target, item, drawbridge.ledger_source(causes), count(*) from new_rows group by 1, 2, 3;
     return null;
   end $$`,
  `create function ledger_went() returns trigger language plpgsql as $$ begin
     insert into drawbridge.owned_delta select target, item, drawbridge.ledger_source(causes), -count(*) from old_rows group by 1, 2, 3;
     return null;
   end $$`,
  `create function ledger_moved() returns trigger language plpgsql as $$ begin
     insert into drawbridge.owned_delta
       select target, item, source, sum(n) from (
         select target, item, drawbridge.ledger_source(causes) as source, 1 as n from new_rows
         union all select target, item, drawbridge.ledger_source(causes), -1 from old_rows) m
       group by 1, 2, 3 having sum(n) <> 0;
     return null;
   end $$`,
  `create trigger ledger_came after insert on ledger referencing new table as new_rows
     for each statement execute function ledger_came()`,
  `create trigger ledger_went after delete on ledger referencing old table as old_rows
     for each statement execute function ledger_went()`,
  `create trigger ledger_moved after update on ledger referencing old table as old_rows new table as new_rows
     for each statement execute function ledger_moved()`,
  `insert into owned_count select target, item, drawbridge.ledger_source(causes), count(*) from ledger group by 1, 2, 3`,

  // What the guard let through: it counts against budgets until it is older than the window.
  `create table guarded (
     target text not null,
     person text not null,
     item text not null,
     op text not null,
     kind text not null check (kind in ('take', 'give')),
     source text not null default '',
     approved boolean not null,
     at timestamptz not null default now(),
     primary key (target, person, item, op)
   )`,
  `create index guarded_at on guarded (at)`,

  // A planned change that waits for somebody's word. \`id\` stands for target, person, item, op and basis.
  `create table hold (
     id text primary key,
     target text not null,
     person text not null,
     item text not null,
     op text not null,
     basis text not null,
     because text not null,
     change jsonb not null,
     plan text not null,
     state text not null default 'held' check (state in ('held', 'approved', 'rejected')),
     since timestamptz not null default now(),
     decided_by text,
     decided_at timestamptz,
     reason text,
     ticket text,
     expires_at timestamptz
   )`,
  `create index hold_person on hold (person)`,
  `create index hold_open on hold (since, id) where state = 'held'`,
  `create index hold_plan on hold (plan)`,
];

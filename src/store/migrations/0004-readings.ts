import { type Kysely, sql } from 'kysely';

/** Readings of directories: their history, what they leave on records, and the state of each source. */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of STATEMENTS) await sql.raw(statement).execute(db);
}

const STATEMENTS = [
  // A record whose entry is missing is frozen until it comes back, or until due_at: then it is gone by this evidence.
  `alter table record
     add column missing_since timestamptz,
     add column missing_evidence text,
     add column missing_readings int not null default 0,
     add column due_at timestamptz`,
  `create index record_due on record (due_at) where due_at is not null`,
  `create index record_missing on record (source) where missing_since is not null`,

  // cursor_scope: what the directory read when it gave the cursor. sealed_at, full_at: when those readings began.
  `create table source_state (
     source text primary key,
     since timestamptz not null,
     cursor text,
     cursor_scope text,
     sealed_at timestamptz,
     full_at timestamptz,
     failures int not null default 0,
     next_at timestamptz,
     frozen_at timestamptz,
     frozen_because text check (frozen_because in ('stale', 'retired')),
     succeeded_by text,
     removed_at timestamptz
   )`,

  // staged: what it read is kept, in tables of its own, since it may still be accepted.
  `create table reading (
     id bigint generated always as identity primary key,
     source text not null,
     scope text check (scope in ('full', 'changes')),
     state text not null check (state in ('running', 'sealed', 'accepted', 'unsealed', 'failed')),
     actor text not null,
     kept_back text[] not null default '{}',
     because text,
     remedy text,
     verdict text,
     staged boolean not null default false,
     covers text[] not null default '{}',
     cursor text,
     cursor_scope text,
     facts jsonb not null default '{}',
     changes jsonb not null default '{}',
     started_at timestamptz not null,
     ended_at timestamptz,
     read_ms int,
     admit_ms int
   )`,
  `create index reading_source on reading (source, id)`,

  // Members that a source named and of which it has not told yet: joined as soon as both are there.
  `create table waiting_member (
     source text not null,
     group_anchor text not null,
     member_anchor text not null,
     primary key (source, group_anchor, member_anchor)
   )`,
];

import { type Kysely, sql } from 'kysely';

/** By what records find their persons, and what somebody has to decide. */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of STATEMENTS) await sql.raw(statement).execute(db);
}

const STATEMENTS = [
  // A secondary record is one more of the same human in the same source: it never ends or suspends anything.
  // dormant: it was disabled when it was first seen, beside records that are active; that decides nothing until it is
  // said again.
  `alter table person_record add column secondary boolean not null default false,
     add column dormant boolean not null default false`,

  // Values by which a record may be found, in the form in which they are compared. Of gone records too: a returner is
  // known by them. Empty as long as the settings name no keys.
  `create table correlation_key (
     issuer text not null,
     name text not null,
     value text not null,
     record_key bigint not null,
     primary key (issuer, name, value, record_key)
   )`,
  `create index correlation_key_record on correlation_key (record_key)`,

  // What somebody has to decide about one record; persons are those that it may belong to. ignored: it is nobody's,
  // and that was said.
  `create table identity_case (
     id text primary key,
     record_key bigint not null,
     kind text not null,
     key_name text,
     persons text[] not null default '{}',
     state text not null default 'open' check (state in ('open', 'ignored', 'resolved')),
     since timestamptz not null default now(),
     outcome text,
     person text,
     decided_by text,
     decided_at timestamptz,
     reason text,
     ticket text
   )`,
  `create unique index identity_case_record on identity_case (record_key) where state <> 'resolved'`,
  `create index identity_case_open on identity_case (id) where state = 'open'`,
  `create index identity_case_list on identity_case (since, id)`,

  // Of these two it was said that they are two, whatever their records have in common. a < b.
  `create table person_apart (
     a text not null references person (id),
     b text not null references person (id),
     primary key (a, b)
   )`,
  `create index person_apart_b on person_apart (b)`,
];

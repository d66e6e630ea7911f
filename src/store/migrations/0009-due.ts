import { type Kysely, sql } from 'kysely';

/**
 * When somebody has to be planned again because a time bound of theirs passes. Everybody who is there is planned once,
 * to find out who has one.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql.raw('create table due (person text primary key, at timestamptz not null)').execute(db);
  await sql.raw('create index due_at on due (at)').execute(db);
  await sql.raw(`insert into dirty (kind) select 'all' where exists (select 1 from person)`).execute(db);
}

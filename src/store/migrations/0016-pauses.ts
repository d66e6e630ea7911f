import { type Kysely, sql } from 'kysely';

/** Sources that an operator paused, and people whom one froze: with who, when and why. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql.raw('alter table source_state add column paused jsonb').execute(db);
  await sql.raw('alter table person add column frozen jsonb').execute(db);
}

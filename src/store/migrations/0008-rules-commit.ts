import { sql, type Kysely } from 'kysely';

/** The commit of the rules that a plan was made by, beside the digest of their meaning. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql.raw('alter table plan add column rules_commit text').execute(db);
}

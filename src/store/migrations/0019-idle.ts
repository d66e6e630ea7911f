import { type Kysely, sql } from 'kysely';

/** Since when an account has nothing left that we gave; everybody is planned once, to find out who has such a one. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql
    .raw(
      `create table idle_account (
         target text not null,
         person text not null,
         since timestamptz not null,
         primary key (target, person)
       )`,
    )
    .execute(db);
  await sql.raw('create index idle_account_person on idle_account (person)').execute(db);
  await sql.raw(`insert into dirty (kind) select 'all' where exists (select 1 from person)`).execute(db);
}

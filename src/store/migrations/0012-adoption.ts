import { type Kysely, sql } from 'kysely';

/**
 * What operators said about accounts that were at a target before us. Everybody who is there is planned once: an
 * account with a wanted login was only reported until now, and may be taken over from here on.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql
    .raw(
      `create table adoption (
         target text not null,
         account_id text not null,
         person text not null,
         word text not null check (word in ('adopt', 'leave')),
         said_by text not null,
         said_at timestamptz not null default now(),
         reason text not null,
         ticket text,
         primary key (target, account_id, person)
       )`,
    )
    .execute(db);
  await sql.raw('create index adoption_person on adoption (person)').execute(db);
  await sql.raw(`create index finding_adoption on finding (target, person) where kind = 'adoption'`).execute(db);
  await sql.raw(`insert into dirty (kind) select 'all' where exists (select 1 from person)`).execute(db);
}

import { type Kysely, sql } from 'kysely';

/**
 * Takes the locks of these values ('CORR' is their space) and says who has them: one call instead of two, since each
 * statement of a function sees what was committed before it, and so what the locks waited for. 21: one more than CROWD.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql.raw(LOOK).execute(db);
}

const LOOK = `create function correlation_look(issuers text[], names text[], vals text[])
  returns table (state jsonb, persons text[]) language plpgsql volatile as $$
begin
  perform pg_advisory_xact_lock_shared(1129271890, 0);
  perform pg_advisory_xact_lock(h) from (
    select distinct hashtextextended(jsonb_build_array(k.issuer, k.name, k.value)::text, 1129271890) as h
    from unnest(issuers, names, vals) as k(issuer, name, value) order by 1) s;
  return query select (select m.value from meta m where m.key = 'correlation'), array(
    select distinct p.person
    from unnest(issuers, names, vals) as c(issuer, name, value)
      cross join lateral (
        select k.record_key from correlation_key k
        where k.issuer = c.issuer and k.name = c.name and k.value = c.value limit 21) k
      cross join lateral (select pr.person from person_record pr where pr.record_key = k.record_key offset 0) p
    order by 1);
end $$`;

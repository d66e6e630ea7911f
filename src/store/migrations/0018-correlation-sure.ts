import { type Kysely, sql } from 'kysely';

/**
 * The look at who has these values (0015) says more: by which key (`sure`), where that is all there is to say. One
 * person has them, found first by a key that is given out once, with no record in this source and nothing dormant.
 * 'CORR' is the space of the locks; 21: one more than CROWD.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql.raw('drop function correlation_look(text[], text[], text[])').execute(db);
  await sql.raw(LOOK).execute(db);
}

const LOOK = `create function correlation_look(issuers text[], names text[], vals text[], reuse boolean[],
    of_source text, of_secondary boolean)
  returns table (state jsonb, persons text[], sure text) language plpgsql volatile as $$
declare
  found text[];
  by_key text;
  unsure boolean;
begin
  perform pg_advisory_xact_lock_shared(1129271890, 0);
  perform pg_advisory_xact_lock(h) from (
    select distinct hashtextextended(jsonb_build_array(k.issuer, k.name, k.value)::text, 1129271890) as h
    from unnest(issuers, names, vals) as k(issuer, name, value) order by 1) s;
  select array_agg(distinct p.person order by p.person), (array_agg(b.name order by b.at))[1],
      (array_agg(b.reused order by b.at))[1] or max(b.crowd) > 20
    into found, by_key, unsure
    from (
      select c.at, c.name, c.reused, k.record_key, count(*) over (partition by c.at) as crowd
      from unnest(issuers, names, vals, reuse) with ordinality as c(issuer, name, value, reused, at)
        cross join lateral (
          select k.record_key from correlation_key k
          where k.issuer = c.issuer and k.name = c.name and k.value = c.value limit 21) k
    ) b cross join lateral (select pr.person from person_record pr where pr.record_key = b.record_key offset 0) p;
  if cardinality(found) = 1 and not unsure then
    perform pg_advisory_xact_lock(hashtextextended(found[1], 1129271890));
    if exists (
      select 1 from (select l.record_key, l.secondary, l.dormant from person_record l where l.person = found[1] offset 0) l
        cross join lateral (select r.source, r.gone_at from record r where r.key = l.record_key offset 0) r
      where l.dormant or not of_secondary and not l.secondary and r.source = of_source and r.gone_at is null)
    then by_key := null;
    end if;
  else by_key := null;
  end if;
  return query select (select m.value from meta m where m.key = 'correlation'), coalesce(found, '{}'), by_key;
end $$`;

import { type CaseKind, type Correlator, CROWD, type Identity, type KeyValue } from '../../model/correlation.ts';
import type { Db } from '../db.ts';
import { goesOnSql } from './dormant.ts';
import { recordsSql } from './records-sql.ts';
import { type CorrelationState, isReady, STATE_SQL } from './state.ts';

/** A record of a user, and what it is found by. */
export interface KeyedRecord {
  /** 0 for one that is not there yet. */
  readonly key: number;
  readonly source: string;
  readonly identity: Identity;
}

/** To whom a record belongs by its keys. */
export interface Decision {
  /** Whom it is linked to now. */
  readonly own: string | null;
  /** For one that is linked to nobody: whom it finds. Without it, and without a case, it is somebody new. */
  readonly person?: string;
  /** The key that found them. */
  readonly by?: string;
  readonly case?: { readonly kind: CaseKind; readonly key: string | null; readonly persons: readonly string[] };
  /** Everybody whom it finds. */
  readonly persons: readonly string[];
  /** Keys whose value too many records have. */
  readonly crowded: readonly string[];
}

interface Row {
  readonly n: number;
  readonly own: string | null;
  readonly dormant: boolean;
  readonly key: string | null;
  readonly first: string | null;
  readonly kind: CaseKind | null;
  readonly persons: string[] | null;
  readonly twins: string[] | null;
  readonly twinKey: string | null;
  readonly crowded: string[] | null;
  readonly state: CorrelationState | null;
}

/**
 * The first key that finds anybody decides. Whom weaker keys find besides is a twin, unless a better key or somebody's
 * word says that they are two. Every look is by index and bounded by CROWD, however many people there are.
 */
const DECIDE = `with subject as materialized (
    select s.n, s.source, s.secondary, pr.person as own, pr.dormant
    from unnest($2::bigint[], $3::text[], $4::boolean[]) as s(n, source, secondary)
      left join lateral (select person, dormant from person_record where record_key = s.n offset 0) pr on true
  ), candidate as materialized (
    select * from unnest($5::bigint[], $6::int[], $7::text[], $8::text[], $9::text[], $10::boolean[])
      as c(n, ord, issuer, name, value, reused)
  ), bearer as materialized (
    select c.n, c.ord, c.name, c.reused, k.record_key, count(*) over (partition by c.n, c.ord, c.value) as crowd
    from candidate c cross join lateral (
      select record_key from correlation_key k
      where k.issuer = c.issuer and k.name = c.name and k.value = c.value and k.record_key <> c.n limit ${CROWD + 1}) k
  ), match as materialized (
    select b.n, b.ord, b.name, b.reused, pr.person, bool_or(r.gone_at is null) as live,
      bool_or(r.gone_at is not null and r.source = s.source) as went
    from bearer b join subject s on s.n = b.n
      cross join lateral (select person from person_record where record_key = b.record_key offset 0) pr
      cross join lateral (select source, gone_at from record where key = b.record_key offset 0) r
    where b.crowd <= ${CROWD} and (not b.reused or r.gone_at is null or r.gone_at > $1::timestamptz)
      and pr.person is distinct from s.own
    group by b.n, b.ord, b.name, b.reused, pr.person
  ), judged as materialized (
    select m.*, m.reused and exists (
        select 1 from candidate c
          cross join lateral (select record_key from person_record where person = m.person offset 0) p
          cross join lateral (select value from correlation_key k
            where k.record_key = p.record_key and k.issuer = c.issuer and k.name = c.name offset 0) k
        where c.n = m.n and not c.reused
        group by c.issuer, c.name having not bool_or(k.value = c.value)) as contradicted
    from match m
  ), whom as materialized (
    select n, person, min(ord) as ord, (array_agg(name order by ord))[1] as name,
      bool_or(not contradicted and (not reused or live)) as sound
    from judged group by n, person
  ), first as materialized (
    select j.n, min(j.name) as key, array_agg(j.person order by j.person) as persons, bool_or(j.reused) as reused,
      bool_or(j.live) as live, bool_or(j.went) as went, bool_or(j.contradicted) as contradicted
    from judged j join (select n, min(ord) as ord from judged group by n) f on f.n = j.n and f.ord = j.ord group by j.n
  ), everybody as (
    select n, array_agg(person order by ord, person) as persons from whom group by n
  ), twin as (
    select w.n, array_agg(w.person order by w.ord, w.person) as persons,
      (array_agg(w.name order by w.ord, w.person))[1] as name
    from whom w join subject s on s.n = w.n join first f on f.n = w.n
    where w.sound and w.person <> coalesce(s.own, f.persons[1])
      and not exists (select 1 from person_apart a where a.a = least(w.person, coalesce(s.own, f.persons[1]))
        and a.b = greatest(w.person, coalesce(s.own, f.persons[1])) offset 0)
      and not exists (
        select 1 from (select record_key from person_record where person = w.person offset 0) x
          cross join lateral (select persons from identity_case i where i.record_key = x.record_key
            and i.state <> 'resolved' and i.kind = 'twin' and i.record_key <> w.n offset 0) i
        where coalesce(s.own, f.persons[1]) = any(i.persons) offset 0)
    group by w.n
  ), crowd as (
    select n, array_agg(distinct name) as names from bearer where crowd > ${CROWD} group by n
  )
  select s.n, s.own, coalesce(s.dormant, false) and exists (
      select 1 from record r where r.key = s.n and not r.active and r.gone_at is null and ${goesOnSql('s.own')}) as dormant,
    f.key, f.persons[1] as first,
    case when s.own is not null or f.n is null then null
      when cardinality(f.persons) > 1 then 'ambiguous'
      when f.reused and (f.went or not f.live) then 'recycled'
      when f.contradicted then 'contradicted'
      when not s.secondary and exists (
        select 1 from ${recordsSql('f.persons[1]')} p
        where p.source = s.source and p.gone_at is null and not p.secondary and p.key <> s.n) then 'second'
    end as kind,
    e.persons, t.persons as twins, t.name as "twinKey", c.names as crowded, ${STATE_SQL} as state
  from subject s left join first f on f.n = s.n left join everybody e on e.n = s.n left join twin t on t.n = s.n
    left join crowd c on c.n = s.n`;

/**
 * Decides these records; their keys must be locked. Undefined while the keys of all records are being made: nothing can
 * be decided yet. Throws `StoreUnavailable` when they were made by other settings. One statement.
 */
export async function decide(
  db: Db,
  records: readonly KeyedRecord[],
  by: { readonly correlator: Correlator; readonly now: Date; readonly rebuilding?: true },
): Promise<Map<number, Decision> | undefined> {
  const { correlator, now, rebuilding } = by;
  const of = records.flatMap((record) => record.identity.keys.map((key) => ({ n: record.key, key })));
  const keys = of.map(({ key }) => key);
  const rows = await db.rows<Row>({
    ...(records.length === 1 && { name: 'correlation-decide' }),
    text: DECIDE,
    values: [
      new Date(now.getTime() - correlator.recycle),
      records.map((record) => record.key),
      records.map((record) => record.source),
      records.map((record) => record.identity.role === 'secondary'),
      of.map(({ n }) => n),
      keys.map((key) => key.order),
      ...columns(keys),
      keys.map((key) => key.reused),
    ],
  });
  const [first] = rows;
  if (first !== undefined && !isReady(correlator, first.state) && rebuilding !== true) return undefined;
  const roles = new Map(records.map((record) => [record.key, record.identity.role]));
  return new Map(rows.map((row) => [row.n, asDecision(row, roles.get(row.n) === 'undecided')]));
}

function asDecision(row: Row, undecided: boolean): Decision {
  const { own, dormant, key, first, kind, twins, twinKey } = row;
  const persons = row.persons ?? [];
  const found = { own, persons, crowded: row.crowded ?? [] };
  if (own === null && undecided) return { ...found, case: { kind: 'undecided', key: null, persons } };
  if (kind !== null) return { ...found, case: { kind, key, persons } };
  return {
    ...found,
    ...(own === null && first !== null && key !== null && { person: first, by: key }),
    ...(twins !== null && { case: { kind: 'twin' as const, key: twinKey, persons: twins } }),
    ...(twins === null && dormant && own !== null && { case: { kind: 'dormant' as const, key: null, persons: [own] } }),
  };
}

/** Issuers, names and values, one array each. */
export const columns = (keys: readonly KeyValue[]): [string[], string[], string[]] => [
  keys.map((key) => key.issuer),
  keys.map((key) => key.name),
  keys.map((key) => key.value),
];

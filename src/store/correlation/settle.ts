import type { Correlator } from '../../model/correlation.ts';
import type { Db } from '../db.ts';
import { newCaseId, newPersonId } from './ids.ts';
import { dormantSql, goesOnSql, wokenSql } from './dormant.ts';
import { columns, type Decision, decide, type KeyedRecord } from './decide.ts';

export interface Settling {
  readonly correlator: Correlator;
  readonly now: Date;
  readonly actor: string;
  /** Decides though not all records have been looked at by the settings of now: that is what is being done. */
  readonly rebuilding?: true;
  /** The caller has the records planned, and tells of new ones with their persons. */
  readonly told?: true;
}

/** From now on the records are found by these values, and by no others. */
export async function putKeys(db: Db, records: readonly KeyedRecord[]): Promise<void> {
  const of = records.flatMap((record) => record.identity.keys.map((key) => ({ record: record.key, key })));
  await db.rows({
    ...(records.length === 1 && { name: 'correlation-put-keys' }),
    text: `with new as materialized (
        select distinct * from unnest($2::bigint[], $3::text[], $4::text[], $5::text[]) as n(record_key, issuer, name, value)
      ), old as (
        delete from correlation_key k where k.record_key = any($1::bigint[]) and not exists (
          select 1 from new n where n.record_key = k.record_key
            and n.issuer = k.issuer and n.name = k.name and n.value = k.value)
      )
      insert into correlation_key (record_key, issuer, name, value) select * from new on conflict do nothing`,
    values: [records.map((r) => r.key), of.map((o) => o.record), ...columns(of.map((o) => o.key))],
  });
}

/**
 * Finds the person of each record that is linked to nobody, or opens or closes its case; of those that are linked looks
 * whether there is another person who may be the same. Comes to what settling one after the other in this order would
 * come to. Keys must be put and locked. Does nothing while the keys of all records are being made.
 */
export async function settleRecords(tx: Db, records: readonly KeyedRecord[], settling: Settling): Promise<void> {
  const first = await decide(tx, records, settling);
  if (first === undefined) return;
  const again = async (some: readonly KeyedRecord[]) =>
    (await decide(tx, some, settling)) ?? new Map<number, Decision>();
  const isLinked = (record: KeyedRecord): boolean => of(first, record).own !== null;
  let todo: readonly KeyedRecord[] = records.filter((record) => !isLinked(record));
  let decided = first;
  while (todo.length > 0) {
    const { turn, later } = independent(todo, decided);
    await apply(tx, paired(turn, decided), settling);
    if (later.length > 0) decided = await again(later);
    todo = later;
  }
  const linked = records.filter(isLinked);
  // Those that were nobody's are somebody's by now.
  const last = linked.length === 0 || linked.length === records.length ? first : await again(linked);
  await apply(tx, withoutMirrors(paired(linked, last)), settling);
}

interface Outcome {
  readonly record: KeyedRecord;
  readonly decision: Decision;
}

const NOTHING: Decision = { own: null, persons: [], crowded: [] };
const of = (decided: ReadonlyMap<number, Decision>, record: KeyedRecord): Decision =>
  decided.get(record.key) ?? NOTHING;
const paired = (records: readonly KeyedRecord[], decided: ReadonlyMap<number, Decision>): Outcome[] =>
  records.map((record) => ({ record, decision: of(decided, record) }));

/**
 * Those that may be settled now: no earlier one has a value in common with them or finds the same person. Those that are
 * no secondary records come first.
 */
function independent(
  records: readonly KeyedRecord[],
  decided: ReadonlyMap<number, Decision>,
): { readonly turn: readonly KeyedRecord[]; readonly later: readonly KeyedRecord[] } {
  const isSecondary = (record: KeyedRecord): boolean => record.identity.role === 'secondary';
  const taken = new Set<string>();
  const turn: KeyedRecord[] = [];
  const later: KeyedRecord[] = [];
  for (const record of records.toSorted((a, b) => Number(isSecondary(a)) - Number(isSecondary(b)))) {
    const { crowded, persons } = of(decided, record);
    const values = record.identity.keys
      .filter((key) => !crowded.includes(key.name))
      .map((key) => JSON.stringify([key.issuer, key.name, key.value]));
    const marks = [...values, ...persons];
    (marks.some((mark) => taken.has(mark)) ? later : turn).push(record);
    for (const mark of marks) taken.add(mark);
  }
  return { turn, later };
}

/** Of two records that find each other's person, the first keeps the case. */
function withoutMirrors(outcomes: readonly Outcome[]): Outcome[] {
  const said = new Set<string>();
  return outcomes.map(({ record, decision }) => {
    const { own, case: odd } = decision;
    if (odd?.kind !== 'twin' || own === null) return { record, decision };
    const persons = odd.persons.filter((person) => !said.has(`${person} ${own}`));
    for (const person of persons) said.add(`${own} ${person}`);
    const { case: _, ...clear } = decision;
    return { record, decision: persons.length === 0 ? clear : { ...decision, case: { ...odd, persons } } };
  });
}

/** Puts them into force, in one statement. What an operator said (`ignored`) stands. */
async function apply(tx: Db, outcomes: readonly Outcome[], { actor, told }: Settling): Promise<void> {
  if (outcomes.length === 0) return;
  const rows = outcomes.map(({ record, decision }) => {
    const { role } = record.identity;
    // What is no human's has no case either.
    const odd = role === 'other' && decision.own === null ? undefined : decision.case;
    const links = linksTo(record, decision);
    return {
      n: record.key,
      links: links !== undefined,
      person: links ?? decision.own,
      by: decision.by ?? 'new',
      secondary: role === 'secondary',
      id: newCaseId(),
      kind: odd?.kind,
      key: odd?.key,
      persons: odd?.persons ?? [],
    };
  });
  await tx.rows({
    ...(rows.length === 1 && { name: 'correlation-apply' }),
    text: APPLY,
    values: [JSON.stringify(rows), actor, told === true],
  });
}

/** Whom a record that is nobody's is linked to; undefined for one that is somebody's, or is to be nobody's. */
export function linksTo({ identity }: Pick<KeyedRecord, 'identity'>, decision: Decision): string | undefined {
  if (decision.own !== null || identity.role === 'other') return undefined;
  if (decision.person !== undefined) return decision.person;
  return decision.case === undefined ? newPersonId() : undefined;
}

const APPLY = `with v as materialized (
    select v.*, r.source, r.anchor, r.active, r.version from jsonb_to_recordset($1::jsonb)
      as v(n bigint, links boolean, person text, by text, secondary boolean, id text, kind text, key text, persons text[])
      join record r on r.key = v.n
    where not exists (select 1 from identity_case i where i.record_key = v.n and i.state = 'ignored')
  ), p as (
    insert into person (id) select person from v where links and by = 'new'
  ), l as (
    insert into person_record (record_key, person, linked_by, secondary, dormant)
    select n, person, by, secondary, ${dormantSql('v')} from v where links
  ), odd as materialized (
    select id, n, kind, key, persons from v where kind is not null
    union all select id, n, 'dormant', null, array[person] from v
      where links and kind is null and ${dormantSql('v')} and ${goesOnSql('v.person')}
  ), linked as (
    select person, active, secondary from v where links
  ), ${wokenSql('linked', '$2')}, d as (
    insert into dirty (kind, record_key) select 'user', n from v where links and not $3::boolean
  ), c as (
    insert into identity_case as c (id, record_key, kind, key_name, persons)
    select id, n, kind, key, persons from odd
    on conflict (record_key) where state <> 'resolved' do update
      set kind = excluded.kind, key_name = excluded.key_name, persons = excluded.persons
      where c.state = 'open' and (c.kind, c.key_name, c.persons)
        is distinct from (excluded.kind, excluded.key_name, excluded.persons)
    returning id, record_key, kind, key_name, persons
  ), x as (
    update identity_case i set state = 'resolved', outcome = 'cleared', person = v.person, decided_by = $2,
      decided_at = now()
    from v where i.record_key = v.n and i.state = 'open' and not exists (select 1 from odd where odd.n = v.n)
    returning i.id, v.n
  )
  insert into event (actor, kind, person, source, object, detail)
  select $2, 'record.linked', person, source, anchor, jsonb_build_object('by', by) from v where links and (by <> 'new' or not $3)
  union all
  select $2, 'case.opened', case when v.links or v.person is not null then v.person end, v.source, v.anchor,
    jsonb_build_object('case', c.id, 'why', c.kind, 'key', c.key_name, 'persons', c.persons)
  from c join v on v.n = c.record_key
  union all
  select $2, 'case.cleared', v.person, v.source, v.anchor, jsonb_build_object('case', x.id) from x join v on v.n = x.n`;

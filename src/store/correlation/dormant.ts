import type { Db } from '../db.ts';
import { recordsSql } from './records-sql.ts';

/**
 * A record that is disabled when it is first seen is *dormant*: that is no change, so it ends nobody who is active
 * elsewhere before its source says it again, or an operator does. This is of a link that is made: the record `r`.
 */
export const dormantSql = (r: string): string => `(not ${r}.active and ${r}.version = 1)`;

/** Has the person a primary record that is active? */
export const goesOnSql = (person: string): string => `exists (
  select 1 from ${recordsSql(person)} d where not d.secondary and not d.dormant and d.active and d.gone_at is null offset 0)`;

/** Nine random bytes in 12 characters, as `newCaseId` makes them. */
const CASE_ID = `'c_' || translate(encode(substr(uuid_send(gen_random_uuid()), 1, 9), 'base64'), '+/', '-_')`;

/**
 * Opens a case for each dormant record of those to whom an active record is just linked (`links`: person, active,
 * secondary), as CTEs `woken`, the new cases, and their events.
 */
export const wokenSql = (links: string, actor: string): string => `woken as (
    insert into identity_case (id, record_key, kind, persons)
    select ${CASE_ID}, d.key, 'dormant', array[l.person] from ${links} l cross join lateral ${recordsSql('l.person')} d
    where l.active and not l.secondary and d.dormant and not d.active and d.gone_at is null
    on conflict (record_key) where state <> 'resolved' do nothing returning id, record_key, persons
  ), told as (
    insert into event (actor, kind, person, source, object, detail)
    select ${actor}, 'case.opened', w.persons[1], r.source, r.anchor,
      jsonb_build_object('case', w.id, 'why', 'dormant', 'key', null, 'persons', w.persons)
    from woken w join record r on r.key = w.record_key
  )`;

/** Records of these persons that are disabled and were never seen otherwise. */
export async function disabledAtFirstSight(tx: Db, persons: readonly string[]): Promise<number[]> {
  const rows = await tx.rows<{ key: number }>({
    text: `select r.key from person p join person_record pr on pr.person = p.id join record r on r.key = pr.record_key
      where p.id = any($1::text[]) and p.generation = 0 and not r.active and r.gone_at is null`,
    values: [persons],
  });
  return rows.map((row) => row.key);
}

/** These stay dormant at the person to whom they came. Where that matters it is a case. */
export async function keepDormant(tx: Db, person: string, records: readonly number[], actor: string): Promise<void> {
  await tx.rows({
    text: 'update person_record set dormant = true where person = $1 and record_key = any($2::bigint[])',
    values: [person, records],
  });
  await tx.rows({
    text: `with links as (select $1::text as person, true as active, false as secondary where ${goesOnSql('$1')}),
      ${wokenSql('links', '$2::text')} select 1`,
    values: [person, actor],
  });
}

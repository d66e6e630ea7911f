/**
 * The records of a person with their links, as a table of a statement: always found by index, one after the other. Left
 * to choose, the database goes through all records as long as it does not know how many there are, and a prepared
 * statement keeps to that.
 */
export const recordsSql = (person: string): string => `(
  select l.secondary, l.dormant, r.key, r.source, r.active, r.gone_at, r.evidence
  from (select record_key, secondary, dormant from person_record where person = ${person} offset 0) l
    cross join lateral (select key, source, active, gone_at, evidence from record where key = l.record_key offset 0) r offset 0)`;

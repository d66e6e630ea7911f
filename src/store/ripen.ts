import type { Db } from './db.ts';

/** Records that become gone in one transaction. */
const CHUNK = 1_000;

/**
 * Records whose grace has run out are gone by the evidence that they are missing by, and whoever they concern is
 * planned again. Nothing comes due at a source that is frozen: it could not be asked. Restarts lose nothing, since the
 * time stands on the record. Gives how many there were.
 */
export async function ripenMissing(db: Db, now: Date): Promise<number> {
  let all = 0;
  for (;;) {
    const rows = await db.rows<{ key: number }>({
      name: 'ripen-missing',
      text: `with due as (
          select r.key from record r where r.due_at <= $1
            and not exists (select 1 from source_state s where s.source = r.source and s.frozen_because is not null)
          order by r.due_at limit ${CHUNK} for update of r skip locked
        ), gone as (
          update record r set gone_at = $1, evidence = r.missing_evidence, version = r.version + 1, changed_at = now(),
            missing_since = null, missing_evidence = null, missing_readings = 0, due_at = null
          from due where r.key = due.key returning r.key, r.kind, r.source, r.anchor, r.evidence
        ), told as (
          insert into event (actor, kind, person, source, object, detail)
          select 'drawbridge', 'record.gone', pr.person, g.source, g.anchor,
            jsonb_build_object('resource', g.kind, 'evidence', g.evidence)
          from gone g left join person_record pr on pr.record_key = g.key
        ), marked as (
          insert into dirty (kind, record_key) select kind, key from gone
        )
        select key from gone`,
      values: [now],
    });
    all += rows.length;
    if (rows.length < CHUNK) return all;
  }
}

import type { ReadingScope } from '../../model/facts.ts';
import type { Db } from '../db.ts';

/** How long a missing entry is waited for before it counts as gone. Milliseconds. */
export interface Grace {
  readonly absent: number;
  /** In so many sealed full readings the entry has to be missing besides. */
  readonly readings: number;
  readonly scopedOut: number;
}

export interface DeparturesRequest {
  readonly source: string;
  readonly scope: ReadingScope;
  readonly now: Date;
  readonly grace: Grace;
}

/** A tombstone is the source's own word, also about a record that was gone by inference. */
const EXPLICIT = `with d as (
    update record r set gone_at = $2, evidence = 'explicit', version = r.version + 1, changed_at = now(),
      active = case when r.kind = 'user' then false else r.active end,
      missing_since = null, missing_evidence = null, missing_readings = 0, due_at = null
    from seen s where s.state = 'gone' and s.evidence = 'explicit' and r.source = $1 and r.anchor = s.anchor
      and (r.gone_at is null or r.evidence is distinct from 'explicit')
    returning r.key, r.anchor, r.kind
  ) insert into departure select key, anchor, kind, 'explicit' from d`;

/** Said to have left the filter, or to be gone nobody knows why: the latter never comes due. */
const STATED = `with d as (
    update record r set missing_since = $2, missing_evidence = s.evidence, missing_readings = 0,
      due_at = case when s.evidence = 'scoped-out' then $2::timestamptz + $3 * interval '1 ms' end,
      version = r.version + 1
    from seen s where s.state = 'gone' and s.evidence <> 'explicit' and r.source = $1 and r.anchor = s.anchor
      and r.gone_at is null and (r.missing_since is null
        or (r.missing_evidence is distinct from 'scoped-out' and s.evidence = 'scoped-out'))
    returning r.key, r.anchor, r.kind, r.missing_evidence
  ) insert into departure select key, anchor, kind, missing_evidence from d`;

/** Missing again: the second sealed full reading starts the clock that began at the first. */
const STILL_ABSENT = `update record r set missing_readings = r.missing_readings + 1,
    due_at = case when r.missing_readings + 1 >= $3
      then coalesce(r.due_at, greatest(r.missing_since + $4 * interval '1 ms', $2::timestamptz)) end
  where r.source = $1 and r.gone_at is null and r.missing_evidence = 'absent'
    and not exists (select 1 from seen s where s.anchor = r.anchor)`;

const ABSENT = `with d as (
    update record r set missing_since = $2, missing_evidence = 'absent', missing_readings = 1, version = r.version + 1,
      due_at = case when $3::int <= 1 then $2::timestamptz + $4 * interval '1 ms' end
    where r.source = $1 and r.gone_at is null and r.missing_since is null
      and not exists (select 1 from seen s where s.anchor = r.anchor)
    returning r.key, r.anchor, r.kind
  ) insert into departure select key, anchor, kind, 'absent' from d`;

const EVENTS = `insert into event (actor, kind, person, source, object, detail)
  select $1, case when d.evidence = 'explicit' then 'record.gone' else 'record.missing' end, pr.person, $2, d.anchor,
    jsonb_build_object('resource', d.kind, 'evidence', d.evidence, 'reading', $3::bigint)
  from departure d left join person_record pr on pr.record_key = d.key order by d.key`;

/** The table `departure` in which a transaction notes who went, with the evidence. */
export async function createDepartures(tx: Db): Promise<void> {
  await tx.rows({
    text: `create temp table departure (key bigint, anchor text, kind text, evidence text) on commit drop`,
  });
}

/**
 * What a sealed reading takes away: by its own word, and a full one besides what is not in it. Only the source's
 * explicit word takes anything at once; everybody else is missing from now on, and frozen.
 */
export async function admitDepartures(tx: Db, request: DeparturesRequest): Promise<{ left: number; missing: number }> {
  const { source, scope, now, grace } = request;
  await tx.rows({ text: EXPLICIT, values: [source, now] });
  await tx.rows({ text: STATED, values: [source, now, grace.scopedOut] });
  if (scope === 'full') {
    const values = [source, now, grace.readings, grace.absent];
    await tx.rows({ text: STILL_ABSENT, values });
    await tx.rows({ text: ABSENT, values });
  }
  const row = await tx.row<{ left: number; missing: number }>({
    text: `select count(*) filter (where evidence = 'explicit' and kind = 'user') as left,
      count(*) filter (where evidence <> 'explicit') as missing from departure`,
  });
  return row ?? { left: 0, missing: 0 };
}

export async function tellDepartures(tx: Db, actor: string, source: string, reading: number): Promise<void> {
  await tx.rows({ text: EVENTS, values: [actor, source, reading] });
}

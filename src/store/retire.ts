import type { Db } from './db.ts';
import { markAll } from './dirty.ts';
import { appendEvents } from './events.ts';

/** What hangs on the records of a source. */
export interface SourceHolds {
  readonly users: number;
  readonly groups: number;
  /** Persons with an account that we gave or look after, who have no record of another source. */
  readonly withAccess: number;
}

/** What a removal of the source's records would concern. */
export async function countHolds(db: Db, source: string): Promise<SourceHolds> {
  const row = await db.row<SourceHolds>({
    text: `select count(*) filter (where r.kind = 'user') as users, count(*) filter (where r.kind = 'group') as groups,
        (select count(distinct l.person) from ledger l
          join person_record pr on pr.person = l.person join record o on o.key = pr.record_key
          where l.item = 'account' and o.source = $1 and o.gone_at is null and not exists (
            select 1 from person_record p2 join record r2 on r2.key = p2.record_key
            where p2.person = l.person and r2.source <> $1 and r2.gone_at is null)) as "withAccess"
      from record r where r.source = $1 and r.gone_at is null`,
    values: [source],
  });
  return row ?? { users: 0, groups: 0, withAccess: 0 };
}

/**
 * Lets go of all records of a source that is not in the settings any more, as if they had left its filter: what rests
 * on them alone is planned for removal, nobody is blocked. Gives how many records there were.
 */
export async function removeSource(
  db: Db,
  removal: { readonly source: string; readonly actor: string; readonly reason: string; readonly now: Date },
): Promise<number> {
  const { source, actor, reason, now } = removal;
  return db.tx(async (tx) => {
    const row = await tx.row<{ count: number }>({
      text: `with gone as (
          update record r set gone_at = $2, evidence = 'scoped-out', version = r.version + 1, changed_at = now(),
            missing_since = null, missing_evidence = null, missing_readings = 0, due_at = null
          where r.source = $1 and r.gone_at is null returning r.key, r.kind, r.anchor
        ), told as (
          insert into event (actor, kind, person, source, object, detail)
          select $3, 'record.gone', pr.person, $1, g.anchor,
            jsonb_build_object('resource', g.kind, 'evidence', 'scoped-out', 'because', 'the source was retired')
          from gone g left join person_record pr on pr.record_key = g.key
        ), marked as (
          insert into dirty (kind, record_key) select kind, key from gone
        )
        select count(*) as count from gone`,
      values: [source, now, actor],
    });
    await tx.rows({ text: 'delete from waiting_member where source = $1', values: [source] });
    await tx.rows({
      text: `insert into source_state (source, since, removed_at) values ($1, $2, $2)
        on conflict (source) do update set removed_at = $2, frozen_at = null, frozen_because = null, cursor = null`,
      values: [source, now],
    });
    await appendEvents(tx, [{ actor, kind: 'source.removed', source, detail: { reason, records: row?.count ?? 0 } }]);
    return row?.count ?? 0;
  });
}

/** The new source decides about life cycles in place of the old one, for people who have a record of both. */
export async function succeedSource(
  db: Db,
  change: {
    readonly old: string;
    readonly new: string;
    readonly actor: string;
    readonly reason: string;
    readonly now: Date;
  },
): Promise<void> {
  await db.tx(async (tx) => {
    await tx.rows({
      text: `insert into source_state (source, since, succeeded_by) values ($1, $3, $2)
        on conflict (source) do update set succeeded_by = excluded.succeeded_by`,
      values: [change.old, change.new, change.now],
    });
    const { actor, reason } = change;
    await appendEvents(tx, [
      { actor, kind: 'source.succeeded', source: change.old, object: change.new, detail: { reason } },
    ]);
    await markAll(tx);
  });
}

/** Where a record, a token or a reading names its source. */
const NAMED = ['record', 'token', 'reading', 'waiting_member'] as const;

/**
 * A source goes on under a new id: its records keep their persons and ids. Does nothing when the old one is not known
 * or the new one has records of its own; gives whether it did.
 */
export async function renameSource(db: Db, old: string, id: string): Promise<boolean> {
  return db.tx(async (tx) => {
    const row = await tx.row<{ may: boolean }>({
      text: `select (exists (select 1 from record where source = $1) or exists (select 1 from source_state where source = $1)
          or exists (select 1 from token where source = $1))
        and not exists (select 1 from record where source = $2) as may`,
      values: [old, id],
    });
    if (row?.may !== true) return false;
    for (const table of NAMED) {
      await tx.rows({ text: `update ${table} set source = $2 where source = $1`, values: [old, id] });
    }
    await tx.rows({ text: `delete from leaver_burst where source = $1`, values: [id] });
    await tx.rows({ text: `update leaver_burst set source = $2 where source = $1`, values: [old, id] });
    await tx.rows({ text: `delete from source_state where source = $1`, values: [id] });
    await tx.rows({
      text: `update source_state set source = $2, frozen_at = null, frozen_because = null, removed_at = null
        where source = $1`,
      values: [old, id],
    });
    await appendEvents(tx, [{ actor: 'drawbridge', kind: 'source.renamed', source: id, detail: { was: old } }]);
    await markAll(tx);
    return true;
  });
}

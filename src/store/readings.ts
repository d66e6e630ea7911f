import type { Db } from './db.ts';
import { createStaged, dropStaged, stagedTables } from './readings/stage.ts';
import type { Delivered, StoredReading } from './readings/types.ts';

export { admitReading, type Admission, type AdmitRequest, type SealVerdict } from './readings/admit.ts';
export type { Grace } from './readings/departures.ts';
export type { SealEvidence } from './readings/seen.ts';
export { stageFacts, type Staged } from './readings/stage.ts';
export type * from './readings/types.ts';

const COLUMNS = `id, source, scope, state, actor, kept_back as "keptBack", because, remedy, verdict, staged, facts, changes,
  started_at as "startedAt", ended_at as "endedAt", read_ms as "readMs", admit_ms as "admitMs"`;

/** Readings of one source that are kept in the history besides those of the last ten days. */
const KEPT = 500;

/**
 * Begins a reading and makes room for its facts. Only under the source's lock: what an earlier one left (its process
 * died, or it was not accepted) is thrown away, and so are the oldest entries of the history.
 */
export async function beginReading(
  db: Db,
  begin: { readonly source: string; readonly actor: string; readonly startedAt: Date },
): Promise<number> {
  await forgetStaged(db, begin.source);
  await db.rows({
    text: `update reading set state = 'failed', because = 'its process ended while it ran', ended_at = $2
      where source = $1 and state = 'running'`,
    values: [begin.source, begin.startedAt],
  });
  await db.rows({
    text: `delete from reading where source = $1 and started_at < $2::timestamptz - interval '10 days'
      and id not in (select id from reading where source = $1 order by id desc limit ${KEPT})`,
    values: [begin.source, begin.startedAt],
  });
  return db.tx(async (tx) => {
    const row = await tx.row<{ id: number }>({
      text: `insert into reading (source, state, actor, started_at, staged) values ($1, 'running', $2, $3, true)
        returning id`,
      values: [begin.source, begin.actor, begin.startedAt],
    });
    if (row === undefined) throw new Error('the store gave no id for a reading');
    await createStaged(tx, row.id);
    return row.id;
  });
}

/** What was staged for readings of this source and is still kept goes; the newest could be accepted until now. */
export async function forgetStaged(db: Db, source: string): Promise<void> {
  const rows = await db.rows<{ id: number }>({
    text: `select id from reading where source = $1 and staged`,
    values: [source],
  });
  for (const { id } of rows) await forgetReading(db, id);
}

async function forgetReading(db: Db, id: number): Promise<void> {
  await db.tx(async (tx) => {
    await dropStaged(tx, id);
    await tx.rows({ text: 'update reading set staged = false where id = $1', values: [id] });
  });
}

export interface EndOfReading {
  readonly id: number;
  readonly endedAt: Date;
  readonly readMs?: number;
  readonly admitMs?: number;
  readonly facts?: Partial<Delivered>;
  /** Broke off: why, and what to do. */
  readonly failed?: { readonly because: string; readonly remedy?: string | undefined; readonly verdict: string };
  /** For a reading that may be accepted later: what it takes to do so. Its facts are kept. */
  readonly keep?: {
    readonly covers: readonly string[];
    readonly cursor: string | undefined;
    readonly cursorScope: string;
  };
}

/** Notes how a reading went, and throws away what was staged unless it may still be accepted. */
export async function endReading(db: Db, end: EndOfReading): Promise<void> {
  const { failed, keep } = end;
  await db.rows({
    text: `update reading set ended_at = $2, read_ms = $3, admit_ms = $4, facts = coalesce($5::jsonb, facts),
        state = case when $6::text is null then state else 'failed' end, because = coalesce($6, because),
        remedy = $7, verdict = $8, covers = coalesce($9::text[], covers), cursor = $10, cursor_scope = $11
      where id = $1`,
    values: [
      end.id,
      end.endedAt,
      end.readMs ?? null,
      end.admitMs ?? null,
      end.facts === undefined ? null : JSON.stringify(end.facts),
      failed?.because ?? null,
      failed?.remedy ?? null,
      failed?.verdict ?? null,
      keep?.covers ?? null,
      keep?.cursor ?? null,
      keep?.cursorScope ?? null,
    ],
  });
  if (keep === undefined) await forgetReading(db, end.id);
}

/** The newest readings, of one source or all, newest first. */
export async function listReadings(db: Db, source: string | undefined, limit: number): Promise<StoredReading[]> {
  return db.rows<StoredReading>({
    text: `select ${COLUMNS} from reading where $1::text is null or source = $1 order by id desc limit $2`,
    values: [source ?? null, limit],
  });
}

/** The newest reading of each source. */
export async function lastReadings(db: Db): Promise<StoredReading[]> {
  return db.rows<StoredReading>({
    text: `select ${COLUMNS} from (select distinct source as of from reading) s cross join lateral (
      select * from reading r where r.source = s.of order by id desc limit 1) r`,
  });
}

/** A reading with what it takes to accept it; undefined when there is none with this id. */
export async function readingToAccept(
  db: Db,
  id: number,
): Promise<
  | (StoredReading & {
      readonly covers: readonly string[];
      readonly cursor: string | null;
      readonly cursorScope: string | null;
      readonly newest: boolean;
    })
  | undefined
> {
  return db.row({
    text: `select ${COLUMNS}, covers, cursor, cursor_scope as "cursorScope",
      not exists (select 1 from reading n where n.source = r.source and n.id > r.id) as newest
      from reading r where id = $1`,
    values: [id],
  });
}

/** How many facts of a reading are staged. After a crash of the database there are none. */
export async function countStaged(db: Db, reading: number): Promise<number> {
  const { entries, members } = stagedTables(reading);
  // A store that was copied has no staged facts: they are not part of it.
  const there = await db.row<{ there: boolean }>({
    text: `select to_regclass($1) is not null and to_regclass($2) is not null as there`,
    values: [entries, members],
  });
  if (there?.there !== true) return 0;
  const row = await db.row<{ count: number }>({
    text: `select (select count(*) from ${entries}) + (select count(*) from ${members}) as count`,
  });
  return row?.count ?? 0;
}

/** Marks a reading as accepted, in the transaction that admits it; why it was kept back stays. */
export async function markAccepted(db: Db, reading: number): Promise<void> {
  await db.rows({ text: `update reading set state = 'accepted' where id = $1`, values: [reading] });
}

/** The last full reading of each source that came to its end, sealed or not. */
export async function lastFullReadings(db: Db): Promise<StoredReading[]> {
  return db.rows<StoredReading>({
    text: `select ${COLUMNS} from (select distinct source as of from reading) s cross join lateral (
      select * from reading r where r.source = s.of and r.scope = 'full' and r.state <> 'failed' order by id desc limit 1) r`,
  });
}

/** How far a reading is that runs. */
export async function noteProgress(db: Db, reading: number, facts: Delivered): Promise<void> {
  await db.rows({
    text: `update reading set facts = $2::jsonb where id = $1 and state = 'running'`,
    values: [reading, JSON.stringify(facts)],
  });
}

/** How many records of each source are missing for now. */
export async function countMissing(db: Db): Promise<Map<string, number>> {
  const rows = await db.rows<{ source: string; count: number }>({
    text: `select source, count(*) as count from record where missing_since is not null group by source`,
  });
  return new Map(rows.map((row) => [row.source, row.count]));
}

import type { Db } from './db.ts';
import { markAll } from './dirty.ts';
import { appendEvents } from './events.ts';

/** What an operator said, and why. */
export interface OperatorWord {
  readonly by: string;
  /** ISO 8601. */
  readonly at: string;
  readonly reason: string;
}

/** What is known of a source besides its records. */
export interface SourceState {
  readonly source: string;
  /** When it was first met. */
  readonly since: Date;
  readonly cursor: string | null;
  readonly cursorScope: string | null;
  /** When the last sealed reading, and the last sealed full one, began. */
  readonly sealedAt: Date | null;
  readonly fullAt: Date | null;
  /** Readings in a row that broke off. */
  readonly failures: number;
  /** When the next reading is due; null: now. */
  readonly nextAt: Date | null;
  readonly frozenAt: Date | null;
  /** `stale`: not read for too long. `retired`: not in the settings any more. */
  readonly frozenBecause: 'stale' | 'retired' | null;
  /** An operator's word: it is not read, and its people are frozen. */
  readonly paused: OperatorWord | null;
  /** The source that took over its right to disable. */
  readonly succeededBy: string | null;
  /** When `sources retire` let its records go. */
  readonly removedAt: Date | null;
}

const COLUMNS = `source, since, cursor, cursor_scope as "cursorScope", sealed_at as "sealedAt", full_at as "fullAt",
  failures, next_at as "nextAt", frozen_at as "frozenAt", frozen_because as "frozenBecause", paused,
  succeeded_by as "succeededBy", removed_at as "removedAt"`;

export async function sourceStates(db: Db): Promise<Map<string, SourceState>> {
  const rows = await db.rows<SourceState>({
    name: 'source-states',
    text: `select ${COLUMNS} from source_state order by source`,
  });
  return new Map(rows.map((row) => [row.source, row]));
}

export async function sourceState(db: Db, source: string): Promise<SourceState | undefined> {
  return db.row<SourceState>({
    name: 'source-state',
    text: `select ${COLUMNS} from source_state where source = $1`,
    values: [source],
  });
}

/** Notes that a source is there; does nothing when it is known. */
export async function noteSource(db: Db, source: string, now: Date): Promise<void> {
  await db.rows({
    text: `insert into source_state (source, since) values ($1, $2) on conflict do nothing`,
    values: [source, now],
  });
}

/** When the source is to be read next, and how many readings in a row have broken off. */
export async function scheduleReading(db: Db, source: string, nextAt: Date, failures: number): Promise<void> {
  await db.rows({
    text: `update source_state set next_at = $2, failures = $3 where source = $1`,
    values: [source, nextAt, failures],
  });
}

/** A cursor that is not trusted any more: the next reading is full. */
export async function dropCursor(db: Db, source: string): Promise<void> {
  await db.rows({ text: `update source_state set cursor = null where source = $1`, values: [source] });
}

/** Freezes the people of a source that had no sealed reading since `before`. Gives whether they were not so before. */
export async function freezeStale(db: Db, source: string, before: Date, now: Date): Promise<boolean> {
  return db.tx(async (tx) => {
    const row = await tx.row({
      text: `update source_state set frozen_at = $3, frozen_because = 'stale'
        where source = $1 and frozen_because is null and coalesce(sealed_at, since) < $2 returning source`,
      values: [source, before, now],
    });
    if (row === undefined) return false;
    await appendEvents(tx, [{ actor: 'drawbridge', kind: 'source.frozen', source, detail: { because: 'stale' } }]);
    await markAll(tx);
    return true;
  });
}

/**
 * Freezes the people of sources that are not in the settings any more, and thaws those that are there again; a source
 * that came back is read anew. Gives the ids that are retired now.
 */
export async function noteRetired(db: Db, inSettings: readonly string[], now: Date): Promise<string[]> {
  return db.tx(async (tx) => {
    await tx.rows({
      text: `insert into source_state (source, since) select distinct source, $2::timestamptz from record
        where source <> all($1::text[]) on conflict do nothing`,
      values: [inSettings, now],
    });
    const frozen = await tx.rows<{ source: string }>({
      text: `update source_state set frozen_at = $2, frozen_because = 'retired', next_at = null
        where source <> all($1::text[]) and frozen_because is distinct from 'retired' and removed_at is null
        returning source`,
      values: [inSettings, now],
    });
    const thawed = await tx.rows<{ source: string }>({
      text: `update source_state set frozen_at = null, frozen_because = null, removed_at = null, cursor = null,
          next_at = null, since = case when sealed_at is null then $2 else since end
        where source = any($1::text[]) and (frozen_because = 'retired' or removed_at is not null) returning source`,
      values: [inSettings, now],
    });
    await appendEvents(tx, [
      ...frozen.map(({ source }) => ({ actor: 'drawbridge', kind: 'source.retired', source })),
      ...thawed.map(({ source }) => ({ actor: 'drawbridge', kind: 'source.returned', source })),
    ]);
    if (frozen.length + thawed.length > 0) await markAll(tx);
    const rows = await tx.rows<{ source: string }>({
      text: `select source from source_state where source <> all($1::text[]) order by source`,
      values: [inSettings],
    });
    return rows.map((row) => row.source);
  });
}

/** Every source that the store has heard of. */
export async function knownSources(db: Db): Promise<string[]> {
  const rows = await db.rows<{ source: string }>({
    text: `select source from source_state union select source from (
        select distinct source from record) r order by source`,
  });
  return rows.map((row) => row.source);
}

/** An operator's pause of a source, or its end (null). Everybody is planned again. Gives whether anything changed. */
export async function pauseSource(db: Db, source: string, word: OperatorWord | null): Promise<boolean> {
  const row = await db.row({
    text: `insert into source_state (source, since, paused) values ($1, now(), $2::jsonb)
      on conflict (source) do update set paused = excluded.paused
        where (source_state.paused is null) <> (excluded.paused is null)
          or source_state.paused->>'reason' is distinct from excluded.paused->>'reason'
      returning source`,
    values: [source, word === null ? null : JSON.stringify(word)],
  });
  if (row === undefined) return false;
  await markAll(db);
  return true;
}

/** Reading into a real store with a clock of the test's own. */
import assert from 'node:assert/strict';
import { type ReadOutcome, type ReadRequest, readSource } from '../../src/jobs/read.ts';
import type { Correlator } from '../../src/model/correlation.ts';
import type { ReadingSettings } from '../../src/model/settings.ts';
import type { Directory } from '../../src/directories/directory.ts';
import type { Db } from '../../src/store/db.ts';
import { storeParts } from '../../src/store/parts.ts';
import type { StoredReading } from '../../src/store/readings.ts';
import { silent } from './jobs.ts';
import { opened } from './memory-directory.ts';

export const HOUR = 3_600_000;

export interface Reader {
  now: Date;
  /** Lets time pass, and lets go of what has come due. */
  pass(ms: number): Promise<void>;
  try(directory: Directory, request?: Partial<ReadRequest>): Promise<ReadOutcome>;
  read(directory: Directory, request?: Partial<ReadRequest>): Promise<StoredReading>;
  full(directory: Directory): Promise<StoredReading>;
}

export function reader(
  db: Db,
  settings: Partial<ReadingSettings> = {},
  correlator?: () => Correlator | undefined,
): Reader {
  const deps = {
    db,
    store: storeParts,
    log: silent,
    now: () => it.now,
    random: () => 0.5,
    ...(correlator && { correlator }),
  };
  const it: Reader = {
    now: new Date('2031-01-01T00:00:00Z'),
    pass: async (ms) => {
      it.now = new Date(it.now.getTime() + ms);
      await storeParts.ripening.ripenMissing(db, it.now);
    },
    try: (directory, request) =>
      readSource(deps, opened(directory, settings), {
        actor: 'test',
        signal: new AbortController().signal,
        ...request,
      }),
    read: async (directory, request) => {
      const result = await it.try(directory, request);
      assert.equal(result.outcome, 'done');
      assert.ok('reading' in result);
      return result.reading;
    },
    full: (directory) => it.read(directory, { full: true }),
  };
  return it;
}

export interface SeenRecord {
  readonly anchor: string;
  readonly kind: string;
  readonly userName: string | null;
  readonly displayName: string | null;
  readonly emails: readonly string[];
  readonly active: boolean;
  readonly attributes: unknown;
  readonly covers: readonly string[] | null;
  readonly version: number;
  readonly gone: string | null;
  readonly missing: string | null;
}

/** All that the store has of a source, in an order of its own. */
export async function seen(db: Db, source = 'dir'): Promise<{ records: SeenRecord[]; members: string[] }> {
  const records = await db.rows<SeenRecord>({
    text: `select anchor, kind, user_name as "userName", display_name as "displayName", emails, active, attributes, covers,
      version, evidence as gone, missing_evidence as missing from record where source = $1 order by anchor`,
    values: [source],
  });
  const members = await db.rows<{ pair: string }>({
    text: `select g.anchor || '>' || m.anchor as pair from membership x join record g on g.key = x.group_key
      join record m on m.key = x.member_key where g.source = $1 order by 1`,
    values: [source],
  });
  return { records, members: members.map((row) => row.pair) };
}

/** Where each record stands: `there`, `missing absent`, `gone explicit`, … */
export async function stands(db: Db, source = 'dir'): Promise<Record<string, string>> {
  const { records } = await seen(db, source);
  return Object.fromEntries(
    records.map((r) => [
      r.anchor,
      r.gone !== null
        ? `gone ${r.gone}`
        : r.missing !== null
          ? `missing ${r.missing}`
          : r.active
            ? 'there'
            : 'disabled',
    ]),
  );
}

export async function eventKinds(db: Db): Promise<Record<string, number>> {
  const rows = await db.rows<{ kind: string; count: number }>({
    text: 'select kind, count(*) as count from event group by kind order by kind',
  });
  return Object.fromEntries(rows.map((row) => [row.kind, row.count]));
}

/** Takes what is dirty away, and gives it as `kind anchor` or `all`. */
export async function takeDirty(db: Db): Promise<string[]> {
  const rows = await db.rows<{ said: string }>({
    text: `with d as (delete from dirty returning kind, record_key, urgent)
      select d.kind || coalesce(' ' || r.anchor, '') || case when d.urgent then ' urgent' else '' end as said
      from d left join record r on r.key = d.record_key order by 1`,
  });
  return rows.map((row) => row.said);
}

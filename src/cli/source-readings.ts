import { formatDuration } from '../config/duration.ts';
import type { SourceSettings } from '../model/settings.ts';
import { directoryKinds } from '../directories/index.ts';
import type { Db } from '../store/db.ts';
import { countMissing, lastFullReadings, listReadings, type StoredReading } from '../store/readings.ts';
import { type SourceState, sourceState } from '../store/source-state.ts';
import { indent, plural, table, when, wrap } from './text.ts';

/** Readings that `sources show` lists. */
const SHOWN = 10;

/** How a directory is read, for `sources list|show`. */
export interface ReadingsOfSource {
  /** `sealed`, `unsealed`, `failed`, `reading`, `never read`; `stale` and `retired` come before all of them. */
  readonly state: string;
  readonly sealedAt: Date | null;
  readonly fullAt: Date | null;
  readonly nextAt: Date | null;
  readonly failures: number;
  readonly frozen: SourceState['frozenBecause'];
  /** Records whose entry is missing and whose grace runs. */
  readonly missing: number;
  /** The last full reading, if it is not sealed. */
  readonly keptBack: StoredReading | null;
  readonly readings: readonly StoredReading[];
}

/** Is it a source that we read? */
export const isDirectory = ({ type }: SourceSettings): boolean => directoryKinds.some((kind) => kind.type === type);

export async function readingsOf(db: Db, source: string): Promise<ReadingsOfSource> {
  const [state, readings] = [await sourceState(db, source), await listReadings(db, source, SHOWN)];
  const missing = await countMissing(db);
  // What changed may go on being read while the whole is kept back: that is what has to be seen.
  const full = (await lastFullReadings(db)).find((reading) => reading.source === source);
  const open = full?.state === 'unsealed' ? full : undefined;
  const last = readings[0]?.state === 'running' ? 'reading' : (open?.state ?? readings[0]?.state ?? 'never read');
  return {
    state: state?.frozenBecause ?? last,
    sealedAt: state?.sealedAt ?? null,
    fullAt: state?.fullAt ?? null,
    nextAt: state?.nextAt ?? null,
    failures: state?.failures ?? 0,
    frozen: state?.frozenBecause ?? null,
    missing: missing.get(source) ?? 0,
    keptBack: open ?? null,
    readings,
  };
}

/** The lines of `sources show` about readings. */
export function readingsText(of: ReadingsOfSource, id: string): string[] {
  const last = of.readings[0];
  const rows = of.readings.map((r) => [
    String(r.id),
    when(r.startedAt),
    r.scope ?? '',
    r.state,
    deliveredText(r),
    changesText(r),
    r.readMs === null ? '' : formatDuration(r.readMs + (r.admitMs ?? 0)),
  ]);
  return [
    `  sealed       ${when(of.sealedAt)}, everything ${when(of.fullAt)}`,
    `  next         ${of.nextAt === null ? 'as soon as the service runs' : when(of.nextAt)}`,
    ...(of.missing === 0
      ? []
      : [`  missing      ${plural(of.missing, 'record')}: frozen until their grace has run out`]),
    ...(of.frozen === 'stale' ? ['  stale        its people are frozen: nothing is given and nothing taken'] : []),
    ...(last === undefined ? [] : whyText(last, id)),
    ...(last?.facts.notes ?? []).map((note) => indent(wrap(`note: ${note}`, 96), 2)),
    ...(of.keptBack === null || of.keptBack.id === last?.id ? [] : keptBackText(of.keptBack, id)),
    '',
    rows.length === 0
      ? `  never read: drawbridge sources refresh ${id}`
      : indent(table(['READING', 'BEGUN', 'SCOPE', 'STATE', 'DELIVERED', 'CHANGED', 'TOOK'], rows), 2),
  ];
}

/** An older reading can't be accepted any more. */
const keptBackText = ({ id: reading, because }: StoredReading, source: string): string[] => [
  indent(wrap(`reading ${reading}, the last of everything, is not sealed: ${because ?? ''}`, 96), 2),
  indent(`Read it again: drawbridge sources refresh ${source} --full`, 4),
];

/** Why a reading is not sealed or broke off, and what to do. */
export function whyText({ id: reading, state, because, remedy, keptBack }: StoredReading, source: string): string[] {
  if (because === null || (state !== 'unsealed' && state !== 'failed')) return [];
  const said = indent(wrap(`${state === 'failed' ? 'broke off' : 'not sealed'}: ${because}`, 96), 2);
  const todo =
    remedy ?? (state === 'unsealed' && !keptBack.includes('source') ? acceptText(source, reading) : undefined);
  return [said, ...(todo === undefined ? [] : [indent(todo, 4)])];
}

const acceptText = (source: string, reading: number): string =>
  `If that is right: drawbridge sources accept ${source} ${reading} --reason TEXT`;

export function deliveredText({ facts }: StoredReading): string {
  const { users = 0, groups = 0, memberships = 0, gone = 0, unreadable = 0 } = facts;
  const more = [...(gone > 0 ? [`${gone} gone`] : []), ...(unreadable > 0 ? [`${unreadable} unreadable`] : [])];
  return [`${users}/${groups}/${memberships}`, ...more].join(', ');
}

/** `+2 ~1 -3` of records, and what became of people. */
export function changesText({ changes }: StoredReading): string {
  const {
    created = 0,
    changed = 0,
    returned = 0,
    left = 0,
    missing = 0,
    membersAdded = 0,
    membersRemoved = 0,
  } = changes;
  const parts = [
    [created, 'new'],
    [changed, 'changed'],
    [returned, 'back'],
    [left, 'left'],
    [missing, 'missing'],
  ] as const;
  const said = parts.filter(([count]) => count > 0).map(([count, word]) => `${count} ${word}`);
  if (membersAdded + membersRemoved > 0) said.push(`members +${membersAdded} -${membersRemoved}`);
  return said.length === 0 ? 'nothing' : said.join(', ');
}

import type { Evidence } from '../model/facts.ts';
import type { LinkedRecord } from '../model/person.ts';

/** What is known of a source beside its records. */
export interface SourceStanding {
  /** It was not read for too long, is not in the settings any more, or an operator paused it. */
  readonly frozen?: 'stale' | 'retired' | 'paused';
  /** The source that took over its right to disable. */
  readonly succeededBy?: string;
}

/**
 * What a record is worth now.
 * - `there`: what it says holds.
 * - `frozen`: nobody knows. What it last said goes on, nothing is given and nothing taken.
 * - `lapsed`: its entry is gone by inference, and every grace has run out. It says nothing any more.
 * - `left`: the source itself said that it is gone.
 */
export type Standing =
  | { readonly state: 'there' }
  | { readonly state: 'frozen'; readonly because: string }
  | { readonly state: 'lapsed'; readonly evidence: Evidence }
  | { readonly state: 'left' };

/** How long a missing entry is waited for; docs/sources.md says why. Milliseconds. */
export const GRACE = { absent: 24 * 3_600_000, readings: 2, scopedOut: 3_600_000 } as const;

/** Who has an explicit word against them does not become anything else by their source's silence. */
export function standingOf(record: LinkedRecord, source: SourceStanding = {}): Standing {
  if (record.gone === 'explicit') return { state: 'left' };
  if (source.frozen !== undefined) return { state: 'frozen', because: frozenWords(record.source, source.frozen) };
  if (record.missing !== undefined) return { state: 'frozen', because: missingWords(record.source, record.missing) };
  if (record.gone === 'absent' || record.gone === 'scoped-out') return { state: 'lapsed', evidence: record.gone };
  if (record.gone !== undefined) return { state: 'frozen', because: missingWords(record.source, record.gone) };
  return { state: 'there' };
}

const FROZEN: Readonly<Record<NonNullable<SourceStanding['frozen']>, string>> = {
  stale: 'has not been read whole for too long',
  retired: 'is not in the settings any more',
  paused: 'is paused by an operator',
};
const frozenWords = (source: string, why: NonNullable<SourceStanding['frozen']>): string =>
  `the source ${source} ${FROZEN[why]}`;

const MISSING: Readonly<Record<Evidence, string>> = {
  absent: 'their entry is missing',
  'scoped-out': 'their entry left the filter',
  explicit: 'their entry was deleted',
  removed: 'their entry was removed',
  unknown: 'their entry is gone, and nobody knows why',
};

const missingWords = (source: string, evidence: Evidence): string => `${MISSING[evidence]} at the source ${source}`;

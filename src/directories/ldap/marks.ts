import { type Cursor, type Digest, Mixer } from './cursor.ts';
import { contextCsnsOf, invocationIdOf, type Session } from './session.ts';
import { toGeneralizedTime } from './values.ts';
import type { Entry } from './wire/index.ts';

/** Clocks may differ by this much where the server tells no time of its own. Milliseconds. */
const SKEW = 300_000;
/** As many new ids are kept one by one. */
const MOST_FRESH = 1_000;

/** Where a reading begins, and what it gathers for the cursor of the next one. */
export type Mark =
  | { readonly kind: 'usn'; readonly invocationId: string | undefined; readonly usn: string }
  | {
      readonly kind: 'csn' | 'time';
      /** OpenLDAP's change numbers at the beginning. */
      readonly csns: readonly string[];
      /** Entries that were made before this second of the server are counted; those made since are kept by id. */
      readonly before: string;
      readonly users: Mixer;
      readonly groups: Mixer;
      readonly fresh: string[];
      /** The newest modifyTimestamp that was seen. */
      newest: string;
    };

/** To be taken before anything is read: what changes from now on is read again by the next one. */
export async function beginMark(session: Session, now: Date, signal: AbortSignal): Promise<Mark> {
  const { changes } = session.setup.kind;
  if (changes === 'usn') {
    return {
      kind: 'usn',
      invocationId: await invocationIdOf(session, signal),
      usn: session.dse.highestCommittedUsn ?? '',
    };
  }
  const csns = changes === 'csn' ? await contextCsnsOf(session, signal) : [];
  const newest = csns
    .map((csn) => csn.slice(0, 14))
    .toSorted()
    .at(-1);
  return {
    kind: newest === undefined ? 'time' : 'csn',
    csns,
    before: newest ?? toGeneralizedTime(new Date(now.getTime() - SKEW)).slice(0, 14),
    users: new Mixer(),
    groups: new Mixer(),
    fresh: [],
    newest: '',
  };
}

/** What has to be asked for with every entry, so that it can be marked. */
export const stampAttributes = ({ setup }: Session): string[] =>
  setup.kind.changes === 'usn' ? [] : ['createTimestamp', 'modifyTimestamp'];

export function markOf(mark: Mark, what: 'users' | 'groups', entry: Entry, id: string): void {
  if (mark.kind === 'usn') return;
  const created = entry.values.get('createtimestamp')?.[0]?.toString().slice(0, 14) ?? '';
  if (created < mark.before) mark[what].add(id);
  else if (mark.fresh.length < MOST_FRESH) mark.fresh.push(id);
  const modified = entry.values.get('modifytimestamp')?.[0]?.toString() ?? '';
  if (modified > mark.newest) mark.newest = modified;
}

/** The cursor for the next reading; undefined where it has to be full. */
export function cursorOf(
  mark: Mark,
  session: Session,
  now: Date,
  before?: { readonly stamps: readonly string[] },
): string | undefined {
  const url = session.connection.at;
  let cursor: Cursor;
  if (mark.kind === 'usn') {
    if (mark.invocationId === undefined || mark.usn === '') return undefined;
    cursor = { v: 1, kind: 'usn', invocationId: mark.invocationId, usn: mark.usn, at: now.getTime(), url };
  } else {
    const newest = [mark.newest, ...(before?.stamps ?? [])].toSorted().at(-1) ?? '';
    cursor = {
      v: 1,
      kind: mark.kind,
      stamps: mark.kind === 'csn' ? [...mark.csns] : [newest === '' ? `${mark.before}Z` : newest],
      before: mark.before,
      users: mark.users.digest(),
      groups: mark.groups.digest(),
      fresh: mark.fresh,
      url,
    };
  }
  return JSON.stringify(cursor);
}

export const sameDigest = (a: Digest, b: Digest): boolean => a.count === b.count && a.mix === b.mix;

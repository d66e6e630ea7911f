import type { Db } from './db.ts';
import type { Recovery } from '../model/recovery.ts';
import type { FoundWitness } from './witness-file.ts';

/**
 * What is known of a store outside of it: which store it is, and how far its history had come. A store that does not
 * show the same is another one, or an older copy.
 */
export interface Witness {
  /** Random id of the store. */
  readonly store: string;
  /** The newest event that was seen, and its time in microseconds since 1970; 0 and null where there was none. */
  readonly event: number;
  readonly at: string | null;
  /** How many of the last events were seen, from `from` to `event`: numbers are given out before they are committed. */
  readonly from: number;
  readonly count: number;
  /** When it was looked at, by the store's clock. ISO 8601. */
  readonly seen: string;
}

/** What a store shows beside a witness. */
export interface Seen {
  /** What a witness of this moment says. */
  readonly now: Witness;
  readonly recovery: Recovery | null;
  /** When an operator last confirmed the store. ISO 8601. */
  readonly confirmed: string | null;
  /** Of the witness that was asked about: is its event here, and how many between its `from` and `event`? */
  readonly found: boolean;
  readonly count: number;
  /** The oldest event that is kept; null when there is none. */
  readonly oldest: number | null;
}

/** So many events back it is counted how many are here. */
const WINDOW = 1_000;
const MICROS = '(extract(epoch from at) * 1000000)::bigint::text';

/** By an index, whatever the statistics say. */
const newest = (where = ''): string => `select id from event ${where} order by id desc limit ${WINDOW}`;

/** One look at the store, in one snapshot; a few reads by index, however long the history is. */
export async function lookBeside(db: Db, witness: Witness | undefined): Promise<Seen> {
  const row = await db.row<Omit<Seen, 'now'> & Witness>({
    name: 'witness-look',
    text: `with last as (select id, ${MICROS} as at from event order by id desc limit 1),
      latest as (select id from (${newest()}) w where id > (select id from last) - ${WINDOW})
      select (select value #>> '{}' from meta where key = 'instance') as store,
        coalesce((select id from last), 0) as event, (select at from last) as at,
        coalesce((select min(id) from latest), 0) as from, (select count(*) from latest) as count,
        to_char(now() at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as seen,
        (select value from meta where key = 'recovery') as recovery,
        (select to_char((value #>> '{}')::timestamptz at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
          from meta where key = 'recovered') as confirmed,
        exists (select 1 from event where id = $1 and ${MICROS} = $2) as found,
        (select count(*) from (${newest('where id <= $1')}) w where id >= $3) as known,
        (select id from event order by id limit 1) as oldest`,
    values: [witness?.event ?? 0, witness?.at ?? '', witness?.from ?? 0],
  });
  if (row === undefined) throw new Error('the store did not answer');
  const { recovery, confirmed, found, oldest, known, ...now } = row as typeof row & { readonly known: number };
  return { now, recovery, confirmed, found, count: known, oldest };
}

/**
 * Why the store is not what the witness knew; undefined when it is. A witness that is behind is the usual case: the
 * store went on after it was written. Gaps in the numbers mean nothing: only what was seen must be there.
 */
export function contradicts(witness: Witness, seen: Seen): string | undefined {
  // An operator has looked since.
  if (seen.confirmed !== null && witness.seen <= seen.confirmed) return undefined;
  if (witness.store !== seen.now.store) {
    return `the witness knows the store ${witness.store}, and this is ${seen.now.store}`;
  }
  if (witness.event === 0) return undefined;
  const was = `event ${witness.event} of ${witness.at === null ? 'an unknown time' : time(witness.at)}`;
  if (!seen.found) {
    // Dropped with an old month of the history: newer ones are here.
    if (seen.oldest !== null && seen.oldest > witness.event) return undefined;
    const is = seen.now.at === null ? 'it has no events' : `its last is ${seen.now.event} of ${time(seen.now.at)}`;
    return `the store is older than its witness, which has seen ${was}: ${is}`;
  }
  const whole = seen.oldest !== null && seen.oldest <= witness.from;
  if (whole && seen.count < witness.count) {
    return `the store lacks ${witness.count - seen.count} of the last ${witness.count} events before ${was}`;
  }
  return undefined;
}

/** The same for what was found in the file: a witness that can't be read is no proof that all is well. */
export function doubt({ witness, unreadable }: FoundWitness, seen: Seen): string | undefined {
  if (witness !== undefined) return contradicts(witness, seen);
  if (unreadable === undefined || (seen.confirmed !== null && unreadable.since <= seen.confirmed)) return undefined;
  return unreadable.because;
}

const time = (micros: string): string => new Date(Number(micros) / 1_000).toISOString();

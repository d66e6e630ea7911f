import type { Db } from './db.ts';

const MONTHS_AHEAD = 1;
/** Any number: serialises the making of partitions over all processes. */
const LOCK = 7_240_117;

/**
 * Makes the history's partitions for the month of `now` and the next. Cheap when they are there; safe to call at once
 * from several processes. Moves nothing: a month that already has entries in the default partition stays there.
 */
export async function ensureEventPartitions(db: Db, now: Date): Promise<void> {
  for (let ahead = 0; ahead <= MONTHS_AHEAD; ahead += 1) {
    const from = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + ahead, 1));
    const name = `event_${from.toISOString().slice(0, 7).replace('-', '_')}`;
    if (!(await exists(db, name))) await makePartition(db, name);
  }
}

/** The statement that makes a month's partition, by its name `event_YYYY_MM`. */
export function makePartitionOf(name: string): string {
  const [, year, month] = /^event_(\d{4})_(\d{2})$/.exec(name) ?? [];
  if (year === undefined || month === undefined) throw new RangeError(`${name} is no partition of the history`);
  const [from, to] = [0, 1].map((n) => new Date(Date.UTC(Number(year), Number(month) - 1 + n, 1)).toISOString());
  return `create table drawbridge.${name} partition of drawbridge.event for values from ('${from}') to ('${to}')`;
}

async function makePartition(db: Db, name: string): Promise<void> {
  try {
    await db.tx(async (tx) => {
      // Making one locks the whole history for a moment: rather try again next time than queue everybody behind us.
      await tx.rows({ text: `set local lock_timeout = '3s'` });
      await tx.rows({ text: `select pg_advisory_xact_lock(${LOCK})` });
      if (await exists(tx, name)) return;
      await tx.rows({ text: makePartitionOf(name) });
    });
  } catch (error) {
    const { code } = error as { code?: unknown };
    if (code !== ENTRIES_IN_DEFAULT && code !== LOCK_NOT_AVAILABLE) throw error;
  }
}

const ENTRIES_IN_DEFAULT = '23514';
const LOCK_NOT_AVAILABLE = '55P03';

/** By the statement's snapshot: to_regclass may answer from a cache that is older than the lock that was waited for. */
async function exists(db: Db, table: string): Promise<boolean> {
  const rows = await db.rows({
    text: 'select 1 from pg_class where relname = $1 and relnamespace = current_schema()::regnamespace',
    values: [table],
  });
  return rows.length > 0;
}

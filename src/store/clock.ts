import type { Db } from './db.ts';

/** The store's clock, in ms since 1970. All waits and leases go by it. */
export async function storeTime(db: Db): Promise<number> {
  const row = await db.row<{ ms: number }>({
    name: 'clock-now',
    text: 'select (extract(epoch from clock_timestamp()) * 1000)::float8 as ms',
  });
  if (row === undefined) throw new Error('the store did not tell its time');
  return row.ms;
}

/** The store's clock went back by so much: what waits in its future is drawn back with it. Gives how many lanes. */
export async function followClock(db: Db, backMs: number): Promise<number> {
  const rows = await db.rows({
    text: `update work set not_before = not_before - $1 * interval '1 ms',
        lease_until = lease_until - $1 * interval '1 ms', enqueued_at = enqueued_at - $1 * interval '1 ms'
      where not_before > now() or lease_until > now() or enqueued_at > now() returning 1`,
    values: [Math.round(backMs)],
  });
  return rows.length;
}

/**
 * For the start, when nobody knows what the clock did before: no lease and no wait is longer than any that is given
 * out. Gives how many lanes had one.
 */
export async function boundWaits(
  db: Db,
  longest: { readonly leaseMs: number; readonly waitMs: number },
): Promise<number> {
  const rows = await db.rows({
    text: `update work set
        lease_until = case when lease_until > now() + $1 * interval '1 ms' then now() + $1 * interval '1 ms'
          else lease_until end,
        not_before = case when not_before > now() + $2 * interval '1 ms' then now() + $2 * interval '1 ms'
          else not_before end,
        enqueued_at = case when enqueued_at > now() then null else enqueued_at end
      where lease_until > now() + $1 * interval '1 ms' or not_before > now() + $2 * interval '1 ms'
        or enqueued_at > now()
      returning 1`,
    values: [Math.round(longest.leaseMs), Math.round(longest.waitMs)],
  });
  return rows.length;
}

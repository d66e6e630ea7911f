import type { KeyValue } from '../../model/correlation.ts';
import type { Db } from '../db.ts';

/** Of advisory locks: 'CORR'. */
const SPACE = 0x434f5252;

/** To the end of the transaction nobody else correlates: for many records at once, for cases, and for persons. */
export async function lockCorrelation(db: Db): Promise<void> {
  await db.rows({ name: 'correlation-lock', text: `select pg_advisory_xact_lock(${SPACE}, 0)` });
}

/** To the end of the transaction nobody else correlates a record that has one of these values. One statement. */
export function lockKeys(db: Db, keys: readonly KeyValue[]): Promise<void> {
  return lockShared(
    db,
    keys.map((key) => JSON.stringify([key.issuer, key.name, key.value])),
  );
}

/** To the end of the transaction nobody else who holds locks of keys links a record to this person. */
export const lockLinksTo = (db: Db, person: string): Promise<void> => lockShared(db, [person]);

async function lockShared(db: Db, values: readonly string[]): Promise<void> {
  await db.rows({
    name: 'correlation-lock-keys',
    text: `select pg_advisory_xact_lock_shared(${SPACE}, 0), (
      select count(pg_advisory_xact_lock(h)::text) from (
        select distinct hashtextextended(k, ${SPACE}) as h from unnest($1::text[]) k order by 1) s)`,
    values: [values],
  });
}

import type { Identity } from '../../model/correlation.ts';
import type { Db } from '../db.ts';
import type { CorrelationState } from './state.ts';

/** Of advisory locks: 'CORR'. */
const SPACE = 0x434f5252;

/** To the end of the transaction nobody else correlates: for many records at once, for cases, and for persons. */
export async function lockCorrelation(db: Db): Promise<void> {
  await db.rows({ name: 'correlation-lock', text: `select pg_advisory_xact_lock(${SPACE}, 0)` });
}

export interface Look {
  readonly state: CorrelationState | null;
  /** Whoever has one of the values. */
  readonly persons: readonly string[];
  /** The key by which it is theirs, where nothing else has to be looked at; the links to them are locked then. */
  readonly sure: string | null;
}

/**
 * To the end of the transaction nobody else correlates a record that has one of these values. Says who has them; `sure`
 * is for a record that is not there yet.
 */
export async function lockKeys(db: Db, source: string, { role, keys }: Identity): Promise<Look> {
  const look = await db.row<Look>({
    name: 'correlation-look',
    text: 'select state, persons, sure from correlation_look($1, $2, $3, $4, $5, $6)',
    values: [
      keys.map((key) => key.issuer),
      keys.map((key) => key.name),
      keys.map((key) => key.value),
      keys.map((key) => key.reused),
      source,
      role === 'secondary',
    ],
  });
  if (look === undefined) throw new Error('a look gave nothing');
  return look;
}

/** To the end of the transaction nobody else who holds locks of keys links a record to these persons. */
export async function lockLinksTo(db: Db, persons: readonly string[]): Promise<void> {
  await db.rows({
    name: 'correlation-lock-persons',
    text: `select pg_advisory_xact_lock(h) from (
      select distinct hashtextextended(p, ${SPACE}) as h from unnest($1::text[]) p order by 1) s`,
    values: [persons],
  });
}

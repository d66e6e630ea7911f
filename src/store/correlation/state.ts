import type { Correlator } from '../../model/correlation.ts';
import type { Db } from '../db.ts';
import { StoreUnavailable } from '../errors.ts';
import { setMeta } from '../meta.ts';

/**
 * By which settings the keys in the store were made, and how far that is. `keys`: those of all records are being made;
 * `settle`: all records are looked at by them. Until `done` new records are nobody's; they are looked at then.
 */
export interface CorrelationState {
  readonly signature: string;
  readonly phase: 'keys' | 'settle' | 'done';
  /** Of the phase: the last record that is done. */
  readonly after: number;
}

const KEY = 'correlation';
/** The state as a column of a statement, so that it is read after the locks were taken. */
export const STATE_SQL = `(select value from meta where key = '${KEY}')`;
const NONE: CorrelationState = { signature: '', phase: 'done', after: 0 };

export async function correlationState(db: Db): Promise<CorrelationState> {
  const row = await db.row<{ state: CorrelationState | null }>({ text: `select ${STATE_SQL} as state` });
  return row?.state ?? NONE;
}

export const setCorrelationState = (db: Db, state: CorrelationState): Promise<void> => setMeta(db, KEY, { ...state });

/** What stands for no correlation at all. */
export const signatureOf = (correlator: Correlator | undefined): string => correlator?.signature ?? '';

/** May be decided by the keys in the store? Throws `StoreUnavailable` when they were made by other settings than these. */
export function isReady(correlator: Correlator, state: CorrelationState | null): boolean {
  if (state?.signature === correlator.signature) return state.phase === 'done';
  throw new StoreUnavailable('records are correlated by other settings than those of this process', {
    remedy: 'Another process loaded other settings: give both the same settings file, or restart this one.',
  });
}

import type { Correlator } from '../../model/correlation.ts';
import type { Db } from '../db.ts';
import { type LoadedRecord, nextRecords } from './load.ts';
import { lockCorrelation } from './lock.ts';
import { newPersonId } from './ids.ts';
import { putKeys, settleRecords } from './settle.ts';
import { correlationState, setCorrelationState, signatureOf } from './state.ts';

/**
 * Notes that records are correlated by these settings from now on; gives whether anything has to be made anew for that
 * (`rebuildPage`). One that was begun and broken off goes on.
 */
export async function beginRebuild(db: Db, correlator: Correlator | undefined): Promise<boolean> {
  return db.tx(async (tx) => {
    await lockCorrelation(tx);
    const { signature, phase } = await correlationState(tx);
    if (signature === signatureOf(correlator)) return phase !== 'done';
    await setCorrelationState(tx, { signature: signatureOf(correlator), phase: 'keys', after: 0 });
    return true;
  });
}

/** Waits until all that wrote before this have ended: they may not know of the settings of now. */
export async function othersEnded(db: Db, pause: () => Promise<void>): Promise<void> {
  const row = await db.row<{ id: string }>({ text: 'select pg_current_xact_id()::text as id' });
  for (;;) {
    const now = await db.row<{ ended: boolean }>({
      text: 'select pg_snapshot_xmin(pg_current_snapshot()) > $1::xid8 as ended',
      values: [row?.id ?? '0'],
    });
    if (now?.ended !== false) return;
    await pause();
  }
}

/**
 * One page of making keys anew after the settings changed, then of looking at all records by them; a transaction, so
 * that it can be stopped at any point and goes on there. Links stay: nobody is merged by that. Records that were nobody's
 * find their persons, and people who now find each other become cases. Gives whether there is more to do.
 */
export async function rebuildPage(db: Db, correlator: Correlator | undefined, now: Date): Promise<boolean> {
  return db.tx(async (tx) => {
    await lockCorrelation(tx);
    const state = await correlationState(tx);
    if (state.signature !== signatureOf(correlator) || state.phase === 'done') return false;
    const { records, last } = await nextRecords(tx, correlator, state.after);
    if (last === undefined) {
      const phase = state.phase === 'keys' ? 'settle' : 'done';
      await setCorrelationState(tx, { ...state, phase, after: 0 });
      return phase !== 'done';
    }
    if (state.phase === 'keys') {
      await putKeys(tx, records);
      await tellRoles(tx, records);
    } else {
      const live = records.filter((record) => record.live);
      if (correlator === undefined) await letGo(tx, live);
      // As if all keys were there, which they are.
      else await settleRecords(tx, live, { correlator, now, actor: 'drawbridge', rebuilding: true });
    }
    await setCorrelationState(tx, { ...state, after: last });
    return true;
  });
}

/** Who is a secondary record by the settings of now; what an operator linked stays as they said. */
async function tellRoles(tx: Db, records: readonly LoadedRecord[]): Promise<void> {
  await tx.rows({
    text: `with changed as (
        update person_record pr set secondary = s.secondary from unnest($1::bigint[], $2::boolean[]) as s(key, secondary)
        where pr.record_key = s.key and pr.secondary <> s.secondary and pr.linked_by <> 'operator' returning pr.record_key
      )
      insert into dirty (kind, record_key) select 'user', record_key from changed`,
    values: [records.map((r) => r.key), records.map((r) => r.identity.role === 'secondary')],
  });
}

/** Where nothing is correlated any more, each record is a person of its own again, and there is nothing to decide. */
async function letGo(tx: Db, records: readonly LoadedRecord[]): Promise<void> {
  await tx.rows({
    text: `with v as materialized (
        select v.n, v.person from unnest($1::bigint[], $2::text[]) as v(n, person)
        where not exists (select 1 from person_record pr where pr.record_key = v.n)
      ), p as (insert into person (id) select person from v
      ), l as (insert into person_record (record_key, person, linked_by) select n, person, 'new' from v
      ), d as (insert into dirty (kind, record_key) select 'user', n from v
      )
      update identity_case set state = 'resolved', outcome = 'cleared', decided_by = 'drawbridge', decided_at = now()
      where record_key = any($1::bigint[]) and state <> 'resolved'`,
    values: [records.map((r) => r.key), records.map(() => newPersonId())],
  });
}

import type { Db } from '../db.ts';
import { loadRecords, PAGE } from './load.ts';
import { lockCorrelation } from './lock.ts';
import { putKeys, settleRecords, type Settling } from './settle.ts';

/**
 * Finds the persons of the users that a reading adds or changes: the entries of its transaction, by their anchors, so
 * that the order in which they came does not matter. What the reading did not cover stays as it was, and so do the keys
 * that are made of it.
 */
export async function correlateEntries(tx: Db, by: Omit<Settling, 'told' | 'rebuilding'>): Promise<void> {
  const settling: Settling = { ...by, told: true };
  await lockCorrelation(tx);
  const entries = await tx.rows<{ key: number }>({
    text: `select key from entry where kind = 'user' and key is not null order by anchor collate "C"`,
  });
  const pages = Array.from({ length: Math.ceil(entries.length / PAGE) }, (_, i) =>
    entries.slice(i * PAGE, (i + 1) * PAGE).map((entry) => entry.key),
  );
  // All can be found before the first is decided, so that pages make no difference to who shares a value with a crowd.
  for (const page of pages) await putKeys(tx, await loadRecords(tx, settling.correlator, page));
  for (const page of pages) await settleRecords(tx, await loadRecords(tx, settling.correlator, page), settling);
}

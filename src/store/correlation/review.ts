import type { Correlator } from '../../model/correlation.ts';
import type { Db } from '../db.ts';
import { loadRecords, PAGE } from './load.ts';
import { lockCorrelation } from './lock.ts';
import { settleRecords } from './settle.ts';

/**
 * Looks again at a page of the cases that are open, after the case `after`: what has become clear meanwhile, because
 * somebody went, was merged, or a time ran out, is linked or closed. Gives the last one looked at; none at the end.
 */
export async function reviewCases(
  db: Db,
  correlator: Correlator,
  now: Date,
  after = '',
): Promise<{ readonly last?: string; readonly cleared: number }> {
  return db.tx(async (tx) => {
    const page = await tx.rows<{ id: string; record: number }>({
      name: 'cases-review',
      text: `select c.id, c.record_key as record from identity_case c join record r on r.key = c.record_key
        where c.state = 'open' and c.id > $1 and r.gone_at is null order by c.id limit ${PAGE}`,
      values: [after],
    });
    const last = page.at(-1)?.id;
    if (last === undefined) return { cleared: 0 };
    await lockCorrelation(tx);
    const keys = page.map((row) => row.record).toSorted((a, b) => a - b);
    await settleRecords(tx, await loadRecords(tx, correlator, keys), { correlator, now, actor: 'drawbridge' });
    const left = await tx.row<{ n: number }>({
      text: `select count(*) as n from identity_case where id = any($1::text[]) and state = 'open'`,
      values: [page.map((row) => row.id)],
    });
    return { last, cleared: page.length - (left?.n ?? 0) };
  });
}

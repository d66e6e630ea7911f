import assert from 'node:assert/strict';
import { clients, seedMany } from '../../../test/support/correlation.ts';
import { dbTest } from '../../../test/support/jobs.ts';
import type { Db } from '../db.ts';
import { decide } from './decide.ts';

/** Rows that this transaction has read by going through whole tables. */
async function scanned(tx: Db): Promise<number> {
  const row = await tx.row<{ n: number }>({
    text: `select coalesce(sum(seq_tup_read), 0)::int as n from pg_stat_xact_user_tables
      where relname in ('record', 'person', 'person_record', 'correlation_key', 'identity_case', 'person_apart')`,
  });
  return row?.n ?? -1;
}

dbTest('a look costs the same among thousands, also by a plan that was made when nobody was there', async (db) => {
  const it = await clients(db);
  const { correlator } = it;
  assert.ok(correlator !== undefined);
  await db.tx(async (tx) => {
    const look = (emp: string, mail: string) =>
      decide(
        tx,
        [
          {
            key: 0,
            source: 'okta',
            identity: correlator.identify('okta', {
              emails: [mail],
              active: true,
              attributes: { employeeNumber: emp },
            }) ?? {
              role: 'primary',
              keys: [],
            },
          },
        ],
        { correlator, now: new Date() },
      );
    for (let i = 0; i < 12; i++) await look(`x${i}`, `x${i}@example.com`);
    await seedMany(tx, 'ad', 5_000);
    await tx.rows({
      text: `insert into correlation_key (issuer, name, value, record_key)
        select '', 'employeeNumber', attributes ->> 'employeeNumber', key from record
        union all select '', 'email', anchor || '@example.com', key from record`,
    });
    const before = await scanned(tx);
    const found = await look('77', 'ad78@example.com');
    const nobody = await look('none', 'none@example.com');
    assert.equal(found?.get(0)?.person, 'p_ad77');
    assert.deepEqual(found?.get(0)?.persons, ['p_ad77', 'p_ad78']);
    assert.equal(nobody?.get(0)?.person, undefined);
    assert.equal((await scanned(tx)) - before, 0);
    await tx.rows({ text: `select count(*) from record where attributes ->> 'title' = 'x'` });
    assert.ok((await scanned(tx)) - before >= 5_000, 'and a look through all would show');
  });
});

import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { clients, correlatorOf, key, seedMany } from '../../../test/support/correlation.ts';
import { dbTest } from '../../../test/support/jobs.ts';
import type { Db } from '../db.ts';
import { blockSignIn } from '../leave.ts';
import { decide, type KeyedRecord } from './decide.ts';
import { lockKeys } from './lock.ts';

/** Rows that this transaction has read by going through whole tables. */
async function scanned(tx: Db): Promise<number> {
  const row = await tx.row<{ n: number }>({
    text: `select coalesce(sum(seq_tup_read), 0)::int as n from pg_stat_xact_user_tables
      where relname in ('record', 'person', 'person_record', 'correlation_key', 'identity_case', 'person_apart')`,
  });
  return row?.n ?? -1;
}

dbTest('a look costs the same among thousands, also by a plan that was made when nobody was there', async (db) => {
  const { correlator } = await clients(db);
  assert.ok(correlator !== undefined);
  const recordOf = (key: number, employeeNumber: string, mail: string): KeyedRecord => {
    const said = { emails: [mail], active: true, attributes: { employeeNumber } };
    return { key, source: 'okta', identity: correlator.identify('okta', said) ?? { role: 'primary', keys: [] } };
  };
  await db.tx(async (tx) => {
    const look = async (employeeNumber: string, mail: string) =>
      (await decide(tx, [recordOf(0, employeeNumber, mail)], { correlator, now: new Date() }))?.get(0);
    for (let i = 0; i < 12; i++) {
      await look(`x${i}`, `x${i}@example.com`);
      await blockSignIn(tx, i);
    }
    await seedMany(tx, 'ad', 5_000);
    await tx.rows({
      text: `insert into correlation_key (issuer, name, value, record_key)
        select '', 'employeeNumber', attributes ->> 'employeeNumber', key from record
        union all select '', 'email', anchor || '@example.com', key from record`,
    });
    const before = await scanned(tx);
    const found = await look('77', 'ad78@example.com');
    assert.equal(found?.person, 'p_ad77');
    assert.deepEqual(found?.persons, ['p_ad77', 'p_ad78']);
    const nobody = await look('none', 'none@example.com');
    assert.equal(nobody?.person, undefined);
    assert.equal((await scanned(tx)) - before, 0);

    const page = Array.from({ length: 300 }, (_, i) => recordOf(-i, `${i + 1}`, `ad${i + 1}@example.com`));
    const many = await decide(tx, page, { correlator, now: new Date() });
    assert.equal(many?.get(-299)?.person, 'p_ad300');
    const last = await tx.row<{ key: number }>({ text: 'select max(key) as key from record' });
    const one = await scanned(tx);
    await blockSignIn(tx, last?.key ?? 0);
    assert.equal((await scanned(tx)) - one, 0, 'somebody leaves');
    await tx.rows({ text: `select count(*) from record where attributes ->> 'title' = 'x'` });
    assert.ok((await scanned(tx)) - one >= 5_000, 'a look through all would show');
  });
});

dbTest('what the first look takes for clear is what a closer look comes to', async (db) => {
  const both = { okta: 'externalId', ad: 'externalId' };
  const correlator = correlatorOf({ keys: [key('employeeNumber'), key('email'), key('id', { sources: both })] });
  const facts = fc.record({
    emp: fc.constantFrom(undefined, '1', '2'),
    mail: fc.constantFrom(undefined, 'x@example.com', 'y@example.com'),
    id: fc.constantFrom(undefined, '7', '8'),
    source: fc.constantFrom('okta', 'ad'),
    adm: fc.boolean(),
  });
  const fate = fc.constantFrom('there', 'there', 'there', 'disabled', 'deleted');
  let clear = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(facts, fate), { maxLength: 5 }), facts, async (world, one) => {
      await db.rows({
        text: 'truncate identity_case, correlation_key, person_apart, person_record, record, person cascade',
      });
      const it = await clients(db, correlator);
      const factsOf = ({ emp, mail, id }: typeof one) => ({
        ...(emp !== undefined && { emp }),
        ...(mail !== undefined && { mail }),
        ...(id !== undefined && { externalId: id }),
      });
      const nameOf = (of: typeof one, i: number): string => `${of.adm ? 'adm-' : ''}u${i}`;
      for (const [i, [of, end]] of world.entries()) {
        const made = await it.add(of.source, nameOf(of, i), { ...factsOf(of), active: end !== 'disabled' });
        if (end === 'deleted') await it.remove(of.source, made);
      }
      const said = {
        userName: nameOf(one, 9),
        externalId: one.id,
        emails: one.mail === undefined ? [] : [one.mail],
        active: true,
        attributes: one.emp === undefined ? {} : { employeeNumber: one.emp },
      };
      const identity = correlator.identify(one.source, said);
      assert.ok(identity !== undefined);
      await db.tx(async (tx) => {
        const look = await lockKeys(tx, one.source, identity);
        const record = { key: 0, source: one.source, identity };
        const close = (await decide(tx, [record], { correlator, now: new Date() }))?.get(0);
        assert.ok(close !== undefined);
        if (look.persons.length === 0) assert.deepEqual([close.person, close.case], [undefined, undefined]);
        if (look.sure === null) return;
        clear += 1;
        assert.deepEqual([close.person, close.by, close.case], [look.persons[0], look.sure, undefined]);
      });
    }),
    { numRuns: 60, seed: 9 },
  );
  assert.ok(clear >= 5, `${clear} were clear`);
});

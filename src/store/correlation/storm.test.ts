/** Clients, readings, looks at cases and operators, all at once: whatever comes first, what must hold holds. */
import assert from 'node:assert/strict';
import { randomOf } from '../../../test/fuzz/random.ts';
import { clients, correlatorOf } from '../../../test/support/correlation.ts';
import { dbTest } from '../../../test/support/jobs.ts';
import { memoryDirectory } from '../../../test/support/memory-directory.ts';
import { reader } from '../../../test/support/readings.ts';
import type { Correlator } from '../../model/correlation.ts';
import type { Db } from '../db.ts';
import { resolveCase } from './cases.ts';
import { loadRecords } from './load.ts';
import { mergePersons } from './persons.ts';

const BY = { actor: 'local:test', reason: 'a test' };
const SEED = 7;

dbTest('many writers at once leave no record without a person or a case, and no two primaries', async (db) => {
  const it = await clients(db, correlatorOf({ sources: { okta: '', hr: '', ad: '' } }));
  const read = reader(db, {}, () => it.correlator);
  const ad = memoryDirectory('ad');
  ad.covers = ['displayName', 'email', 'employeeNumber'];
  ad.pageSize = 50;
  const facts = (random: ReturnType<typeof randomOf>) => ({
    ...(random.chance(0.7) && { emp: `${random.below(12)}` }),
    ...(random.chance(0.6) && { mail: `m${random.below(12)}@example.com` }),
    active: random.chance(0.8),
  });
  const client = async (number: number): Promise<void> => {
    const random = randomOf(SEED, number);
    const source = random.pick(['okta', 'hr']);
    const mine: Array<{ id: string; name: string }> = [];
    for (let i = 0; i < 25; i++) {
      const one = mine.length === 0 ? undefined : random.pick(mine);
      if (one === undefined || random.chance(0.45)) {
        const name = `${random.chance(0.15) ? 'adm-' : ''}c${number}-${i}`;
        mine.push({ id: await it.add(source, name, facts(random)), name });
      } else if (random.chance(0.3)) {
        await it.remove(source, one.id);
        mine.splice(mine.indexOf(one), 1);
      } else await it.change(source, one.id, one.name, facts(random));
    }
  };
  const directory = async (): Promise<void> => {
    const random = randomOf(SEED, 100);
    for (let i = 0; i < 8; i++) {
      for (let p = 0; p < 6; p++) {
        const id = `p${random.below(15)}`;
        const { emp, mail, active } = facts(random) as { emp?: string; mail?: string; active: boolean };
        if (random.chance(0.2)) ad.remove(id);
        else {
          ad.person(id, {
            userName: id,
            active,
            emails: mail === undefined ? [] : [mail],
            attributes: emp === undefined ? {} : { employeeNumber: emp },
          });
        }
      }
      await read.read(ad);
    }
  };
  const operator = async (): Promise<void> => {
    const random = randomOf(SEED, 200);
    for (let i = 0; i < 15; i++) {
      const open = await it.cases({ field: 'state', like: 'open' });
      if (open.length > 0) {
        const to = random.pick(['same', 'new', 'ignore'] as const);
        await resolveCase(db, random.pick(open).id, { to }, BY);
      }
      const persons = [...new Set(Object.values(await it.persons()))];
      if (persons.length > 1) await mergePersons(db, [random.pick(persons), random.pick(persons)], BY);
      await it.review();
    }
  };
  await Promise.all([...Array.from({ length: 6 }, (_, n) => client(n)), directory(), operator()]);
  await it.review();
  await holds(db, it.correlator);
  // All looked at anew comes to the same.
  const groups = await it.groups();
  await it.follow(correlatorOf({ sources: { okta: '', hr: '', ad: '', more: '' } }));
  await it.review();
  await holds(db, it.correlator);
  assert.deepEqual(await it.groups(), groups);
});

async function holds(db: Db, correlator: Correlator | undefined): Promise<void> {
  const lost = await db.rows({
    text: `select source, user_name from record r where kind = 'user' and gone_at is null
      and not exists (select 1 from person_record where record_key = r.key)
      and not exists (select 1 from identity_case where record_key = r.key and state <> 'resolved')`,
  });
  assert.deepEqual(lost, [], 'nobody’s, and nobody is asked');
  const both = await db.rows({
    text: `select pr.record_key from person_record pr join identity_case c on c.record_key = pr.record_key
      where c.state <> 'resolved' and c.kind not in ('twin', 'dormant')`,
  });
  assert.deepEqual(both, [], 'somebody’s, and in doubt');
  const doubled = await db.rows({
    text: `select pr.person, r.source from person_record pr join record r on r.key = pr.record_key
      where r.gone_at is null and not pr.secondary group by 1, 2 having count(*) > 1`,
  });
  assert.deepEqual(doubled, []);
  const keys = await db.rows<{ key: number }>({ text: `select key from record where kind = 'user' order by key` });
  const records = await loadRecords(
    db,
    correlator,
    keys.map((row) => row.key),
  );
  const wanted = records
    .flatMap((r) => [...new Set(r.identity.keys.map((k) => `${r.key} ${k.issuer} ${k.name} ${k.value}`))])
    .toSorted();
  const stored = await db.rows<{ key: string }>({
    text: `select record_key || ' ' || issuer || ' ' || name || ' ' || value as key from correlation_key`,
  });
  assert.deepEqual(stored.map((row) => row.key).toSorted(), wanted, 'every record is found by what it says');
}

import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { clients, correlatorOf, DAY, key } from '../../../test/support/correlation.ts';
import { dbTest, expression } from '../../../test/support/jobs.ts';
import { memoryDirectory, type MemoryDirectory } from '../../../test/support/memory-directory.ts';
import { HOUR, reader } from '../../../test/support/readings.ts';

const COVERS = ['displayName', 'email', 'department', 'employeeNumber'];

function directoryOf(id: string): MemoryDirectory {
  const directory = memoryDirectory(id);
  directory.covers = COVERS;
  return directory;
}

function tell(directory: MemoryDirectory, id: string, emp?: string, mail?: string, active = true): void {
  directory.person(id, {
    userName: id,
    active,
    emails: mail === undefined ? [] : [mail],
    attributes: emp === undefined ? {} : { employeeNumber: emp },
  });
}

dbTest('a reading finds the persons of a SCIM client, and the other way round', async (db) => {
  const it = await clients(db);
  const read = reader(db, {}, () => it.correlator);
  const ad = directoryOf('ad');
  await it.add('okta', 'ann', { emp: '1' });
  await it.add('okta', 'bob', { mail: 'bob@example.com' });
  tell(ad, 'alee', '1', 'ann@example.com');
  tell(ad, 'brob', undefined, 'bob@example.com');
  tell(ad, 'cid', '3');
  await read.full(ad);
  await it.add('okta', 'cid', { emp: '3' });
  assert.deepEqual(await it.groups(), ['ad/alee okta/ann', 'ad/brob okta/bob', 'ad/cid okta/cid']);
  assert.deepEqual(await it.open(), []);
  const linked = await db.rows<{ object: string; by: string }>({
    text: `select object, detail ->> 'by' as by from event where kind = 'record.linked' and source = 'ad' order by object`,
  });
  assert.deepEqual(linked, [
    { object: 'alee', by: 'employeeNumber' },
    { object: 'brob', by: 'email' },
  ]);
  const created = await db.rows<{ person: string | null }>({
    text: `select person from event where kind = 'record.created' and source = 'ad'`,
  });
  assert.equal(
    created.filter((row) => row.person !== null).length,
    3,
    'the history of a person begins with the record',
  );
});

dbTest('one reading: two entries of one number, secondary accounts, and a chain of keys', async (db) => {
  const it = await clients(db);
  const read = reader(db, {}, () => it.correlator);
  await it.add('okta', 'ann', { emp: '1' });
  const ad = directoryOf('ad');
  tell(ad, 'a-second', '1');
  tell(ad, 'a-third', '1');
  tell(ad, 'adm-ann', '1');
  tell(ad, 'b1', undefined, 'b@example.com');
  tell(ad, 'b2', '2', 'b@example.com');
  tell(ad, 'adm-b', '2');
  await read.full(ad);
  assert.deepEqual(await it.groups(), ['ad/a-second ad/adm-ann okta/ann', 'ad/adm-b', 'ad/b1']);
  assert.deepEqual(await it.open(), ['ad/a-third second', 'ad/b2 second']);
});

dbTest('the order of a reading’s entries and the size of its pages make no difference', async (db) => {
  const mails = fc.constantFrom(undefined, 'x@example.com', 'y@example.com', 'z@example.com');
  const entry = fc.record({ emp: fc.constantFrom(undefined, '1', '2', '3'), mail: mails, adm: fc.boolean() });
  const sources = fc.array(entry, { minLength: 1, maxLength: 12 });
  await fc.assert(
    fc.asyncProperty(
      sources,
      sources,
      fc.infiniteStream(fc.nat(1_000)),
      fc.integer({ min: 1, max: 5 }),
      async (okta, ad, random, size) => {
        const outcome = async (shuffled: boolean) => {
          await db.rows({
            text: 'truncate identity_case, correlation_key, person_apart, person_record, membership, record, person cascade',
          });
          await db.rows({ text: `delete from source_state` });
          const it = await clients(db);
          const read = reader(db, {}, () => it.correlator);
          for (const [source, entries] of [
            ['okta', okta],
            ['ad', ad],
          ] as const) {
            const directory = directoryOf(source);
            if (shuffled) directory.pageSize = size;
            if (shuffled) {
              directory.shuffle = (facts) =>
                facts
                  .map((fact) => ({ fact, at: random.next().value ?? 0 }))
                  .toSorted((a, b) => a.at - b.at)
                  .map(({ fact }) => fact);
            }
            for (const [i, { emp, mail, adm }] of entries.entries())
              tell(directory, `${adm ? 'adm-' : ''}u${i}`, emp, mail);
            await read.full(directory);
          }
          return { groups: await it.groups(), open: await it.open() };
        };
        assert.deepEqual(await outcome(true), await outcome(false));
      },
    ),
    { numRuns: 12, seed: 5 },
  );
});

dbTest('deleted and made again in the directory: known by the number, a case by the address', async (db) => {
  const it = await clients(db);
  const read = reader(db, {}, () => it.correlator);
  const ad = directoryOf('ad');
  tell(ad, 'ann', '1', 'ann@example.com');
  tell(ad, 'bob', undefined, 'bob@example.com');
  await read.full(ad);
  ad.remove('ann');
  ad.remove('bob');
  tell(ad, 'ann2', '1', 'ann@example.com');
  tell(ad, 'bob2', undefined, 'bob@example.com');
  await read.read(ad);
  assert.deepEqual(await it.groups(), ['ad/ann ad/ann2', 'ad/bob']);
  assert.deepEqual(await it.open(), ['ad/bob2 recycled']);
});

dbTest('what a reading does not cover keeps its value, and is found by it', async (db) => {
  const it = await clients(db);
  const read = reader(db, {}, () => it.correlator);
  const ad = directoryOf('ad');
  tell(ad, 'ann', '1', 'ann@example.com');
  await read.full(ad);
  ad.covers = ['displayName'];
  ad.person('ann', { displayName: 'Ann Lee', emails: [], attributes: {} });
  await read.full(ad);
  await it.add('okta', 'ann', { emp: '1' });
  assert.deepEqual(await it.groups(), ['ad/ann okta/ann']);
});

dbTest('an entry that can’t be understood decides nothing about its record', async (db) => {
  const it = await clients(db);
  const read = reader(db, {}, () => it.correlator);
  const ad = directoryOf('ad');
  await it.add('okta', 'ann', { emp: '1', mail: 'ann@example.com' });
  tell(ad, 'bob', '2', 'ann@example.com');
  for (let i = 0; i < 30; i++) tell(ad, `u${i}`, `9${i}`);
  await read.full(ad);
  assert.deepEqual(await it.open(), ['ad/bob contradicted']);
  ad.vanish('bob');
  await read.full(ad);
  tell(ad, 'bob', '2', 'ann@example.com');
  ad.faults.garbled = ['bob'];
  read.now = new Date(read.now.getTime() + HOUR);
  await read.full(ad);
  assert.deepEqual(await it.open(), ['ad/bob contradicted']);
});

dbTest('a reading by other settings than those of the store is not taken in', async (db) => {
  const it = await clients(db);
  const ad = directoryOf('ad');
  tell(ad, 'ann', '1');
  const other = reader(db, {}, () => correlatorOf({ keys: [key('email')] }));
  await assert.rejects(other.full(ad), /correlated by other settings/);
  assert.deepEqual(await it.groups(), []);
  await reader(db, {}, () => it.correlator).full(ad);
  assert.deepEqual(await it.groups(), ['ad/ann']);
});

dbTest('a disabled record in a case blocks what its person has, and a deleted one too', async (db) => {
  const it = await clients(db);
  const read = reader(db, {}, () => it.correlator);
  const ad = directoryOf('ad');
  tell(ad, 'alee');
  tell(ad, 'brob');
  await read.full(ad);
  await it.add('okta', 'ann', { emp: '1' });
  await it.add('okta', 'bob', { emp: '2' });
  tell(ad, 'alee', '1');
  tell(ad, 'brob', '2');
  await read.read(ad);
  assert.deepEqual(await it.open(), ['ad/alee twin', 'ad/brob twin']);
  const persons = await it.persons();
  for (const person of Object.values(persons)) {
    await db.rows({
      text: `insert into ledger (target, person, item, created, plan) values ('sdm', $1, 'account', true, 'p')`,
      values: [person],
    });
  }
  tell(ad, 'alee', '1', undefined, false);
  ad.remove('brob');
  const reading = await read.read(ad);
  assert.equal(reading.changes.left, 2);
  const blocked = await db.rows<{ person: string }>({
    text: 'select person from work where block_generation is not null and priority = 100 order by person',
  });
  assert.deepEqual(
    blocked.map((row) => row.person),
    [persons['ad/alee'], persons['ad/brob']].toSorted(),
  );
});

dbTest('a secondary account that is disabled or deleted blocks nobody, a returner’s old record neither', async (db) => {
  const it = await clients(db);
  const read = reader(db, {}, () => it.correlator);
  const ad = directoryOf('ad');
  tell(ad, 'ann', '1');
  tell(ad, 'adm-ann', '1');
  tell(ad, 'adm-two', '1');
  tell(ad, 'adm-bob', '2');
  await it.add('okta', 'bob', { emp: '2' });
  await read.full(ad);
  const persons = await it.persons();
  await db.rows({
    text: `insert into ledger (target, person, item, created, plan) select 'sdm', id, 'account', true, 'p' from person`,
  });
  tell(ad, 'adm-ann', '1', undefined, false);
  tell(ad, 'adm-bob', '2', undefined, false);
  ad.remove('adm-two');
  await read.read(ad);
  assert.deepEqual(await db.rows({ text: 'select 1 from work' }), []);
  ad.remove('ann');
  await read.read(ad);
  assert.deepEqual(await db.rows({ text: 'select person from work' }), [{ person: persons['ad/ann'] }]);
});

dbTest('after the recycle window an address is somebody new’s, whatever the source', async (db) => {
  const it = await clients(db, correlatorOf({ recycle: 30 * DAY, people: expression('true', () => true) }));
  const read = reader(db, {}, () => it.correlator);
  const ad = directoryOf('ad');
  tell(ad, 'bob', undefined, 'bob@example.com');
  await read.full(ad);
  ad.remove('bob');
  await read.read(ad);
  read.now = new Date(read.now.getTime() + 31 * DAY);
  tell(ad, 'bob2', undefined, 'bob@example.com');
  await read.read(ad);
  assert.deepEqual(await it.groups(), ['ad/bob', 'ad/bob2']);
  assert.deepEqual(await it.open(), []);
});

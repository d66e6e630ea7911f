import assert from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';
import * as fc from 'fast-check';
import { clients, correlatorOf, key, seedMany } from '../../../test/support/correlation.ts';
import { dbTest, expression, until } from '../../../test/support/jobs.ts';
import type { Db } from '../db.ts';
import { beginRebuild, othersEnded, rebuildPage } from './rebuild.ts';
import { correlationState } from './state.ts';

const count = async (db: Db, from: string): Promise<number> =>
  (await db.row<{ n: number }>({ text: `select count(*) as n from ${from}` }))?.n ?? -1;

dbTest('switched on: nobody is merged, who is there twice is a case, and each can be found', async (db) => {
  const it = await clients(db, correlatorOf({ keys: [key('userName')] }));
  await it.follow(undefined);
  await it.add('okta', 'ann', { emp: '1' });
  await it.add('ad', 'alee', { emp: '1' });
  await it.add('okta', 'bob', { emp: '2' });
  await it.follow(correlatorOf());
  assert.deepEqual(await it.groups(), ['ad/alee', 'okta/ann', 'okta/bob']);
  assert.deepEqual(await it.open(), ['okta/ann twin'], 'one case for two people');
  await it.add('ad', 'brob', { emp: '2' });
  assert.deepEqual(await it.groups(), ['ad/alee', 'ad/brob okta/bob', 'okta/ann']);
  await it.follow(undefined);
  assert.deepEqual(await it.open(), [], 'switched off there is nothing to decide');
  assert.equal(await count(db, 'correlation_key'), 0);
});

dbTest('broken off and begun again it goes on where it was, and what is new meanwhile is not lost', async (db) => {
  await seedMany(db, 'okta', 2_300);
  await seedMany(db, 'ad', 30);
  const it = await clients(db, correlatorOf({ keys: [key('userName')] }));
  const wanted = correlatorOf();
  it.correlator = wanted;
  assert.equal(await beginRebuild(db, wanted), true);
  assert.equal(await rebuildPage(db, wanted, new Date()), true);
  const { after } = await correlationState(db);
  assert.ok(after > 0);
  assert.equal(await beginRebuild(db, wanted), true, 'as a service does that starts again');
  assert.equal((await correlationState(db)).after, after);
  const late = await it.add('hr', 'late', { emp: '7' });
  const gone = await it.add('hr', 'gone', { emp: '8' });
  await it.change('hr', late, 'late', { emp: '9' });
  await it.change('okta', 'okta100', 'u100', { emp: 'moved' });
  await it.remove('hr', gone);
  assert.equal(await count(db, `person_record pr join record r on r.key = pr.record_key where r.source = 'hr'`), 0);
  let pages = 1;
  while (await rebuildPage(db, wanted, new Date())) pages += 1;
  assert.ok(pages >= 6, `${pages} pages`);
  assert.equal((await correlationState(db)).phase, 'done');
  assert.equal(await beginRebuild(db, wanted), false);
  const { 'hr/late': person } = await it.persons();
  assert.equal(person, undefined, 'its number finds two, the one of okta and the one of ad');
  const open = await it.open();
  assert.ok(open.includes('hr/late ambiguous'));
  assert.equal(open.filter((one) => one.endsWith('twin')).length, 30);
  assert.equal(await count(db, `correlation_key where name = 'employeeNumber' and value = 'moved'`), 1);
  assert.equal(await count(db, `correlation_key where name = 'employeeNumber' and value = '100'`), 0);
  assert.equal(await count(db, `correlation_key where name = 'userName'`), 0);
});

dbTest('records of a source that left the settings can still be found', async (db) => {
  const it = await clients(db, correlatorOf({ sources: { okta: '' } }));
  await it.add('okta', 'ann', { emp: '1' });
  await it.follow(correlatorOf({ sources: { entra: '' } }));
  await it.add('entra', 'ann@x', { emp: '1' });
  assert.deepEqual(await it.groups(), ['entra/ann@x okta/ann']);
});

dbTest('who is secondary follows the settings, but for what an operator linked', async (db) => {
  const it = await clients(db, correlatorOf({ secondary: expression('false', () => false) }));
  await it.add('okta', 'adm-ann', { emp: '1' });
  await it.add('ad', 'adm-bob', { emp: '2' });
  await db.rows({
    text: `update person_record set linked_by = 'operator' where record_key in (select key from record where source = 'ad')`,
  });
  await it.follow(correlatorOf());
  const rows = await db.rows({
    text: 'select r.user_name as name from person_record pr join record r on r.key = pr.record_key where pr.secondary',
  });
  assert.deepEqual(rows, [{ name: 'adm-ann' }]);
});

dbTest('pages wait for whoever still writes by the settings from before', async (db) => {
  let release = (): void => undefined;
  const held = new Promise<void>((resolve) => (release = resolve));
  const writing = db.tx(async (tx) => {
    await tx.rows({ text: `insert into person (id) values ('p_late')` });
    await held;
  });
  await until(async () => (await count(db, `pg_locks where locktype = 'transactionid'`)) > 0);
  let turns = 0;
  const ended = othersEnded(db, async () => {
    turns += 1;
    if (turns === 3) release();
    await turn();
  });
  await ended;
  await writing;
  assert.ok(turns >= 3);
});

dbTest(
  'whatever the order in which records come, whoever has something in common is one person or a case',
  async (db) => {
    const human = fc.record({
      sources: fc.subarray(['okta', 'ad', 'hr', 'x'] as const, { minLength: 1 }),
      // Which keys each of their records has: at least one.
      has: fc.array(fc.constantFrom('both', 'emp', 'mail'), { minLength: 4, maxLength: 4 }),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(human, { minLength: 1, maxLength: 4 }),
        fc.infiniteStream(fc.nat(1_000)),
        async (humans, random) => {
          await db.rows({
            text: 'truncate identity_case, correlation_key, person_apart, person_record, record, person cascade',
          });
          const it = await clients(db, correlatorOf({ sources: { okta: '', ad: '', hr: '', x: '' } }));
          const records = humans.flatMap(({ sources, has }, h) =>
            sources.map((source, i) => ({
              source,
              name: `h${h}`,
              at: random.next().value ?? 0,
              facts: {
                ...(has[i] !== 'mail' && { emp: `${h}` }),
                ...(has[i] !== 'emp' && { mail: `h${h}@example.com` }),
              },
            })),
          );
          for (const { source, name, facts } of records.toSorted((a, b) => a.at - b.at))
            await it.add(source, name, facts);
          const persons = await it.persons();
          const cases = await it.cases({ field: 'state', like: 'open' });
          // Persons and cases as edges between records: what hangs together is what has values in common.
          const joined = components([
            ...Object.entries(persons),
            ...cases.flatMap((one) =>
              one.persons.map((person): [string, string] => [`${one.source}/${one.userName}`, person]),
            ),
          ]);
          const said = components(
            records.flatMap(({ source, name, facts }) =>
              Object.values(facts).map((v): [string, string] => [`${source}/${name}`, v]),
            ),
          );
          assert.deepEqual(joined, said);
        },
      ),
      { numRuns: 30, seed: 11 },
    );
  },
);

/** Names (`source/user`) that hang together over the edges, each group sorted. */
function components(edges: ReadonlyArray<readonly [string, string]>): string[] {
  const parent = new Map<string, string>();
  const root = (node: string): string => {
    const up = parent.get(node) ?? node;
    return up === node ? node : root(up);
  };
  for (const [a, b] of edges) parent.set(root(a), root(b));
  const names = [...new Set(edges.map(([a]) => a))].toSorted();
  return [...Map.groupBy(names, root).values()].map((group) => group.join(' ')).toSorted();
}

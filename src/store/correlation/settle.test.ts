import assert from 'node:assert/strict';
import { clients, correlatorOf, DAY, key } from '../../../test/support/correlation.ts';
import { dbTest, expression } from '../../../test/support/jobs.ts';

dbTest('records of two sources with one employee number are one person', async (db) => {
  const it = await clients(db);
  await it.add('okta', 'ann', { emp: '10234' });
  await it.add('ad', 'ALee', { emp: ' 10234' });
  await it.add('ad', 'bob', { emp: '10235' });
  assert.deepEqual(await it.groups(), ['ad/ALee okta/ann', 'ad/bob']);
  assert.deepEqual(await it.open(), []);
});

dbTest('two issuers give out the same number to two people', async (db) => {
  const it = await clients(db, correlatorOf({ sources: { okta: '', ad: 'acquired' } }));
  await it.add('okta', 'ann', { emp: '10234', mail: 'ann@example.com' });
  await it.add('ad', 'ann', { emp: '10234', mail: 'ann@example.com' });
  assert.deepEqual(await it.groups(), ['ad/ann', 'okta/ann']);
  assert.deepEqual(await it.open(), []);
});

dbTest(
  'the first key that finds anybody decides, and an address of a domain that is not verified finds nobody',
  async (db) => {
    const it = await clients(db);
    await it.add('okta', 'ann', { emp: '1', mail: 'ann@example.com' });
    await it.add('okta', 'eve', { mail: 'eve@gmail.com' });
    await it.add('ad', 'a.lee', { mail: 'Ann@Example.com' });
    await it.add('ad', 'evil', { mail: 'eve@gmail.com' });
    assert.deepEqual(await it.groups(), ['ad/a.lee okta/ann', 'ad/evil', 'okta/eve']);
  },
);

dbTest(
  'deleted and made again the next day: by the number the same person, by the address alone a case',
  async (db) => {
    const it = await clients(db);
    const ann = await it.add('okta', 'ann', { emp: '1', mail: 'ann@example.com' });
    const bob = await it.add('okta', 'bob', { mail: 'bob@example.com' });
    const { 'okta/ann': person } = await it.persons();
    await it.remove('okta', ann);
    await it.remove('okta', bob);
    await it.add('okta', 'ann', { emp: '1', mail: 'ann@example.com' });
    await it.add('okta', 'bob', { mail: 'bob@example.com' });
    assert.deepEqual(await it.groups(), ['okta/ann okta/ann', 'okta/bob']);
    assert.equal((await it.persons())['okta/ann'], person);
    const [recycled] = await it.cases({ field: 'state', like: 'open' });
    assert.equal(recycled?.kind, 'recycled');
    assert.equal(recycled?.key, 'email');
    assert.equal(recycled?.value, 'bob@example.com');
    assert.deepEqual(recycled?.persons, [(await it.persons())['okta/bob']]);
    assert.equal(recycled?.person, null);
    await it.review(new Date(Date.now() + 89 * DAY));
    assert.deepEqual(await it.open(), ['okta/bob recycled']);
    await it.review(new Date(Date.now() + 91 * DAY));
    assert.deepEqual(await it.open(), [], 'after the window it is somebody new');
    assert.deepEqual(await it.groups(), ['okta/ann okta/ann', 'okta/bob', 'okta/bob']);
  },
);

dbTest('an address that is alive elsewhere does not make a returner of who was deleted here', async (db) => {
  const it = await clients(db);
  const ann = await it.add('okta', 'ann', { mail: 'ann@example.com' });
  await it.add('ad', 'alee', { mail: 'ann@example.com' });
  await it.remove('okta', ann);
  await it.add('okta', 'ann2', { mail: 'ann@example.com' });
  assert.deepEqual(await it.open(), ['okta/ann2 recycled']);
  await it.add('hr', 'ann', { mail: 'ann@example.com' });
  assert.deepEqual(
    await it.groups(),
    ['ad/alee hr/ann okta/ann'],
    'in another source it is the living record that counts',
  );
});

dbTest('a second primary record in one source is a case, and clears itself when the first one goes', async (db) => {
  const it = await clients(db);
  const first = await it.add('okta', 'ann', { emp: '1' });
  await it.add('okta', 'ann.lee', { emp: '1' });
  assert.deepEqual(await it.open(), ['okta/ann.lee second']);
  await it.review();
  assert.deepEqual(await it.open(), ['okta/ann.lee second']);
  await it.remove('okta', first);
  await it.review();
  assert.deepEqual(await it.open(), []);
  assert.deepEqual(await it.groups(), ['okta/ann okta/ann.lee']);
  const [done] = await it.cases();
  assert.equal(done?.outcome, 'cleared');
});

dbTest('a better key that says they are two makes a case of a shared address', async (db) => {
  const it = await clients(db);
  await it.add('okta', 'ann', { emp: '1', mail: 'team@example.com' });
  await it.add('ad', 'bob', { emp: '2', mail: 'team@example.com' });
  assert.deepEqual(await it.open(), ['ad/bob contradicted']);
  assert.deepEqual(await it.groups(), ['okta/ann']);
});

dbTest('a key that finds several persons is a case, which clears when it finds one', async (db) => {
  const it = await clients(db, correlatorOf({ keys: [key('email'), key('employeeNumber')] }));
  await it.add('okta', 'ann', { emp: '1', mail: 'a@example.com' });
  const b = await it.add('okta', 'bob', { emp: '2', mail: 'b@example.com' });
  await it.change('okta', b, 'bob', { emp: '2', mail: 'a@example.com' });
  const ad = await it.add('ad', 'who', { mail: 'a@example.com' });
  assert.deepEqual(await it.open(), ['ad/who ambiguous']);
  await it.change('okta', b, 'bob', { emp: '2', mail: 'b@example.com' });
  await it.review();
  assert.deepEqual(await it.open(), []);
  assert.deepEqual(await it.groups(), ['ad/who okta/ann', 'okta/bob']);
  await it.change('ad', ad, 'who', { mail: 'b@example.com' });
  assert.deepEqual(await it.groups(), ['ad/who okta/ann', 'okta/bob'], 'a link stands');
  assert.deepEqual(await it.open(), ['ad/who twin'], 'and what its keys say now is told');
  await it.change('ad', ad, 'who', { mail: 'a@example.com' });
  assert.deepEqual(await it.open(), []);
});

dbTest('whoever turns out to be there twice is a case, whatever the order', async (db) => {
  const it = await clients(db);
  await it.add('okta', 'ann', { emp: '1' });
  await it.add('ad', 'alee', { mail: 'ann@example.com' });
  await it.add('hr', 'ann', { emp: '1', mail: 'ann@example.com' });
  assert.deepEqual(await it.groups(), ['ad/alee', 'hr/ann okta/ann']);
  const [twin] = await it.cases({ field: 'state', like: 'open' });
  const { 'okta/ann': okta, 'ad/alee': ad } = await it.persons();
  assert.deepEqual([twin?.kind, twin?.person, twin?.persons, twin?.key], ['twin', okta, [ad], 'email']);
});

dbTest('a value that a crowd has is nobody’s mark', async (db) => {
  const it = await clients(db);
  for (let i = 0; i < 30; i++) await it.add('okta', `u${i}`, { emp: 'n/a' });
  await it.review();
  assert.deepEqual(await it.open(), []);
  assert.equal((await it.groups()).length, 30);
});

dbTest('a secondary account belongs to its owner, whichever came first', async (db) => {
  const it = await clients(db);
  await it.add('ad', 'adm-ann', { emp: '1' });
  await it.add('ad', 'ann', { emp: '1' });
  await it.add('ad', 'bob', { emp: '2' });
  await it.add('ad', 'adm-bob', { emp: '2' });
  assert.deepEqual(await it.groups(), ['ad/adm-ann ad/ann', 'ad/adm-bob ad/bob']);
  const rows = await db.rows<{ name: string }>({
    text: `select r.user_name as name from person_record pr join record r on r.key = pr.record_key where pr.secondary order by 1`,
  });
  assert.deepEqual(
    rows.map((row) => row.name),
    ['adm-ann', 'adm-bob'],
  );
});

dbTest('what is no human is nobody’s, and what can’t be told is a case until it can', async (db) => {
  const type = expression('user.userType != "service"', (user) => user['userType'] !== 'service');
  const people = {
    ...type,
    evaluate: (input: Parameters<typeof type.evaluate>[0]) =>
      input.user['userName'] === 'unclear' ? { indeterminate: 'userType was not delivered' } : type.evaluate(input),
  };
  const human = expression('true', (user) => user['userName'] !== 'svc');
  const it = await clients(db, correlatorOf({ people: human }));
  const svc = await it.add('okta', 'svc', { emp: '1' });
  await it.add('okta', 'ann', { emp: '1' });
  assert.deepEqual(await it.groups(), ['okta/ann']);
  assert.deepEqual(await it.open(), []);
  await it.follow(correlatorOf({ people, recycle: DAY }));
  await it.add('okta', 'unclear', { emp: '3' });
  assert.deepEqual(await it.open(), ['okta/svc second', 'okta/unclear undecided']);
  await it.change('okta', svc, 'svc', { emp: '4' });
  assert.deepEqual(await it.open(), ['okta/unclear undecided']);
  assert.deepEqual(await it.groups(), ['okta/ann', 'okta/svc']);
});

dbTest('externalId is compared within its source alone', async (db) => {
  const it = await clients(db, correlatorOf({ keys: [key('externalId')] }));
  const ann = await it.add('okta', 'ann', { externalId: '7' });
  await it.add('ad', 'bob', { externalId: '7' });
  await it.remove('okta', ann);
  await it.add('okta', 'anna', { externalId: '7' });
  assert.deepEqual(await it.groups(), ['ad/bob', 'okta/ann okta/anna']);
});

dbTest('two clients that write one number at the same moment make one person', async (db) => {
  const it = await clients(db);
  for (let round = 0; round < 5; round++) {
    const emp = `${round}`;
    await Promise.all(
      ['okta', 'ad', 'hr'].map((source) => it.add(source, `u${round}`, { emp, mail: `${emp}@example.com` })),
    );
  }
  assert.equal((await it.groups()).length, 5);
  assert.deepEqual(await it.open(), []);
});

dbTest('a disabled record that is seen for the first time suspends nobody: it is dormant, and a case', async (db) => {
  const it = await clients(db);
  await it.add('okta', 'ann', { emp: '1' });
  const ad = await it.add('ad', 'alee', { emp: '1', active: false });
  const dormant = async () =>
    (
      await db.rows<{ name: string }>({
        text: `select user_name as name from person_record pr join record r on r.key = pr.record_key where pr.dormant`,
      })
    ).map((row) => row.name);
  assert.deepEqual(await dormant(), ['alee']);
  await it.review();
  assert.deepEqual(await it.open(), ['ad/alee dormant']);
  await it.change('ad', ad, 'alee', { emp: '1', active: true });
  await it.review();
  assert.deepEqual(await it.open(), [], 'it is active: there is nothing to decide');
  await it.change('ad', ad, 'alee', { emp: '1', active: false });
  assert.deepEqual(await dormant(), [], 'now its source said it');
  await it.add('ad', 'bob', { emp: '2', active: false });
  assert.deepEqual(await it.open(), []);
  await it.add('okta', 'bob', { emp: '2' });
  assert.deepEqual(await it.open(), ['ad/bob dormant'], 'whichever came first');
});

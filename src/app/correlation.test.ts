import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { drawbridge, folderWith, urlOf } from '../../test/support/command-line.ts';
import { clients, correlatorOf, key, seedMany } from '../../test/support/correlation.ts';
import { type TestDatabase, testDatabase } from '../../test/support/database.ts';
import { dbTest, until } from '../../test/support/jobs.ts';
import { memoryDirectory, registerMemory } from '../../test/support/memory-directory.ts';
import { startService } from '../app.ts';
import { loadSettings } from '../config/load.ts';
import { createLog } from '../log.ts';
import { correlationState } from '../store/correlation/state.ts';
import { holdLock, LEADER } from '../store/lease.ts';
import { correlateBy, startCorrelation } from './correlation.ts';
import { kinds } from './kinds.ts';
import { loadViews } from './views.ts';

const log = createLog({ write: () => undefined });
const wake = (): void => undefined;

dbTest(
  'stopped while records are looked at anew it goes on at the next start, and says when it is done',
  async (db) => {
    await seedMany(db, 'okta', 2_500);
    const wanted = correlatorOf();
    let pages = 0;
    let stop: (() => Promise<void>) | undefined;
    const first = await startCorrelation(wanted, {
      db,
      log,
      wake: () => {
        pages += 1;
        if (pages === 2) void stop?.();
      },
    });
    stop = () => first.close();
    await until(() => pages >= 2);
    await first.close();
    const broken = await correlationState(db);
    assert.equal(broken.signature, wanted.signature);
    assert.notEqual(broken.phase, 'done');
    assert.ok(broken.after > 0);
    const lines: string[] = [];
    const second = await startCorrelation(wanted, { db, log: createLog({ write: (line) => lines.push(line) }), wake });
    assert.equal(second.now(), wanted);
    await until(async () => (await correlationState(db)).phase === 'done');
    await until(() => lines.some((line) => line.includes('all records are correlated by the settings of now')));
    await second.close();
  },
);

dbTest('changed settings are followed without a stop, and open cases are looked at again', async (db) => {
  const it = await clients(db, correlatorOf({ keys: [key('userName')] }));
  await it.add('okta', 'ann', { emp: '1' });
  await it.add('ad', 'alee', { emp: '1' });
  const service = await startCorrelation(it.correlator, { db, log, wake, reviewEvery: 20 });
  const wanted = correlatorOf();
  service.follow(wanted);
  assert.equal(service.now(), wanted);
  it.correlator = service.now();
  await until(async () => (await it.open()).length === 1);
  assert.deepEqual(await it.open(), ['okta/ann twin']);
  const [first] = await it.cases({ field: 'state', like: 'open' });
  // What its record finds changes by what happens to another record.
  await db.rows({ text: `update record set gone_at = now(), evidence = 'explicit' where user_name = 'alee'` });
  await db.rows({
    text: `delete from correlation_key where record_key in (select key from record where user_name = 'alee')`,
  });
  await until(async () => (await it.open()).length === 0);
  const [done] = await it.cases({ field: 'id', like: first?.id ?? '' });
  assert.equal(done?.outcome, 'cleared');
  service.follow(undefined);
  assert.equal(service.now(), undefined);
  await until(
    async () => (await correlationState(db)).signature === '' && (await correlationState(db)).phase === 'done',
  );
  await service.close();
  assert.deepEqual(await db.rows({ text: 'select 1 from correlation_key' }), []);
});

test('a command correlates by its settings where nobody serves the store, and not against a running service', async () => {
  const database: TestDatabase = await testDatabase();
  const { db } = database;
  try {
    const wanted = correlatorOf();
    assert.equal(await correlateBy(db, undefined), true);
    assert.equal(await correlateBy(db, wanted), true);
    assert.deepEqual(await correlationState(db), { signature: wanted.signature, phase: 'done', after: 0 });
    const held = await holdLock(db, LEADER, async () => {
      assert.equal(await correlateBy(db, wanted), true, 'the same settings');
      assert.equal(await correlateBy(db, correlatorOf({ keys: [key('email')] })), false);
    });
    assert.equal(held, true);
    assert.equal((await correlationState(db)).signature, wanted.signature);
  } finally {
    await database.close();
  }
});

test('a service with a client and a directory: one person, other keys without a restart, counted cases', async () => {
  const corp = memoryDirectory('corp');
  corp.covers = ['displayName', 'email', 'employeeNumber'];
  corp.person('alee', { userName: 'alee', emails: [], attributes: { employeeNumber: '1' } });
  corp.person('brob', { userName: 'brob', emails: ['bob@example.com'], attributes: { employeeNumber: '2' } });
  const forget = registerMemory(corp);
  const database = await testDatabase();
  const settings = (keys: string): string => `server: { listen: 127.0.0.1:0 }
sources: { okta: { type: scim }, corp: { type: memory, ttl: 1h } }
verifiedDomains: [example.com]
correlation: { keys: ${keys} }
`;
  const folder = folderWith({ 'drawbridge.yaml': settings('[employeeNumber]'), 'rules/a.yaml': 'rules: []' });
  const env = { DATABASE_URL: urlOf(database.config) };
  const read = () => loadSettings({ file: join(folder.path, 'drawbridge.yaml'), env, kinds });
  const loaded = read();
  assert.ok(loaded.settings !== undefined, JSON.stringify(loaded.problems));
  const { views } = loadViews(loaded.settings);
  assert.ok(views !== undefined);
  const service = await startService(loaded.settings, { log, views, version: '0', read, firstTokens: true });
  try {
    await until(async () => (await database.db.rows({ text: 'select 1 from person_record' })).length === 2);
    const post = async (userName: string, more: object): Promise<number> => {
      const response = await fetch(`${service.url}/scim/okta/v2/Users`, {
        method: 'POST',
        headers: { authorization: `Bearer ${service.firstTokens[0]?.token}`, 'content-type': 'application/scim+json' },
        body: JSON.stringify({ schemas: ['urn:ietf:params:scim:schemas:core:2.0:User'], userName, ...more }),
      });
      await response.text();
      return response.status;
    };
    const number = (employeeNumber: string) => ({
      'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User': { employeeNumber },
    });
    assert.equal(await post('ann@example.com', number('1')), 201);
    assert.equal(await post('bob@example.com', { emails: [{ value: 'bob@example.com' }] }), 201);
    const sources = async (person: string): Promise<string> => {
      const config = ['--json', '--config', 'drawbridge.yaml'];
      const shown = await drawbridge(['people', 'show', person, ...config], env, folder.path);
      const { records } = shown.json<{ records: { source: string }[] }>();
      return records
        .map((record) => record.source)
        .toSorted()
        .join();
    };
    assert.equal(await sources('ann@example.com'), 'corp,okta');
    assert.equal(await sources('brob'), 'corp');
    writeFileSync(join(folder.path, 'drawbridge.yaml'), settings('[employeeNumber, email]'));
    assert.equal(await service.reload(), true);
    const metric = async (): Promise<string | undefined> =>
      /^drawbridge_cases (\d+)$/m.exec(await (await fetch(`${service.url}/metrics`)).text())?.[1];
    await until(async () => (await metric()) === '1');
    assert.equal(await sources('brob'), 'corp', 'nobody is merged by settings');
    assert.equal(await post('cid@example.com', number('3')), 201);
  } finally {
    await service.close();
    await database.close();
    folder.remove();
    forget();
  }
});

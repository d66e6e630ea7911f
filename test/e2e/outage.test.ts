import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { temporaryFolder } from '../support/embedded.ts';
import { readyUrl, startDrawbridge, type Started } from '../support/service-process.ts';
import { type PostgresServer, startPostgres } from '../services/postgres.ts';
import { waitFor } from './support/scene.ts';
import { lost, scimClient, type ToldUser } from './support/scim.ts';

/** How long the server is away. An outage of a minute is no different: nothing here counts how long it lasts. */
const AWAY_MS = Number(process.env['OUTAGE_MS'] ?? 4_000);
const CLIENTS = 6;
const SETTINGS = `server: { listen: 127.0.0.1:0 }
store: { url: "\${env:STORE_URL}" }
sources: { okta: { type: scim } }
`;

const folder = temporaryFolder();
const running = new Set<Started>();
let server: PostgresServer;
before(() => {
  server = startPostgres({ folder: join(folder, 'pg') });
  writeFileSync(join(folder, 'd.yaml'), SETTINGS);
  writeFileSync(join(folder, 'embedded.yaml'), SETTINGS.replace('"${env:STORE_URL}"', 'embedded:moved'));
  mkdirSync(join(folder, 'rules'));
});
after(async () => {
  for (const started of running) {
    started.child.kill('SIGKILL');
    await started.ended;
  }
  server.stop();
  rmSync(folder, { recursive: true, force: true });
});

function start(args: readonly string[], url = server.url(), config = 'd.yaml'): Started {
  const env = { STORE_URL: url, TMPDIR: folder };
  const started = startDrawbridge([...args, '--config', join(folder, config)], env, folder);
  running.add(started);
  void started.ended.then(() => running.delete(started));
  return started;
}

async function command(
  args: readonly string[],
  config?: string,
): Promise<{ code: number | null; out: string; err: string }> {
  const started = start(args, server.url(), config);
  const { code } = await started.ended;
  return { code, out: started.out(), err: started.err() };
}

test('a wrong password, database or port ends the start with what to do, and no password in it', async () => {
  const url = server.url();
  const { password, port } = new URL(url);
  const cases: ReadonlyArray<readonly [string, RegExp, RegExp]> = [
    [url.replace(password, 'wrong-word'), /password authentication failed/, /Check user and password in DATABASE_URL/],
    [server.url('nowhere'), /database "nowhere" does not exist/, /Create the database, or correct its name/],
    [url.replace(`:${port}/`, ':1/'), /ECONNREFUSED/, /Start the PostgreSQL server/],
  ];
  for (const [wrong, message, remedy] of cases) {
    const started = start(['serve'], wrong);
    assert.equal((await started.ended).code, 1);
    assert.match(started.err(), message);
    assert.match(started.err(), remedy);
    assert.match(started.err(), /drawbridge: The store at drawbridge@127\.0\.0\.1:/);
    assert.ok(!started.err().includes('wrong-word') && !started.err().includes(password), 'no password');
    assert.equal(started.out(), '');
  }
});

test('the database goes away under load: 503 with Retry-After, then on as before, and nothing acknowledged is lost', async (t) => {
  const bridge = start(['serve']);
  const url = await readyUrl(bridge);
  const [token = ''] = /dbr_\S+/.exec(bridge.out()) ?? [];
  const client = scimClient(() => url, token);
  const group = await client.createGroup('dba');
  const users: ToldUser[] = [];
  const members = new Set<ToldUser>();
  let over = false;
  const load = Array.from({ length: CLIENTS }, async (_, c) => {
    for (let i = 0; !over; i++) {
      const user = await client.createUser(`u${c}-${i}@example.com`);
      users.push(user);
      if (i % 3 === 0) {
        await client.patchMembers(group, 'add', [user]);
        members.add(user);
      }
      await sleep(10);
    }
  });
  await sleep(1_000);
  const before = users.length;
  server.stop();
  const ask = (method: string, body?: object) =>
    fetch(`${url}/scim/okta/v2/Users`, {
      method,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/scim+json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(15_000),
    });
  const told = new Set<string>();
  const end = performance.now() + AWAY_MS;
  while (performance.now() < end) {
    for (const response of [await ask('GET'), await ask('POST', { userName: 'x@example.com' })]) {
      const { detail } = (await response.json()) as { detail: string };
      told.add(`${response.status} ${response.headers.get('retry-after')} ${detail}`);
    }
    assert.equal((await fetch(`${url}/readyz`)).status, 503);
    assert.equal((await fetch(`${url}/healthz`)).status, 200);
    assert.match(await (await fetch(`${url}/metrics`)).text(), /^drawbridge_store_up 0$/m);
    await sleep(100);
  }
  assert.deepEqual([...told], ['503 5 The store of this service is not available at the moment. Try again.']);
  server.start();
  assert.ok(
    await waitFor(async () => (await fetch(`${url}/readyz`)).status === 200, 20_000),
    bridge.err().slice(-2_000),
  );
  const back = users.length;
  assert.ok(await waitFor(() => users.length > back + 20, 20_000), 'the load goes on');
  over = true;
  await Promise.all(load);
  assert.ok(before > 0 && client.counts.repeated > 0);
  assert.deepEqual(await lost(client, users, { dba: { id: group, members } }), []);
  bridge.child.kill('SIGTERM');
  assert.equal((await bridge.ended).code, 0);
  t.diagnostic(`${users.length} users acknowledged, ${client.counts.repeated} requests repeated, lost 0`);
});

test('two services on one database: both serve, one leads, the other takes over; no copy is read in under them', async () => {
  const first = start(['serve']);
  const urls = [await readyUrl(first)];
  const second = start(['serve']);
  urls.push(await readyUrl(second));
  const statuses = await Promise.all(urls.map(async (url) => (await fetch(`${url}/readyz`)).status));
  assert.deepEqual(statuses, [200, 200]);
  const info = async () =>
    JSON.parse((await command(['store', 'info', '--json'])).out) as { store: string; running: boolean };
  const { store, running: runs } = await info();
  assert.equal(runs, true);
  const copy = join(folder, 'both.ndjson');
  assert.equal((await command(['store', 'backup', '-o', copy])).code, 0);
  assert.equal((JSON.parse(readFileSync(copy, 'utf8').split('\n')[0] ?? '') as { store: string }).store, store);
  const refused = await command(['store', 'restore', copy, '--replace', '--yes']);
  assert.equal(refused.code, 1);
  assert.match(refused.err, /A Drawbridge service runs on this store\n {2}Stop it first, on every machine/);
  first.child.kill('SIGKILL');
  await first.ended;
  assert.ok(await waitFor(async () => (await info()).running, 10_000), 'the other one leads');
  second.child.kill('SIGTERM');
  assert.equal((await second.ended).code, 0);
  assert.equal((await info()).running, false);
});

test('a store moves from an older PostgreSQL to the embedded one and back, and goes on where it was', async () => {
  const [out, back] = [join(folder, 'out.ndjson.gz'), join(folder, 'back.ndjson')];
  const old = JSON.parse((await command(['store', 'info', '--json'])).out) as { store: string; server: string };
  const written = await command(['store', 'export', '-o', out, '--json']);
  assert.equal(written.code, 0, written.err);
  assert.match((await command(['store', 'export', '-o', out])).err, /is there already\n {2}Name another file/);

  // Nothing shows that the copy is the newest, but the witness of the old place.
  const alone = await command(['store', 'import', out], 'embedded.yaml');
  assert.equal(alone.code, 0, alone.err);
  assert.match(alone.out, /It is in recovery \(imported from out\.ndjson\.gz, .*there is no witness/s);
  const proof = ['--witness', join(folder, 'data/witness.json')];
  const proven = await command(['store', 'import', out, '--replace', '--yes', ...proof], 'embedded.yaml');
  assert.equal(proven.code, 0, proven.err);
  assert.match(proven.out, /Its witness shows that nothing was done since/);
  const now = JSON.parse((await command(['store', 'info', '--json'], 'embedded.yaml')).out) as typeof old & {
    recovery: null;
  };
  assert.equal(now.store, old.store);
  assert.equal(now.recovery, null);
  assert.notEqual(now.server.split('.')[0], old.server.split('.')[0]);

  assert.equal((await command(['store', 'export', '-o', back], 'embedded.yaml')).code, 0);
  const again = await command(['store', 'import', back, '--replace', '--yes', '--json']);
  assert.equal(again.code, 0, again.err);
  const { rows, recovery } = JSON.parse(again.out) as { rows: Record<string, number>; recovery: unknown };
  assert.equal(recovery, null, 'the witness beside the settings knows it');
  const was = (JSON.parse(written.out) as { rows: Record<string, number> }).rows;
  assert.deepEqual({ ...rows, event: 0 }, { ...was, event: 0 });
  const bridge = start(['serve']);
  await readyUrl(bridge);
  assert.ok(!bridge.out().includes('dbr_'), 'the token of before still holds');
  bridge.child.kill('SIGTERM');
  assert.equal((await bridge.ended).code, 0);
});

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { after, test } from 'node:test';
import { folderWith } from '../../test/support/command-line.ts';
import { readyUrl, startDrawbridge, type Started } from '../../test/support/service-process.ts';
import { embeddedPid } from '../store/embedded/index.ts';

const SETTINGS = 'server: { listen: 127.0.0.1:0 }\nstore: { url: embedded:data }\nsources: { okta: { type: scim } }\n';
const folder = folderWith({ 'drawbridge.yaml': SETTINGS });
const CONFIG = join(folder.path, 'drawbridge.yaml');
const running = new Set<Started>();

after(async () => {
  for (const one of running) one.child.kill('SIGKILL');
  // A server that a killed service left behind: a command joins it and, as the last user, stops it.
  await startDrawbridge(['people', 'list', '--config', CONFIG]).ended;
  assert.equal(embeddedPid(join(folder.path, 'data')), undefined);
  folder.remove();
});

async function serve(config = CONFIG, group = false): Promise<{ started: Started; url: string }> {
  const started = startDrawbridge(['serve', '--config', config], {}, undefined, { group });
  running.add(started);
  void started.ended.then(() => running.delete(started));
  return { started, url: await readyUrl(started) };
}

async function command(...args: string[]): Promise<{ code: number | null; out: string; err: string }> {
  const started = startDrawbridge([...args, '--config', CONFIG]);
  const { code } = await started.ended;
  return { code, out: started.out(), err: started.err() };
}

const users = (url: string, token: string, init: RequestInit = {}): Promise<Response> =>
  fetch(`${url}/scim/okta/v2/Users`, {
    ...init,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/scim+json' },
  });

const body = (userName: string): string =>
  JSON.stringify({ schemas: ['urn:ietf:params:scim:schemas:core:2.0:User'], userName });

async function count(url: string, token: string): Promise<number> {
  return ((await (await users(url, token)).json()) as { totalResults: number }).totalResults;
}

test('a service with nothing but server, store and one source: first start, tokens, end, restart, kill', async () => {
  const { started, url } = await serve();
  assert.match(started.out(), new RegExp(`^SCIM address of source okta: ${url}/scim/okta/v2$`, 'm'));
  const [first = ''] = /dbr_\S+/.exec(started.out()) ?? [];
  assert.equal(started.out().match(/^ready /gm)?.length, 1);
  assert.equal((await users(url, first, { method: 'POST', body: body('ann@example.com') })).status, 201);
  assert.equal((await users(url, 'dbr_wrong')).status, 401);

  const made = await command('tokens', 'create', '--source', 'okta', '--name', 'second', '--json');
  assert.equal(made.code, 0, made.err);
  const { id, token } = JSON.parse(made.out) as { id: string; token: string };
  assert.equal(await count(url, token), 1, 'a token made beside the service holds at the next request');
  assert.equal((await command('tokens', 'revoke', id)).code, 0);
  assert.equal((await users(url, token)).status, 401, 'and so does its end');

  const second = await command('serve');
  assert.equal(second.code, 1);
  assert.match(second.err, /in use by another Drawbridge service/);
  assert.ok(!second.out.includes('ready'));

  started.child.kill('SIGTERM');
  started.child.kill('SIGTERM');
  started.child.kill('SIGINT');
  assert.deepEqual(await started.ended, { code: 0, signal: null });
  assert.equal(embeddedPid(join(folder.path, 'data')), undefined, 'the PostgreSQL server ended with it');
  for (const secret of [first, token]) assert.ok(!started.err().includes(secret), 'no token in the log');

  const again = await serve();
  assert.ok(!again.started.out().includes('dbr_'), 'a token is shown at the first start only');
  assert.equal(await count(again.url, first), 1);
  assert.equal((await users(again.url, first, { method: 'POST', body: body('bob@example.com') })).status, 201);
  again.started.child.kill('SIGKILL');
  await again.started.ended;

  const third = await serve();
  assert.equal(await count(third.url, first), 2, 'what was acknowledged survives kill -9');
  third.started.child.kill('SIGTERM');
  assert.equal((await third.started.ended).code, 0);
});

test('the built-in simulator runs beside the service, ends with it, comes back when it dies, keeps its keys', async () => {
  const sim = join(folder.path, 'sim.yaml');
  const target = 'targets: { sdm: { type: strongdm, mode: full, simulator: true, createRoles: true } }\n';
  writeFileSync(sim, SETTINGS + target);
  const { started, url } = await serve(sim);
  const file = join(folder.path, 'data/simulators/sdm/address.json');
  const address = JSON.parse(readFileSync(file, 'utf8')) as { host: string; secretKey: string };
  for (const name of ['address.json', 'journal']) {
    assert.equal(statSync(join(folder.path, 'data/simulators/sdm', name)).mode & 0o777, 0o600, name);
  }
  const checked = startDrawbridge(['check', '--connect', '--config', sim]);
  assert.equal((await checked.ended).code, 0, checked.out());
  assert.match(checked.out(), /ok {6}target sdm: address, key, clock and rights are right/);

  const pid = childOf(started.child.pid ?? 0);
  assert.ok(pid !== undefined, 'the simulator is a child of the service');
  process.kill(pid, 'SIGKILL');
  let back = false;
  for (let i = 0; i < 200 && !back; i++) {
    await sleep(50);
    const now = childOf(started.child.pid ?? 0);
    back = now !== undefined && now !== pid && (await accepts(address.host));
  }
  assert.ok(back, started.err());
  assert.equal((await fetch(`${url}/readyz`)).status, 200);
  const next = childOf(started.child.pid ?? 0) ?? 0;
  started.child.kill('SIGKILL');
  await started.ended;
  for (let i = 0; i < 100 && existsSync(`/proc/${next}/cwd`); i++) await sleep(50);
  assert.ok(!existsSync(`/proc/${next}/cwd`), 'it ends even when the service is killed');

  const again = await serve(sim, true);
  const later = JSON.parse(readFileSync(file, 'utf8')) as { secretKey: string };
  assert.equal(later.secretKey, address.secretKey);
  assert.ok(!again.started.err().includes(address.secretKey));
  const last = childOf(again.started.child.pid ?? 0) ?? 0;
  process.kill(-(again.started.child.pid ?? 0), 'SIGTERM');
  assert.equal((await again.started.ended).code, 0, 'also when the whole process group is told to end');
  assert.ok(!existsSync(file) && !existsSync(`/proc/${last}/cwd`));
  assert.doesNotMatch(again.started.err(), /the simulator ended/);
});

test('a port in use ends with 1 and says what to do', async () => {
  const holder = createServer().listen(0, '127.0.0.1');
  await once(holder, 'listening');
  const { port } = holder.address() as { port: number };
  const started = startDrawbridge(['serve', '--config', CONFIG], { PORT: String(port) });
  const { code } = await started.ended;
  holder.close();
  assert.equal(code, 1);
  assert.match(started.err(), new RegExp(`drawbridge: port ${port} on 127\\.0\\.0\\.1 is in use by another process`));
  assert.match(started.err(), /server\.listen or PORT/);
  assert.equal(started.out(), '');
});

test('bad settings end with 2, tell every problem and make no store', async () => {
  const bad = folderWith({ 'x.yaml': 'store: { url: embedded:data }\nsources: {}\nservr: 1\nlog: { level: loud }\n' });
  const started = startDrawbridge(['serve', '--config', join(bad.path, 'x.yaml')]);
  assert.equal((await started.ended).code, 2);
  for (const place of ['2:10', '3:1', '4:15'])
    assert.ok(started.err().includes(`x.yaml:${place}: error:`), started.err());
  assert.equal(started.out(), '');
  assert.ok(!existsSync(join(bad.path, 'data')));
  bad.remove();
});

test('a simulator by itself prints its keys, then that it is ready, and ends with 0', async () => {
  const started = startDrawbridge(['sim', 'strongdm', '--seed', 'demo']);
  running.add(started);
  const address = await readyUrl(started);
  const lines = started.out().trim().split('\n');
  assert.deepEqual(
    lines.map((line) => line.replace(/[= ].*/, '')),
    ['SDM_API_HOST', 'SDM_API_ACCESS_KEY', 'SDM_API_SECRET_KEY', 'ready'],
  );
  for (const line of lines.slice(0, 3)) assert.match(line, /^[A-Z_]+=[A-Za-z0-9:/._+=-]+$/);
  assert.equal(lines[0], `SDM_API_HOST=${address}`);
  started.child.kill('SIGTERM');
  assert.deepEqual(await started.ended, { code: 0, signal: null });
});

/** The simulator that runs as a child of a process. */
function childOf(pid: number): number | undefined {
  try {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
      .trim()
      .split(' ')
      .filter(Boolean)
      .map(Number);
    return children.find((child) => readFileSync(`/proc/${child}/cmdline`, 'utf8').includes('\0sim\0'));
  } catch {
    return undefined;
  }
}

async function accepts(host: string): Promise<boolean> {
  return fetch(`http://${host}/`).then(
    () => true,
    (error: Error & { cause?: { code?: string } }) => error.cause?.code !== 'ECONNREFUSED',
  );
}

import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { afterEach, test } from 'node:test';
import { createLog } from '../log.ts';
import { createMetrics, type Figures } from './metrics.ts';
import type { Readiness } from './ready.ts';
import { routeOf } from './requests.ts';
import { listen, type Listening } from './server.ts';
import { createWeb } from './web.ts';

const FIGURES: Figures = {
  dirty: 3,
  cases: 5,
  recovery: false,
  jobs: [{ target: 'sdm', pending: 2, parked: 1 }],
  paused: [{ target: 'sdm', paused: true }],
  holds: [{ target: 'strongdm', n: 4 }],
  roles: [{ target: 'sdm', role: 'oncall', members: 1, minMembers: 2 }],
  bursts: [{ source: 'okta', leaves: 31, allowed: 25, held: 6 }],
  sources: [{ source: 'okta', users: 7, groups: 2, lastChange: new Date(1_700_000_000_000) }],
  heard: [{ source: 'okta', lastHeard: new Date(1_700_000_100_000), silent: true }],
  tokens: [{ id: 'tok_1', name: 'Okta production', source: 'okta', seconds: 86_400 }],
  readings: [{ source: 'corp-ad', ageSeconds: 90, stale: true, missing: 2 }],
};
const READY: Readiness = {
  store: true,
  queue: true,
  sources: [],
  targets: [],
  rules: null,
  recovery: null,
  retired: { sources: [], targets: [] },
};

let server: Listening | undefined;
let logged = '';
afterEach(async () => {
  await server?.close(1_000);
  server = undefined;
  logged = '';
});

async function serve(options: { readiness?: () => Promise<Readiness>; figures?: () => Promise<Figures> } = {}) {
  const metrics = createMetrics(options.figures ?? (() => Promise.resolve(FIGURES)));
  const web = createWeb({
    scim: (request, response) => {
      if (request.url.includes('boom')) throw new Error('inside words');
      response.status(201).json({ path: request.url });
    },
    metrics,
    log: createLog({ level: 'debug', write: (line) => (logged += line) }),
    version: '1.2.3',
    sources: () => ['okta'],
    readiness: options.readiness ?? (() => Promise.resolve(READY)),
    url: () => 'https://bridge.example',
  });
  server = await listen(web, '127.0.0.1', 0);
  return { url: server.url, metrics };
}

test('routes are a small set without ids or names', () => {
  const cases: ReadonlyArray<readonly [string, string, string?]> = [
    ['/', '/'],
    ['/healthz', '/healthz'],
    ['/healthz/x', 'other'],
    ['/scim/okta/v2/Users', '/scim/Users', 'okta'],
    ['/scim/okta/v2/users/123', '/scim/Users/:id', 'okta'],
    ['/scim/v2/Groups/1', '/scim/Groups/:id'],
    ['/scim/okta/v2/Groups/.search', '/scim/Groups/:id', 'okta'],
    ['/scim/okta/v2', '/scim/other', 'okta'],
    ['/scim', '/scim/other'],
    ['/wp-admin/setup.php', 'other'],
    ['', 'other'],
  ];
  for (const [path, route, source] of cases) {
    const { route: found, source: from } = routeOf(path);
    assert.deepEqual([found, from], [path === '' ? '/' : route, source], path);
  }
});

test('health, page, 404 and errors', async () => {
  const { url } = await serve();
  assert.equal(await (await fetch(`${url}/healthz`)).text(), 'ok\n');
  const home = await fetch(url);
  assert.match(home.headers.get('content-security-policy') ?? '', /default-src 'self'/);
  assert.match(await home.text(), /https:\/\/bridge\.example\/scim\/okta\/v2/);
  const missing = await fetch(`${url}/nothing`);
  assert.equal(missing.status, 404);
  const broken = await fetch(`${url}/scim/okta/v2/boom`);
  assert.equal(broken.status, 500);
  assert.ok(!(await broken.text()).includes('inside words'));
  assert.match(logged, /inside words/);
  assert.equal((await fetch(`${url}/%zz`)).status, 404);
  assert.equal(home.headers.get('x-powered-by'), null);
});

test("every answer has a request id, the client's own where it is usable", async () => {
  const { url } = await serve();
  const own = await fetch(`${url}/healthz`, { headers: { 'x-request-id': 'abc-1' } });
  assert.equal(own.headers.get('x-request-id'), 'abc-1');
  const odd = await fetch(`${url}/healthz`, { headers: { 'x-request-id': 'a b"c' } });
  assert.match(odd.headers.get('x-request-id') ?? '', /^[0-9a-f-]{36}$/);
});

test('the log holds no query, no id and no token; writes and refusals stand at info', async () => {
  const { url } = await serve();
  const filter = encodeURIComponent('userName eq "ann@example.com"');
  const headers = { authorization: 'Bearer dbr_very-secret-token-of-a-client' };
  await fetch(`${url}/scim/okta/v2/Users?filter=${filter}`, { headers });
  await fetch(`${url}/scim/okta/v2/Users/2819c223-7f76`, { method: 'PATCH', headers, body: '{}' });
  await server?.close(1_000);
  const lines = logged
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  assert.deepEqual(
    lines.map((l) => [l['level'], l['method'], l['route'], l['source']]),
    [
      ['debug', 'GET', '/scim/Users', 'okta'],
      ['info', 'PATCH', '/scim/Users/:id', 'okta'],
    ],
  );
  assert.ok(!/ann|2819|very-secret/.test(logged), logged);
});

test('metrics: figures at the moment of asking, bounded labels', async () => {
  const { url, metrics } = await serve();
  for (const path of ['/scim/okta/v2/Users', '/scim/guess-1/v2/Users', '/scim/guess-2/v2/Users', '/guess-3'])
    await fetch(url + path);
  metrics.job('sdm', 'retry');
  metrics.leaver('sdm', 0.4);
  const text = await (await fetch(`${url}/metrics`)).text();
  for (const line of [
    'drawbridge_dirty 3',
    'drawbridge_cases 5',
    'drawbridge_holds{target="strongdm"} 4',
    'drawbridge_role_members_missing{target="sdm",role="oncall"} 1',
    'drawbridge_source_leavers{source="okta"} 31',
    'drawbridge_source_leavers_allowed{source="okta"} 25',
    'drawbridge_burst_held{source="okta"} 6',
    'drawbridge_jobs{target="sdm",state="parked"} 1',
    'drawbridge_target_paused{target="sdm"} 1',
    'drawbridge_records{source="okta",kind="user"} 7',
    'drawbridge_token_expires_seconds{source="okta",name="Okta production",token="tok_1"} 86400',
    'drawbridge_source_last_heard_seconds{source="okta"} 1700000100',
    'drawbridge_source_silent{source="okta"} 1',
    'drawbridge_scim_requests_total{source="okta",status="201"} 1',
    'drawbridge_scim_requests_total{source="unknown",status="201"} 2',
    'drawbridge_jobs_total{target="sdm",verdict="retry"} 1',
    'drawbridge_leaver_seconds_bucket{le="0.5",target="sdm"} 1',
    'drawbridge_store_up 1',
  ]) {
    assert.ok(text.includes(`${line}\n`), `${line} is not in\n${text.replace(/^(#|nodejs|process).*\n/gm, '')}`);
  }
  assert.ok(!text.includes('guess'));
});

test('metrics without a store say so and forget the old figures', async () => {
  let away = false;
  const { url } = await serve({ figures: () => (away ? Promise.reject(new Error('away')) : Promise.resolve(FIGURES)) });
  await fetch(`${url}/metrics`);
  away = true;
  const text = await (await fetch(`${url}/metrics`)).text();
  assert.ok(text.includes('drawbridge_store_up 0\n') && !text.includes('drawbridge_jobs{'), text);
});

test('readiness: 200 while store and queue work, else 503', async () => {
  const { url } = await serve();
  assert.equal((await fetch(`${url}/readyz`)).status, 200);
  await server?.close(1_000);
  const broken = await serve({ readiness: () => Promise.reject(new Error('away')) });
  const answer = await fetch(`${broken.url}/readyz`);
  assert.equal(answer.status, 503);
  assert.deepEqual(await answer.json(), {
    ready: false,
    store: false,
    queue: false,
    sources: [],
    targets: [],
    rules: null,
    recovery: null,
    retired: { sources: [], targets: [] },
  });
});

test('a port in use, and an address that is not ours, are explained', async () => {
  await serve();
  const port = server?.port ?? 0;
  await assert.rejects(
    listen(() => undefined, '127.0.0.1', port),
    (error: Error & { remedy: string }) => {
      assert.match(error.message, new RegExp(`port ${port} on 127\\.0\\.0\\.1 is in use`));
      assert.match(error.remedy, /server\.listen/);
      return true;
    },
  );
  await assert.rejects(
    listen(() => undefined, '192.0.2.1', 0),
    /no address of this machine/,
  );
});

test('closing does not wait for a kept-alive connection, and cuts one that never ends', async () => {
  const { url } = await serve();
  await (await fetch(`${url}/healthz`)).text();
  const socket = connect(server?.port ?? 0, '127.0.0.1');
  socket.on('error', () => undefined);
  await new Promise((resolve) => socket.on('connect', resolve));
  socket.write('GET /healthz HTTP/1.1\r\nhost: x\r\n');
  const started = performance.now();
  await server?.close(300);
  assert.ok(performance.now() - started < 2_000);
  socket.destroy();
});

import assert from 'node:assert/strict';
import { copyFileSync, readFileSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { openScene, type Bridge, type Scene, waitFor } from './support/scene.ts';

const TLS = join(import.meta.dirname, '../support/tls');

let scene: Scene;
let bridge: Bridge;
let outer = '';
let token = '';

const use = (name: string): void => {
  copyFileSync(join(TLS, `${name}.cert.pem`), join(scene.folder, 'cert.pem'));
  copyFileSync(join(TLS, `${name}.key.pem`), join(scene.folder, 'key.pem'));
};

before(async () => {
  scene = openScene();
  use('first');
  scene.write(
    'drawbridge.yaml',
    `server:
  listen: 127.0.0.1:0
  trustProxy: [127.0.0.2]
  scim: { listen: "127.0.0.1:0", tls: { certFile: cert.pem, keyFile: key.pem }, allow: [127.0.0.1, 192.0.2.0/24] }
store: { url: embedded:data }
sources:
  okta: { type: scim, rateLimit: { perSecond: 1, burst: 3 } }
  entra: { type: scim }
targets: {}
rules: rules
`,
  );
  scene.write('rules/rules.yaml', 'rules: []\n');
  bridge = await scene.serve();
  [, outer = ''] = /SCIM address of source okta: (\S+)\/scim\/okta\/v2\n/.exec(bridge.out()) ?? [];
  [, token = ''] = /SCIM token of source entra: +(\S+)/.exec(bridge.out()) ?? [];
});
after(() => scene.clear());

interface Said {
  readonly status: number;
  readonly type: string;
  readonly body: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

function get(url: string, headers: Record<string, string> = {}, localAddress?: string): Promise<Said> {
  return new Promise((resolve, reject) => {
    const ca = readFileSync(join(scene.folder, 'cert.pem'));
    const start = url.startsWith('https') ? httpsRequest : httpRequest;
    const request = start(url, { ca, headers, agent: false, ...(localAddress === undefined ? {} : { localAddress }) });
    request.on('error', reject).on('response', (response) => {
      let body = '';
      response.on('data', (chunk) => (body += chunk));
      response.on('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          type: response.headers['content-type'] ?? '',
          body,
          headers: response.headers,
        }),
      );
    });
    request.setTimeout(10_000, () => request.destroy(new Error('no answer'))).end();
  });
}

const bearer = (): Record<string, string> => ({ authorization: `Bearer ${token}` });

test('SCIM is at its own address with TLS alone, and the addresses that are printed are right', async () => {
  assert.match(bridge.url, /^http:\/\/127\.0\.0\.1:\d+$/);
  assert.match(outer, /^https:\/\/127\.0\.0\.1:\d+$/);
  const list = await get(`${outer}/scim/entra/v2/Users`, bearer());
  assert.deepEqual([list.status, list.type], [200, 'application/scim+json'], list.body);
  const config = JSON.parse((await get(`${outer}/scim/entra/v2/ServiceProviderConfig`, bearer())).body);
  assert.equal(config.meta.location, `${outer}/scim/entra/v2/ServiceProviderConfig`);
  assert.equal((await get(`${bridge.url}/scim/entra/v2/Users`, bearer())).status, 404);
  assert.equal((await get(`${bridge.url}/healthz`)).status, 200);
  assert.ok((await get(`${bridge.url}/`)).body.includes(`${outer}/scim/okta/v2`));
  for (const path of ['/', '/metrics', '/readyz', '/api/v1/x', '/scim']) {
    const { status, type } = await get(`${outer}${path}`, bearer());
    assert.deepEqual([status, type], [404, 'application/scim+json'], path);
  }
  const shown = await scene.command('sources', 'show', 'entra', '--json');
  assert.match(JSON.parse(shown.out).address, /^https:\/\/127\.0\.0\.1:0\/scim\/entra\/v2$/);
});

test('only addresses that are allowed may connect, and X-Forwarded-For counts from a trusted proxy only', async () => {
  await assert.rejects(get(`${outer}/scim/entra/v2/Users`, bearer(), '127.0.0.3'));
  const by = (client: string, from: string) =>
    get(`${outer}/scim/entra/v2/Users`, { ...bearer(), 'x-forwarded-for': client }, from);
  assert.equal((await by('192.0.2.9', '127.0.0.2')).status, 200);
  const refused = await by('198.51.100.1', '127.0.0.2');
  assert.deepEqual([refused.status, refused.type], [403, 'application/scim+json']);
  assert.equal((await by('198.51.100.1', '127.0.0.1')).status, 200, 'not believed: 127.0.0.1 is allowed itself');
});

test('a source has its limit, told in SCIM and in headers, and another source is not concerned', async () => {
  const [, okta = ''] = /SCIM token of source okta: +(\S+)/.exec(bridge.out()) ?? [];
  const ask = () => get(`${outer}/scim/okta/v2/Users?count=0`, { authorization: `Bearer ${okta}` });
  const answers = [await ask(), await ask(), await ask(), await ask(), await ask()];
  assert.equal(answers[0]?.headers['x-rate-limit-limit'], '3');
  const refused = answers.find((a) => a.status === 429);
  assert.ok(refused !== undefined, JSON.stringify(answers.map((a) => a.status)));
  assert.match(String(refused.headers['retry-after']), /^\d+$/);
  const error = JSON.parse(refused.body);
  assert.deepEqual([error.status, error.schemas], ['429', ['urn:ietf:params:scim:api:messages:2.0:Error']]);
  assert.equal((await get(`${outer}/scim/entra/v2/Users`, bearer())).headers['x-rate-limit-limit'], undefined);
});

test('many failed attempts are refused by address, and the client that is known goes on', async () => {
  const from = (address: string, authorization: string) =>
    get(`${outer}/scim/entra/v2/Users`, { authorization, 'x-forwarded-for': address }, '127.0.0.2');
  const guess = (i: number): string => `Bearer dbr_${String(i).padStart(43, 'x')}`;
  const statuses = new Map<number, number>();
  for (let i = 0; i < 150; i++) {
    const { status } = await from('192.0.2.50', guess(i));
    statuses.set(status, (statuses.get(status) ?? 0) + 1);
  }
  assert.ok((statuses.get(401) ?? 0) >= 100 && (statuses.get(429) ?? 0) >= 30, JSON.stringify([...statuses]));
  assert.equal((await from('192.0.2.50', `Bearer ${token}`)).status, 200);
  assert.equal((await from('192.0.2.51', guess(1))).status, 401);
});

test('a changed certificate is taken up on SIGHUP, a broken one is refused and told', async () => {
  use('second');
  bridge.child.kill('SIGHUP');
  const served = (): Promise<boolean> =>
    get(`${outer}/scim/entra/v2/Users`, bearer()).then(
      ({ status }) => status === 200,
      () => false,
    );
  assert.ok(await waitFor(served, 10_000), 'the client trusts the second certificate only');
  scene.write('cert.pem', 'nothing');
  bridge.child.kill('SIGHUP');
  assert.ok(await waitFor(() => bridge.err().includes('a new certificate was refused'), 10_000), bridge.err());
  use('second');
  assert.ok(await served());
});

test('readiness and metrics tell when a source was heard and whether it is silent', async () => {
  const ready = JSON.parse((await get(`${bridge.url}/readyz`)).body);
  const entra = ready.sources.find((s: { id: string }) => s.id === 'entra');
  assert.deepEqual([entra.silent, entra.endingTokens], [false, []]);
  assert.ok(Date.parse(entra.lastHeard) > Date.now() - 600_000);
  const metrics = (await get(`${bridge.url}/metrics`)).body;
  assert.match(metrics, /^drawbridge_source_silent\{source="entra"\} 0$/m);
  assert.match(metrics, /^drawbridge_source_last_heard_seconds\{source="entra"\} \d+/m);
});

test('what can not be served is told before anything starts', async () => {
  scene.write('bad.yaml', readFileSync(scene.config, 'utf8').replace('keyFile: key.pem', 'keyFile: nowhere.pem'));
  const bad = scene.start('serve', '--config', join(scene.folder, 'bad.yaml'));
  const { code } = await bad.ended;
  assert.equal(code, 1);
  assert.doesNotMatch(bad.out(), /^ready /m);
  const checked = scene.start('check', '--config', join(scene.folder, 'bad.yaml'));
  assert.equal((await checked.ended).code, 2);
  assert.match(checked.out(), /bad\.yaml:4:\d+: error: .*nowhere\.pem can't be read/);
});

import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, test } from 'node:test';
import { parse } from 'yaml';
import { drawbridge } from '../support/command-line.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
const folder = mkdtempSync(join(tmpdir(), 'drawbridge-deploy-'));
after(() => rmSync(folder, { recursive: true, force: true }));

interface Service {
  readonly ports?: readonly string[];
  readonly volumes?: readonly string[];
  readonly secrets?: readonly string[];
  readonly networks?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly [key: string]: unknown;
}
interface Compose {
  readonly services: Readonly<Record<'bridge' | 'postgres', Service>>;
  readonly networks: Readonly<Record<string, { readonly internal?: boolean }>>;
  readonly volumes: Readonly<Record<string, unknown>>;
  readonly secrets: Readonly<Record<string, { readonly file: string }>>;
}
const compose = parse(read('compose.yaml'), { uniqueKeys: true }) as Compose;
const { bridge, postgres } = compose.services;

test('compose.yaml: every name in it is declared, every file is there, secrets are files', () => {
  for (const [name, service] of Object.entries(compose.services)) {
    for (const secret of service.secrets ?? []) assert.ok(secret in compose.secrets, `${name}: ${secret}`);
    for (const network of service.networks ?? []) assert.ok(network in compose.networks, `${name}: ${network}`);
    for (const volume of service.volumes ?? []) {
      const [source = '', target = '', mode] = volume.split(':');
      if (!source.startsWith('.')) assert.ok(source in compose.volumes, `${name}: ${source}`);
      else assert.ok(existsSync(join(ROOT, source)) && mode === 'ro', `${name}: ${volume}`);
      assert.ok(target.startsWith('/'));
    }
    for (const value of Object.values(service.environment ?? {})) assert.doesNotMatch(value, /:\/\/[^/]*:[^/]*@/);
    assert.deepEqual(service['security_opt'], ['no-new-privileges:true'], name);
  }
  for (const { file } of Object.values(compose.secrets)) {
    assert.equal(spawnSync('git', ['check-ignore', '-q', file], { cwd: ROOT }).status, 0, `${file} is not in git`);
  }
});

test('compose.yaml: opened to this machine only, without rights, on a database that is well', () => {
  assert.deepEqual(bridge.ports, ['127.0.0.1:8080:8080']);
  assert.equal(postgres.ports, undefined);
  assert.deepEqual(postgres.networks, ['store']);
  assert.equal(compose.networks['store']?.internal, true);
  assert.deepEqual(bridge.depends_on, { postgres: { condition: 'service_healthy' } });
  assert.ok(postgres['healthcheck'] !== undefined);
  assert.deepEqual(bridge['cap_drop'], ['ALL']);
  assert.equal(bridge['read_only'], true);
});

test('the settings and rules that compose.yaml mounts pass the check, with the secrets that it mounts', async () => {
  const secrets = join(folder, 'secrets');
  mkdirSync(secrets);
  for (const name of bridge.secrets ?? []) writeFileSync(join(secrets, name), Buffer.from(name).toString('base64'));
  for (const volume of bridge.volumes ?? []) {
    const [source = '', target = ''] = volume.split(':');
    if (source.startsWith('.')) cpSync(join(ROOT, source), join(folder, target), { recursive: true });
  }
  const file = join(folder, 'etc/drawbridge/drawbridge.yaml');
  const settings = readFileSync(file, 'utf8');
  assert.match(settings, /listen: 0\.0\.0\.0:8080/, 'the port that compose opens');
  const used = [...settings.matchAll(/\$\{file:\/run\/secrets\/(\w+)\}/g)].map((m) => m[1]);
  assert.deepEqual(used.toSorted(), bridge.secrets?.toSorted(), 'every secret that is mounted is used');
  const { hostname, username, pathname } = new URL(
    /url: (postgres:\S+)/.exec(settings.replace(/\$\{.*?\}/, 'x'))?.[1] ?? '',
  );
  assert.deepEqual(
    [hostname, username, pathname],
    ['postgres', postgres.environment?.['POSTGRES_USER'], `/${postgres.environment?.['POSTGRES_DB']}`],
  );
  writeFileSync(file, settings.replaceAll('/run/secrets', secrets));
  const checked = await drawbridge(['check', '--config', file, '--json'], {}, folder);
  assert.equal(checked.code, 0, checked.out + checked.err);
  const { problems } = checked.json<{ problems: Array<{ severity: string; message: string }> }>();
  const about = problems.filter(({ severity, message }) => severity !== 'warning' || /secret .* in the/i.test(message));
  assert.deepEqual(about, []);
});

const UNIT = 'deploy/systemd/drawbridge.service';
const said = (key: string): string[] =>
  [...read(UNIT).matchAll(new RegExp(`^${key}=(.*)$`, 'gm'))].map((m) => m[1] ?? '');

test('the systemd unit is hardened, and ends the service in order', () => {
  const wanted = {
    DynamicUser: 'yes',
    NoNewPrivileges: 'yes',
    ProtectSystem: 'strict',
    ProtectHome: 'yes',
    StateDirectory: 'drawbridge',
    CapabilityBoundingSet: '',
    KillMode: 'mixed',
  };
  for (const [key, value] of Object.entries(wanted)) assert.deepEqual(said(key), [value], key);
  // No closer than the service's own limits: 15 s for requests and 25 s for work.
  assert.ok(Number(said('TimeoutStopSec')[0]) >= 45);
  assert.ok(said('ExecStart')[0]?.endsWith('/node_modules/drawbridge/bin/drawbridge.js serve'));
});

test('systemd takes the unit without a word, and finds little to object to', { skip: noSystemd() }, () => {
  const at = join(folder, 'drawbridge.service');
  // The programs that it starts are not on this machine where it looks for them.
  const program = `ExecStart=${process.execPath} ${join(ROOT, 'bin/drawbridge.js')} serve`;
  writeFileSync(
    at,
    read(UNIT)
      .replace(/^ExecStart=.*$/m, program)
      .replace(/^Documentation=.*\n/m, ''),
  );
  const verified = spawnSync('systemd-analyze', ['verify', at], { encoding: 'utf8' });
  assert.deepEqual([verified.status, verified.stdout, verified.stderr], [0, '', '']);
  const judged = execFileSync('systemd-analyze', ['security', '--offline=yes', '--no-pager', at], { encoding: 'utf8' });
  const exposure = Number(/exposure level for \S+: ([\d.]+)/.exec(judged)?.[1]);
  assert.ok(exposure <= 2, `exposure ${exposure} of 10:\n${judged}`);
});

function noSystemd(): string | false {
  return spawnSync('systemd-analyze', ['--version']).status === 0 ? false : 'systemd-analyze is not on this machine';
}

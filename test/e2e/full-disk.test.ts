import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { readyUrl, startDrawbridge, type Started } from '../support/service-process.ts';
import { temporaryFolder } from '../support/embedded.ts';
import { embeddedPid } from '../../src/store/embedded/index.ts';
import { stopPostmaster } from '../../src/store/embedded/postmaster.ts';
import { waitFor } from './support/scene.ts';
import { scimClient } from './support/scim.ts';

const MIB = 1 << 20;
const folder = temporaryFolder();
const disk = join(folder, 'disk');
let mounted = false;
let running: Started | undefined;

/** A file system of 200 MiB in memory; why there can't be one, otherwise. */
function mount(): string | undefined {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'only root can mount a small file system';
  mkdirSync(disk);
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=200m,mode=0755', 'tmpfs', disk], { stdio: 'ignore' });
    mounted = true;
    return undefined;
  } catch {
    return 'this machine lets nobody mount a small file system';
  }
}

after(async () => {
  running?.child.kill('SIGKILL');
  await running?.ended;
  if (mounted) {
    execFileSync('mount', ['-o', 'remount,rw', disk], { stdio: 'ignore' });
    const pid = embeddedPid(join(disk, 'data'), { temp: folder });
    if (pid !== undefined) await stopPostmaster(pid);
    execFileSync('umount', [disk], { stdio: 'ignore' });
  }
  rmSync(folder, { recursive: true, force: true });
});

const serve = (): Started => {
  const config = join(folder, 'd.yaml');
  writeFileSync(
    config,
    'server: { listen: 127.0.0.1:0 }\nstore: { url: embedded:disk/data }\nsources: { okta: { type: scim } }\n',
  );
  return (running = startDrawbridge(['serve', '--config', config], { TMPDIR: folder }, folder));
};
const free = (): number => {
  const { bavail, bsize } = statfsSync(disk);
  return bavail * bsize;
};
/** Takes all but so many bytes of the disk. */
const fill = (name: string, leave: number): void =>
  writeFileSync(join(disk, name), Buffer.alloc(Math.max(0, free() - leave)));

test('a full disk: writes answer 503, reads and leavers go on, and with room everything does', async (t) => {
  const why = mount();
  if (why !== undefined) return t.skip(why);
  const bridge = serve();
  const url = await readyUrl(bridge);
  const [token = ''] = /dbr_\S+/.exec(bridge.out()) ?? [];
  const client = scimClient(() => url, token);
  const [ann, bob] = [await client.createUser('ann@example.com'), await client.createUser('bob@example.com')];
  const ask = async (method: string, path: string, body?: object) => {
    const response = await fetch(`${url}/scim/okta/v2${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/scim+json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(20_000),
    });
    return { status: response.status, retryAfter: response.headers.get('retry-after') };
  };
  const create = (name: string) => ask('POST', '/Users', { userName: `${name}@example.com` });

  fill('ballast', 40 * MIB);
  assert.ok(await waitFor(() => bridge.err().includes('the disk is nearly full'), 5_000), bridge.err());
  assert.deepEqual(await create('cid'), { status: 503, retryAfter: '5' });
  assert.equal((await ask('GET', `/Users/${ann.id}`)).status, 200);
  assert.equal((await fetch(`${url}/readyz`)).status, 200);
  await client.patchUser(ann, { active: false });
  await client.deleteUser(bob);
  assert.equal(client.counts.repeated, 0, 'who leaves is let through');

  rmSync(join(disk, 'ballast'));
  assert.ok(await waitFor(() => bridge.err().includes('the disk has room again'), 5_000), bridge.err());
  assert.equal((await create('cid')).status, 201);

  // Filled up to the last byte in one go, faster than anybody looks. Whatever PostgreSQL makes of it, it comes back.
  fill('ballast', 0);
  const statuses = new Set<number>();
  for (let i = 0; i < 10; i++) statuses.add((await create(`late${i}`)).status);
  assert.deepEqual(
    [...statuses].filter((s) => s !== 201 && s !== 503),
    [],
    `statuses ${[...statuses].join()}`,
  );
  rmSync(join(disk, 'ballast'));
  assert.ok(await waitFor(async () => (await create('dan').catch(() => ({ status: 0 }))).status === 201, 30_000));
  assert.equal((await ask('GET', `/Users/${ann.id}`)).status, 200);
  bridge.child.kill('SIGTERM');
  assert.equal((await bridge.ended).code, 0);
});

test('a data folder that nobody can write to is told, with what to do', async (t) => {
  if (!mounted) return t.skip('there is no small file system to make read-only');
  execFileSync('mount', ['-o', 'remount,ro', disk], { stdio: 'ignore' });
  const bridge = serve();
  assert.equal((await bridge.ended).code, 1);
  assert.match(bridge.err(), /The data folder \S+ can't be used: this user can't write to it \(EROFS\)/);
  assert.match(bridge.err(), /name another one in store\.url, or set DATABASE_URL/);
});

import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { canRunAs, type Ground, ground, otherProcess } from '../../../test/support/embedded.ts';
import { StoreRefused } from '../errors.ts';
import { locate } from './place.ts';
import { barredAt, isRoot, type ServerUser } from './user.ts';

let at: Ground;
beforeEach(() => {
  at = ground();
});
afterEach(() => at.clear());

const refused = (message: RegExp, remedy: RegExp) => (error: unknown) => {
  assert.ok(error instanceof StoreRefused, String(error));
  assert.match(error.message, message);
  assert.match(error.remedy, remedy);
  return true;
};

test('a folder of another major version is refused, and the way out is named', async () => {
  const embedded = await at.open();
  await embedded.close();
  writeFileSync(join(embedded.cluster, 'PG_VERSION'), '15\n');
  await assert.rejects(
    at.open(),
    refused(/made by PostgreSQL 15; this version runs PostgreSQL \d\d/, /export.*import/),
  );
  assert.equal(at.pid(), undefined);
});

test('a folder that something else lies in is refused and left as it is', async () => {
  mkdirSync(join(at.data, 'postgres'), { recursive: true });
  writeFileSync(join(at.data, 'postgres', 'letter.txt'), 'mine');
  await assert.rejects(at.open(), refused(/not empty and holds no PostgreSQL/, /another data folder/));
  assert.equal(readFileSync(join(at.data, 'postgres', 'letter.txt'), 'utf8'), 'mine');
});

test('a data folder that cannot be made or written says so', async () => {
  writeFileSync(at.data, 'a file');
  await assert.rejects(at.open(), refused(/data can't be used: a file is in its way/, /store\.url/));
  rmSync(at.data);
  mkdirSync(at.data, { mode: 0o500 });
  if (isRoot()) return;
  try {
    await assert.rejects(at.open(), refused(/this user can't write to it \(EACCES\)/, /DATABASE_URL/));
  } finally {
    chmodSync(at.data, 0o700);
  }
});

if (isRoot()) {
  test('as root, a data folder of mode 0700 is opened as far as the server needs it', async () => {
    mkdirSync(at.data, { mode: 0o700 });
    const embedded = await at.open();
    assert.equal(embedded.cluster, join(at.data, 'postgres'));
    assert.equal(statSync(at.data).mode & 0o777, 0o711);
    assert.equal(statSync(at.data).uid, 0);
    await embedded.close();
  });

  test('as root behind a folder that bars the way, the cluster lies elsewhere and a file says where', async () => {
    chmodSync(at.base, 0o700);
    const open = { state: '/tmp', temp: '/tmp' };
    const state = `${at.base}-state`;
    try {
      const embedded = await at.open({ ...open, state });
      assert.equal(embedded.cluster.startsWith(`${state}/`), true);
      assert.equal(readFileSync(join(at.data, 'postgres.location'), 'utf8').trim(), embedded.cluster);
      assert.equal(existsSync(join(at.data, 'postgres')), false);
      await embedded.close();
      // The file decides, also when the way is free by now.
      chmodSync(at.base, 0o711);
      const again = await at.open({ ...open, state });
      assert.equal(again.cluster, embedded.cluster);
      await again.close();
      // A lost database is no reason to begin an empty one.
      rmSync(state, { recursive: true });
      await assert.rejects(at.open({ ...open, state }), refused(/there is nothing/, /backup/));
      assert.equal(existsSync(state), false);
    } finally {
      rmSync(state, { recursive: true, force: true });
    }
  });

  test('barredAt names the first folder that a user may not enter', () => {
    const inner = join(at.base, 'a', 'b');
    mkdirSync(inner, { recursive: true });
    const user = { uid: 4242, gid: 4242 };
    chmodSync(join(at.base, 'a'), 0o755);
    assert.equal(barredAt(inner, user), undefined);
    chmodSync(join(at.base, 'a'), 0o750);
    assert.equal(barredAt(inner, user), join(at.base, 'a'));
    assert.equal(barredAt(inner, { uid: 4242, gid: 0 }), undefined);
    assert.equal(barredAt(inner, { uid: 0, gid: 0 }), undefined);
  });
}

const ordinary = ordinaryUser();
if (ordinary !== undefined && canRunAs(ordinary)) {
  test('an ordinary user runs the server as itself; root may join, take over and hand back', async () => {
    const own = ground(ordinary);
    try {
      const first = otherProcess(own, { user: ordinary });
      const { pid, error } = await first.opened;
      assert.equal(error, undefined);
      assert.equal(statSync(`/proc/${pid}`).uid, ordinary.uid);
      const root = await own.open();
      assert.equal(own.pid(), pid);
      assert.equal(await first.close(), 0);
      assert.equal(own.pid(), pid);
      await root.close();
      assert.equal(own.pid(), undefined);
      const started = await own.open();
      assert.equal(statSync(`/proc/${own.pid()}`).uid, ordinary.uid);
      await started.close();
      const second = otherProcess(own, { user: ordinary });
      assert.equal((await second.opened).error, undefined);
      assert.equal(await second.close(), 0);
      assert.equal(own.pid(), undefined);
    } finally {
      await own.clear();
    }
  });

  test("an ordinary user can't use root's folder, or another user's cluster, and is told so", async () => {
    const server = await at.open();
    const stranger = otherProcess(at, { user: ordinary });
    assert.match((await stranger.opened).error ?? '', /can't be used: this user can't write to it/);
    assert.equal(await stranger.close(), 1);
    await server.close();
    chmodSync(at.data, 0o777);
    const second = otherProcess(at, { user: ordinary });
    assert.match((await second.opened).error ?? '', /belongs to the user with id \d+/);
    assert.equal(await second.close(), 1);
  });
}

test('a relative folder and one behind a symbolic link lead to the same place', () => {
  const place = locate(at.data, at.elsewhere);
  assert.equal(place.folder, locate(join(at.base, 'x', '..', 'data'), at.elsewhere).folder);
  assert.equal(place.cluster, join(place.folder, 'postgres'));
});

/** A user that every Linux has, other than root and the one that root's server runs as. */
function ordinaryUser(): ServerUser | undefined {
  if (!isRoot() || process.platform !== 'linux') return undefined;
  const line = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find((entry) => entry.startsWith('daemon:'));
  const [, , uid, gid] = line?.split(':') ?? [];
  return uid === undefined || gid === undefined ? undefined : { uid: Number(uid), gid: Number(gid) };
}

import assert from 'node:assert/strict';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import { type Ground, ground, otherProcess } from '../../../test/support/embedded.ts';
import { StoreRefused } from '../errors.ts';
import { openDb } from '../pool.ts';
import { processOf } from './process.ts';
import { isRoot } from './user.ts';

let at: Ground;
before(() => {
  at = ground();
});
afterEach(() => at.stop());
after(() => at.clear());

test('a new folder becomes a durable server behind a private socket, and its data is there at the next start', async () => {
  const first = await at.open({ unsafe: false });
  const pool = openDb(first.config);
  await pool.db.rows({ text: 'create schema drawbridge' });
  await pool.db.rows({ text: `create table note as select 'kept' as text` });
  const [settings] = await pool.db.rows<Record<string, string>>({
    text: `select current_setting('fsync') fsync, current_setting('synchronous_commit') sync,
      current_setting('full_page_writes') pages, current_setting('listen_addresses') addresses,
      current_setting('server_encoding') encoding, lower('ÄÖ') lower`,
  });
  assert.deepEqual(settings, { fsync: 'on', sync: 'on', pages: 'on', addresses: '', encoding: 'UTF8', lower: 'äö' });
  const pid = at.pid();
  assert.ok(pid !== undefined && processOf(pid) !== undefined);
  assert.equal(Number(readFileSync(join(at.data, 'postmaster.pid'), 'utf8').split('\n')[0]), pid);
  const socket = statSync(String(first.config.host));
  assert.equal(socket.mode & 0o777, 0o700);
  assert.equal(socket.uid, statSync(first.cluster).uid);
  assert.notEqual(socket.uid, 0);
  assert.equal(socket.uid === process.getuid?.(), !isRoot());
  await pool.close();
  await first.close();
  assert.equal(processOf(pid), undefined);
  assert.equal(at.pid(), undefined);
  assert.equal(existsSync(String(first.config.host)), false);

  const second = await at.open();
  const again = openDb(second.config);
  assert.deepEqual(await again.db.rows({ text: 'select text from note' }), [{ text: 'kept' }]);
  await again.close();
  await second.close();
});

test('openers share one server, and the last to close stops it, whoever started it', async () => {
  const starter = await at.open();
  const pid = at.pid();
  const other = otherProcess(at);
  assert.deepEqual(await other.opened, { pid });
  await starter.close();
  assert.equal(at.pid(), pid);
  const third = await at.open();
  assert.equal(await other.close(), 0);
  assert.equal(at.pid(), pid);
  await third.close();
  await third.close();
  assert.equal(at.pid(), undefined);
});

test('many that open an empty folder at once end up on one server and leave none behind', async () => {
  const fresh = ground();
  try {
    const others = [otherProcess(fresh), otherProcess(fresh)];
    const own = await Promise.all([fresh.open(), fresh.open()]);
    const pids = await Promise.all(others.map((other) => other.opened));
    assert.deepEqual(pids, [{ pid: fresh.pid() }, { pid: fresh.pid() }]);
    const codes = await Promise.all([...others.map((other) => other.close()), ...own.map((one) => one.close())]);
    assert.deepEqual(codes.slice(0, 2), [0, 0]);
    assert.equal(fresh.pid(), undefined);
  } finally {
    await fresh.clear();
  }
});

test('opening and closing in turn never meets a server that is being stopped under it', async () => {
  await (await at.open()).close();
  const turn = async (rounds: number): Promise<void> => {
    for (let i = 0; i < rounds; i += 1) {
      const one = await at.open();
      const pool = openDb(one.config);
      assert.deepEqual(await pool.db.rows({ text: 'select 1 as one' }), [{ one: 1 }]);
      await pool.close();
      await one.close();
    }
  };
  await Promise.all([turn(6), turn(6), turn(6)]);
  assert.equal(at.pid(), undefined);
});

test('a second service on the same folder is refused with the first one named; a command may join', async () => {
  const service = otherProcess(at, { exclusive: true });
  const { pid } = await service.opened;
  assert.notEqual(pid, undefined);
  await assert.rejects(at.open({ exclusive: true }), (error) => {
    assert.ok(error instanceof StoreRefused);
    assert.match(error.message, new RegExp(`another Drawbridge service \\(process ${service.process.pid}\\)`));
    return true;
  });
  assert.equal(at.pid(), pid);
  const command = await at.open();
  await command.close();
  assert.equal(at.pid(), pid);
  assert.equal(await service.close(), 0);
  assert.equal(at.pid(), undefined);
  const next = await at.open({ exclusive: true });
  await next.close();
});

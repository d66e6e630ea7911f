import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import { type Ground, ground, otherProcess } from '../../../test/support/embedded.ts';
import { StoreUnavailable } from '../errors.ts';
import { type OpenDb, openDb } from '../pool.ts';
import { processOf, signal, sleep, until } from './process.ts';

let at: Ground;
before(() => {
  at = ground();
});
afterEach(() => at.stop());
after(() => at.clear());

test('kill -9 of a whole process group leaves its server running, and the next opener takes it over', async () => {
  const service = otherProcess(at, { exclusive: true });
  const { pid } = await service.opened;
  assert.ok(pid !== undefined && service.process.pid !== undefined);
  const gone = once(service.process, 'exit');
  signal(-service.process.pid, 'SIGKILL');
  await gone;
  assert.equal(at.pid(), pid);
  const next = await at.open({ exclusive: true });
  assert.equal(at.pid(), pid);
  await next.close();
  assert.equal(at.pid(), undefined);
  assert.equal(processOf(pid), undefined);
});

test('kill -9 of a service and its server at once: the next opener starts it again', async () => {
  const service = otherProcess(at, { exclusive: true });
  const { pid } = await service.opened;
  assert.ok(pid !== undefined && service.process.pid !== undefined);
  const gone = once(service.process, 'exit');
  signal(-service.process.pid, 'SIGKILL');
  signal(pid, 'SIGKILL');
  await gone;
  const next = await at.open({ exclusive: true });
  assert.notEqual(at.pid(), undefined);
  assert.notEqual(at.pid(), pid);
  await next.close();
  assert.equal(at.pid(), undefined);
});

/** Writes numbers one by one until told to stop, and notes those that were acknowledged. */
async function write(pool: OpenDb, run: { stop: boolean; acked: number[]; errors: unknown[] }): Promise<void> {
  for (let n = 1; !run.stop; n += 1) {
    try {
      await pool.db.tx((tx) => tx.rows({ name: 'add', text: 'insert into note values ($1)', values: [n] }));
      run.acked.push(n);
    } catch (error) {
      run.errors.push(error);
      await sleep(5);
    }
  }
}

test('after kill -9 of the server under load the pool works again, and no acknowledged commit is missing', async () => {
  const events: string[] = [];
  const embedded = await at.open({ log: (event: string) => events.push(event) });
  const other = otherProcess(at);
  await other.opened;
  const pool = openDb(embedded.config);
  await pool.db.rows({ text: 'create schema drawbridge' });
  await pool.db.rows({ text: 'create table note (n int primary key)' });
  const run = { stop: false, acked: [] as number[], errors: [] as unknown[] };
  const writing = write(pool, run);
  const count = (event: string): number => events.filter((one) => one === event).length;
  for (let round = 1; round <= 2; round += 1) {
    const before = run.acked.length;
    assert.ok(await until(() => run.acked.length > before + 10, 10_000), 'commits come in');
    const pid = at.pid();
    assert.ok(pid !== undefined);
    signal(pid, 'SIGKILL');
    assert.ok(await until(() => count('store.server-joined') === round, 10_000), 'joined again');
    assert.notEqual(at.pid(), pid);
  }
  const after = run.acked.length;
  assert.ok(await until(() => run.acked.length > after, 10_000), 'commits come in again');
  run.stop = true;
  await writing;
  // The socket is the same as before, so the same pool goes on.
  const kept = new Set((await pool.db.rows<{ n: number }>({ text: 'select n from note' })).map((row) => row.n));
  assert.deepEqual(
    run.acked.filter((n) => !kept.has(n)),
    [],
  );
  assert.ok(run.errors.length > 0);
  assert.deepEqual(
    run.errors.filter((error) => !(error instanceof StoreUnavailable)),
    [],
  );
  assert.equal(count('store.server-lost'), 2);
  await pool.close();
  const pid = at.pid();
  await embedded.close();
  assert.equal(at.pid(), pid, 'the other process still uses it');
  assert.equal(await other.close(), 0);
  assert.equal(at.pid(), undefined);
});

test('closing while the server is being started again leaves none behind', async () => {
  for (const wait of [0, 20, 150]) {
    const embedded = await at.open();
    const pid = at.pid();
    assert.ok(pid !== undefined);
    signal(pid, 'SIGKILL');
    await sleep(wait);
    await embedded.close();
    assert.equal(at.pid(), undefined);
  }
});

test('stale files of a crashed machine are no obstacle', async () => {
  const embedded = await at.open();
  const pidFile = join(embedded.cluster, 'postmaster.pid');
  const lines = readFileSync(pidFile, 'utf8').split('\n');
  await embedded.close();
  // The number now belongs to a living process that is no server of this cluster: ours.
  writeFileSync(pidFile, [String(process.pid), ...lines.slice(1)].join('\n'));
  writeFileSync(join(at.data, 'start.lock'), JSON.stringify({ pid: process.pid, started: '1' }));
  assert.equal(at.pid(), undefined);
  const again = await at.open();
  assert.notEqual(at.pid(), undefined);
  await again.close();
  assert.equal(existsSync(pidFile), false);
});

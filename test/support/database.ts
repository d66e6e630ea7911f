import { randomBytes } from 'node:crypto';
import type pg from 'pg';
import type { Db } from '../../src/store/db.ts';
import { openDb } from '../../src/store/pool.ts';
import { startTestServer, type TestServer } from './server.ts';

export interface TestDatabase {
  readonly db: Db;
  readonly pool: pg.Pool;
  /** For a pool or a process of the test's own. */
  readonly config: pg.PoolConfig;
  close(): Promise<void>;
}

/** A test file that is run by itself lets the server go this long after its last database, ms. */
const LINGER = 300;

let server: Promise<TestServer> | undefined;
let open = 0;
let stopping: NodeJS.Timeout | undefined;
let held = false;

/** For a run of many files: the server stays until the end that this gives is called. */
export function holdTestServer(): () => Promise<void> {
  held = true;
  return async () => {
    held = false;
    const last = server;
    server = undefined;
    await (await last)?.stop();
  };
}

/**
 * A migrated database of its own for a test file (or test), in some 20 ms, on one PostgreSQL server per test process:
 * see `startTestServer`. Close it in `after`; the server stops with the last one, and with the process in any case.
 *
 * ```ts
 * let database: TestDatabase;
 * before(async () => { database = await testDatabase(); });
 * after(() => database.close());
 * ```
 */
export async function testDatabase(): Promise<TestDatabase> {
  open += 1;
  clearTimeout(stopping);
  try {
    const running = await (server ??= startTestServer());
    const name = `test_${randomBytes(6).toString('hex')}`;
    await running.admin(`create database ${name} template ${running.template} strategy wal_log`);
    const config = running.config(name);
    const { db, pool, close } = openDb(config);
    let closed: Promise<void> | undefined;
    const end = async (): Promise<void> => {
      await close();
      await running.admin(`drop database if exists ${name} with (force)`);
      left();
    };
    return { db, pool, config, close: () => (closed ??= end()) };
  } catch (error) {
    left();
    throw error;
  }
}

function left(): void {
  open -= 1;
  if (open > 0 || held) return;
  stopping = setTimeout(() => {
    const last = server;
    server = undefined;
    last?.then((running) => running.stop()).catch(() => undefined);
  }, LINGER);
}

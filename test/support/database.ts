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

/** Test files that follow each other in one process share the server, if the next comes within this time, ms. */
const LINGER = 300;

let server: Promise<TestServer> | undefined;
let open = 0;
let stopping: NodeJS.Timeout | undefined;

/**
 * A migrated database of its own for a test file (or test), in some 20 ms, on one PostgreSQL server per test process:
 * an embedded one, or that of TEST_DATABASE_URL. Close it in `after`; the server stops with the last one, and with the
 * process in any case.
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
  if (open > 0) return;
  stopping = setTimeout(() => {
    const last = server;
    server = undefined;
    last?.then((running) => running.stop()).catch(() => undefined);
  }, LINGER);
}

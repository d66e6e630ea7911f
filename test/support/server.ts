import { randomBytes } from 'node:crypto';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Pool, type PoolConfig } from 'pg';
import { migrate } from '../../src/store/migrate.ts';
import { openEmbedded } from '../../src/store/embedded/index.ts';
import { processOf, signal } from '../../src/store/embedded/process.ts';
import { ensureEventPartitions } from '../../src/store/partitions.ts';
import { openDb } from '../../src/store/pool.ts';
import { startPostgres } from '../services/postgres.ts';
import { temporaryFolder } from './embedded.ts';
import { guard } from './guard.ts';

/** A server for the databases of this process's tests, with a migrated database to copy. */
export interface TestServer {
  /** Of the server; the database's name is the caller's. */
  config(database: string): PoolConfig;
  /** Runs a statement in a database of the server that is nobody's. */
  admin(statement: string): Promise<void>;
  readonly template: string;
  stop(): Promise<void>;
}

/** Where the tests keep their data: `embedded`, or a PostgreSQL of the system's packages (`npm run test:postgres`). */
export const onPostgres = process.env['DRAWBRIDGE_TEST_STORE'] === 'postgres';
/** The option `skip` of tests that are about the embedded server. */
export const embeddedOnly = onPostgres ? 'about the embedded server' : false;

/** The server of TEST_DATABASE_URL, whose user may make databases; else one of our own of the kind that is asked for. */
export async function startTestServer(): Promise<TestServer> {
  const url = process.env['TEST_DATABASE_URL'];
  if (url !== undefined && url !== '') return outsideServer(url);
  return onPostgres ? postgresServer() : embeddedServer();
}

async function embeddedServer(): Promise<TestServer> {
  const folder = temporaryFolder();
  const release = guard(folder);
  const embedded = await openEmbedded(join(folder, 'data'), {
    unsafe: true,
    state: join(folder, 'state'),
    temp: folder,
  });
  const pidFile = join(embedded.cluster, 'postmaster.pid');
  const atExit = (): void => killNow(folder, pidFile);
  process.on('exit', atExit);
  const config = (database: string): PoolConfig => ({ ...embedded.config, database });
  return prepared(config, async () => {
    await embedded.close();
    process.off('exit', atExit);
    rmSync(folder, { recursive: true, force: true });
    release();
  });
}

async function postgresServer(): Promise<TestServer> {
  const folder = temporaryFolder();
  const release = guard(folder);
  const atExit = (): void => killNow(folder, join(folder, 'data/postmaster.pid'));
  process.on('exit', atExit);
  const server = startPostgres({ folder });
  return prepared(
    (database) => ({ connectionString: server.url(database) }),
    () => {
      server.stop();
      process.off('exit', atExit);
      rmSync(folder, { recursive: true, force: true });
      release();
      return Promise.resolve();
    },
  );
}

async function outsideServer(url: string): Promise<TestServer> {
  const config = (database: string): PoolConfig => {
    const address = new URL(url);
    if (database !== 'postgres') address.pathname = `/${database}`;
    return { connectionString: address.href };
  };
  return prepared(config, () => Promise.resolve());
}

async function prepared(config: (database: string) => PoolConfig, stop: () => Promise<void>): Promise<TestServer> {
  const admin = new Pool({ ...config('postgres'), max: 2 });
  admin.on('error', () => undefined);
  const template = `template_${randomBytes(6).toString('hex')}`;
  try {
    await admin.query(`create database ${template}`);
    const { db, pool, close } = openDb({ ...config(template), max: 1 });
    await migrate(pool);
    await ensureEventPartitions(db, new Date());
    await close();
  } catch (error) {
    await admin.end();
    await stop();
    throw error;
  }
  return {
    config,
    template,
    admin: async (statement) => void (await admin.query(statement)),
    stop: async () => {
      await admin.query(`drop database if exists ${template} with (force)`);
      await admin.end();
      await stop();
    },
  };
}

/** The process ends with databases still open: the server must not outlive it. */
function killNow(folder: string, pidFile: string): void {
  try {
    const pid = Number(readFileSync(pidFile, 'utf8').split('\n')[0]);
    signal(pid, 'SIGQUIT');
    const sleeper = new Int32Array(new SharedArrayBuffer(4));
    for (let waited = 0; waited < 3_000 && processOf(pid) !== undefined; waited += 20) Atomics.wait(sleeper, 0, 0, 20);
  } catch {
    // Not running any more.
  }
  rmSync(folder, { recursive: true, force: true });
}

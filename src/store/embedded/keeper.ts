import { realpathSync } from 'node:fs';
import { Client, type ClientConfig } from 'pg';
import { StoreRefused } from '../errors.ts';
import { OWNER } from './cluster.ts';
import type { Place } from './place.ts';
import { sleep } from './process.ts';
import { PORT } from './socket.ts';

/**
 * One connection that a process keeps while it uses the server. It says three things without any file that could go
 * stale: that the server lives, how many use it (each holds a shared advisory lock, which ends with the process, however
 * it ends), and which process is the service.
 */
export interface Keeper {
  /** Resolves when the connection is lost. */
  readonly lost: Promise<void>;
  /** Gives up its use; true when nobody else uses the server, and then nobody new can come before it is stopped. */
  release(): Promise<boolean>;
  end(): Promise<void>;
}

/** Advisory locks in the database `postgres`, where nothing else takes any. */
const USERS = 1;
const SERVICE = 2;
const SERVICE_NAME = 'drawbridge service, process ';

/** How to reach the server; `postgres` is the database that always exists. */
export function serverConfig(socketFolder: string, database: string): ClientConfig {
  return { host: socketFolder, port: PORT, user: OWNER, database, ssl: false };
}

/** Connects to a running server as one of its users, and makes `database` if it is not there. Throws pg's errors when it does not answer. */
export async function keep(
  place: Place,
  socketFolder: string,
  { service, database }: { readonly service: boolean; readonly database: string },
): Promise<Keeper> {
  const client = new Client({
    ...serverConfig(socketFolder, 'postgres'),
    application_name: service ? `${SERVICE_NAME}${process.pid}` : `drawbridge, process ${process.pid}`,
    connectionTimeoutMillis: 10_000,
  });
  const lost = new Promise<void>((resolve) => client.once('end', () => resolve()));
  client.on('error', () => undefined);
  try {
    await client.connect();
    await checkOurs(client, place);
    await client.query(`select pg_advisory_lock_shared(${USERS})`);
    if (service) await takeService(client, place);
    await ensureDatabase(client, database);
  } catch (error) {
    await client.end().catch(() => undefined);
    throw error;
  }
  return {
    lost,
    end: () => client.end(),
    release: async () => {
      await client.query(`select pg_advisory_unlock_shared(${USERS})`);
      const { rows } = await client.query<{ last: boolean }>(`select pg_try_advisory_lock(${USERS}) as last`);
      return rows[0]?.last === true;
    },
  };
}

async function checkOurs(client: Client, place: Place): Promise<void> {
  const { rows } = await client.query<{ folder: string; name: string }>(
    `select current_setting('data_directory') as folder, current_setting('cluster_name') as name`,
  );
  const server = rows[0];
  if (server?.name === 'drawbridge' && realpathSync(server.folder) === realpathSync(place.cluster)) return;
  throw new StoreRefused(`Another PostgreSQL server answers for ${place.cluster}, not one that Drawbridge started`, {
    remedy: 'Stop that server, then start Drawbridge again; or set DATABASE_URL to use that server.',
  });
}

/** A service that was killed may hold the lock for a moment longer, until its server process has noticed. */
async function takeService(client: Client, place: Place): Promise<void> {
  for (let attempt = 0; attempt < 10; attempt += 1) {
    const { rows } = await client.query<{ mine: boolean }>(`select pg_try_advisory_lock(${SERVICE}) as mine`);
    if (rows[0]?.mine === true) return;
    await sleep(100);
  }
  const { rows } = await client.query<{ name: string }>(
    `select a.application_name as name from pg_locks l join pg_stat_activity a using (pid)
     where l.locktype = 'advisory' and l.objid = ${SERVICE} and l.granted`,
  );
  throw new StoreRefused(
    `The data folder ${place.folder} is in use by another Drawbridge service` +
      (rows[0] === undefined ? '' : ` (process ${rows[0].name.replace(SERVICE_NAME, '')})`),
    { remedy: 'Stop that one first, or give this one a data folder of its own in store.url.' },
  );
}

async function ensureDatabase(client: Client, database: string): Promise<void> {
  const { rowCount } = await client.query('select 1 from pg_database where datname = $1', [database]);
  if (rowCount !== 0) return;
  try {
    await client.query(`create database ${database}`);
  } catch (error) {
    // Another process made it at the same moment.
    if (!['42P04', '23505'].includes(String((error as { code?: unknown }).code))) throw error;
  }
}

import type pg from 'pg';
import type { StoreSettings } from '../model/settings.ts';
import type { Db } from './db.ts';
import { openEmbedded } from './embedded/index.ts';
import { StoreRefused } from './errors.ts';
import { instanceId } from './meta.ts';
import { migrate, pendingMigrations } from './migrate.ts';
import { ensureEventPartitions } from './partitions.ts';
import { openDb } from './pool.ts';
import { asUnavailable } from './unavailable.ts';

export interface OpenStoreOptions {
  /** Bring the schema up to date (default). False: a store that lacks a migration is refused. */
  readonly migrate?: boolean;
  /** The caller is the service: a second one on the same embedded store is refused. */
  readonly service?: boolean;
  readonly log?: (event: string, fields: Readonly<Record<string, unknown>>) => void;
}

/** The database of a store, whatever is in it. */
export interface StoreServer {
  readonly db: Db;
  readonly pool: pg.Pool;
  /** For pools of other parts (BullMQ). Holds the password: not for logs. */
  readonly config: pg.PoolConfig;
  /** Folder of an embedded server's files. */
  readonly folder?: string;
  /** Closes the pool, then gives up the embedded server. Close what else uses `config` before. */
  close(): Promise<void>;
  /** For a process that ends at once: gives up the embedded server without waiting for statements that run. */
  abandon(): Promise<void>;
}

export interface Store extends StoreServer {
  /** Random id of this store. */
  readonly instance: string;
}

/**
 * Opens the store of the settings, embedded or by its address, ready for use.
 * Throws `StoreUnavailable` when the server can't be reached, `StoreRefused` when it must not be used as it stands.
 */
export async function openStore(settings: StoreSettings, options: OpenStoreOptions = {}): Promise<Store> {
  const server = await openServer(settings, options);
  try {
    await prepare(server, options);
    return { ...server, instance: await instanceId(server.db) };
  } catch (error) {
    await server.close();
    throw asUnavailable(error, server.config) ?? error;
  }
}

/** Opens the database alone: no schema is made, looked at or changed. Throws like `openStore`, also at first use. */
export async function openServer(
  settings: StoreSettings,
  options: Omit<OpenStoreOptions, 'migrate'> = {},
): Promise<StoreServer> {
  const server =
    settings.kind === 'embedded'
      ? await openEmbedded(settings.folder, {
          exclusive: options.service === true,
          ...(options.log === undefined ? {} : { log: options.log }),
        })
      : { config: { connectionString: settings.url }, close: () => Promise.resolve() };
  const folder = 'cluster' in server ? { folder: server.cluster } : {};
  const opened = openDb(server.config);
  const close = async (): Promise<void> => {
    await opened.close();
    await server.close();
  };
  return { db: opened.db, pool: opened.pool, config: server.config, ...folder, close, abandon: () => server.close() };
}

async function prepare({ db, pool }: StoreServer, options: OpenStoreOptions): Promise<void> {
  if (options.migrate === false) {
    const pending = await pendingMigrations(pool);
    if (pending.length === 0) return;
    throw new StoreRefused(`The store lacks the migrations ${pending.join(', ')}`, {
      remedy: 'Start the service of this version once: it brings the store up to date.',
    });
  }
  const ran = await migrate(pool);
  if (ran.length > 0) options.log?.('store.migrated', { migrations: ran });
  await ensureEventPartitions(db, new Date());
}

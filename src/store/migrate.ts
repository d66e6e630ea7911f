import { Kysely, PostgresDialect, type PostgresPoolClient } from 'kysely';
import { Migrator } from 'kysely/migration';
import { DatabaseError } from 'pg';
import type pg from 'pg';
import { StoreRefused } from './errors.ts';
import { MIGRATIONS } from './migrations/index.ts';

export const SCHEMA = 'drawbridge';
/** SQL state: insufficient_privilege. */
const NO_RIGHT = '42501';
const OLDEST_SERVER = 150_000;
/** Any number, the same for all versions: serialises the making of schema and migration tables. */
export const LOCK = 7_240_116;

/**
 * Brings the store to this version's schema, under a lock: of several processes that start at once, one does it.
 * Gives the names of the migrations that it ran. Throws `StoreRefused` when the store is of a newer version, or the
 * server too old.
 */
export async function migrate(pool: pg.Pool): Promise<readonly string[]> {
  const client = await pool.connect();
  try {
    // Neither a long migration nor the wait for another process's may run into the pool's time limits.
    await client.query('set statement_timeout = 0; set idle_in_transaction_session_timeout = 0');
    await checkServer(client);
    await client.query(`select pg_advisory_lock(${LOCK})`);
    await makeSchema(client);
    await refuseUnknown(client);
    return await runMigrations(client);
  } finally {
    // Not given back to the pool: the connection ends, and with it its settings and the lock.
    client.release(true);
  }
}

/** Names of the migrations that this version knows and the store lacks. Throws like `migrate`, changes nothing. */
export async function pendingMigrations(pool: pg.Pool): Promise<readonly string[]> {
  const client = await pool.connect();
  try {
    await checkServer(client);
    const applied = await refuseUnknown(client);
    return Object.keys(MIGRATIONS).filter((name) => !applied.includes(name));
  } finally {
    client.release();
  }
}

/** Throws `StoreRefused` when the server is too old. */
export async function checkServer(client: pg.PoolClient): Promise<void> {
  const { rows } = await client.query<{ number: number; version: string }>(
    `select current_setting('server_version_num')::int as number, current_setting('server_version') as version`,
  );
  const server = rows[0];
  if (server !== undefined && server.number >= OLDEST_SERVER) return;
  throw new StoreRefused(`PostgreSQL ${server?.version ?? ''} is too old for Drawbridge`, {
    remedy: 'Use PostgreSQL 15 or newer.',
  });
}

/** `create schema if not exists` asks for the right to create even when there is nothing to do; hence the look first. */
async function makeSchema(client: pg.PoolClient): Promise<void> {
  const { rowCount } = await client.query('select 1 from pg_namespace where nspname = $1', [SCHEMA]);
  if (rowCount !== 0) return;
  await client.query(`create schema if not exists ${SCHEMA}`).catch((error: unknown) => {
    if (!(error instanceof DatabaseError) || error.code !== NO_RIGHT) throw error;
    throw new StoreRefused(`The store can't be set up: ${error.message}`, {
      remedy: 'Let its user make schemas: grant create on database DATABASE to USER.',
    });
  });
}

async function refuseUnknown(client: pg.PoolClient): Promise<string[]> {
  const table = await client.query<{ found: boolean }>('select to_regclass($1) is not null as found', [
    `${SCHEMA}.kysely_migration`,
  ]);
  if (table.rows[0]?.found !== true) return [];
  const { rows } = await client.query<{ name: string }>(`select name from ${SCHEMA}.kysely_migration order by name`);
  const unknown = rows.filter((row) => !(row.name in MIGRATIONS));
  if (unknown.length > 0) {
    throw new StoreRefused(
      `The store was made by a newer version of Drawbridge: it has ${unknown.map((row) => row.name).join(', ')}, ` +
        `which this version does not know`,
      { remedy: 'Use the version that made it, or restore a backup from before the upgrade.' },
    );
  }
  return rows.map((row) => row.name);
}

export interface MigrationRun {
  readonly to?: string;
  readonly inside?: boolean;
  /** Those that there are; for tests. */
  readonly migrations?: typeof MIGRATIONS;
}

/**
 * Runs what the store lacks, up to and with `to`. Each run is a transaction of its own, or, with `inside`, a part of the
 * one that the connection is in. Gives the names.
 */
export async function runMigrations(
  client: pg.PoolClient,
  { to, inside = false, migrations = MIGRATIONS }: MigrationRun = {},
): Promise<string[]> {
  // Kysely gets this one connection, which stays ours to give back.
  const query = client.query.bind(client) as PostgresPoolClient['query'];
  const borrowed: PostgresPoolClient = { query, release: () => undefined };
  const pool = { connect: () => Promise.resolve(borrowed), end: () => Promise.resolve(), options: {} };
  const db = new Kysely<unknown>({ dialect: new PostgresDialect({ pool }) });
  const migrator = new Migrator({
    db,
    provider: { getMigrations: () => Promise.resolve({ ...migrations }) },
    migrationTableSchema: SCHEMA,
    disableTransactions: inside,
  });
  const { error, results } = await (to === undefined ? migrator.migrateToLatest() : migrator.migrateTo(to));
  await db.destroy();
  if (error !== undefined) throw error;
  return (results ?? []).map((result) => result.migrationName);
}

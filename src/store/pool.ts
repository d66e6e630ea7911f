import {
  type CustomTypesConfig,
  DatabaseError,
  Pool,
  type PoolClient,
  type PoolConfig,
  type QueryConfig,
  types as parsers,
} from 'pg';
import type { Db, Statement } from './db.ts';
import { asUnavailable } from './unavailable.ts';

const INT8 = 20;
const INT8_ARRAY = 1016;

/** A bigint as number. Our keys and counters stay far below 2^53; beyond it a wrong number is worse than an error. */
function toNumber(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value)) throw new RangeError(`bigint ${text} does not fit into a number`);
  return value;
}

/** Parsers of these connections only: a process-wide setting would change other users of pg (BullMQ) too. */
const types: CustomTypesConfig = {
  getTypeParser: (oid: number, format?: string) => {
    if (format !== 'binary') {
      if (oid === INT8) return toNumber;
      if (oid === INT8_ARRAY) {
        const parse = parsers.getTypeParser(INT8_ARRAY as number, 'text') as (text: string) => unknown[];
        return (text: string) => parse(text).map((item) => (item === null ? null : toNumber(String(item))));
      }
    }
    return format === 'binary' ? parsers.getTypeParser(oid, 'binary') : parsers.getTypeParser(oid, 'text');
  },
};

/**
 * Servers with LLVM (Debian's, most managed ones) compile a statement that looks dear, which costs up to a second each
 * time. Our statements look dearer than they are: planned before the tables have statistics, and with recursion.
 */
const NO_JIT = '-c jit=off';

/** Options of every connection of the store, over which `config` wins. Times in milliseconds. */
function poolConfig(config: PoolConfig): PoolConfig {
  return {
    max: 16,
    connectionTimeoutMillis: 10_000,
    idleTimeoutMillis: 60_000,
    statement_timeout: 300_000,
    idle_in_transaction_session_timeout: 120_000,
    keepAlive: true,
    application_name: 'drawbridge',
    ...config,
    options: `${NO_JIT} ${config.options ?? ''} -c search_path=drawbridge`,
    types,
  };
}

export interface OpenDb {
  readonly db: Db;
  readonly pool: Pool;
  close(): Promise<void>;
}

/**
 * A pool as `Db`. Connects when first used. A connection that the server drops is replaced at the next use; statements
 * that were under way, or come while the server is away, throw `StoreUnavailable`. Every other error is pg's own.
 */
export function openDb(config: PoolConfig): OpenDb {
  const pool = new Pool(poolConfig(config));
  pool.setMaxListeners(0);
  // Without listeners a dropped connection, idle or in use, would end the process. The pool itself throws it away.
  pool.on('error', ignore);
  pool.on('connect', (client) => client.on('error', ignore));
  let ended: Promise<void> | undefined;
  return { db: poolDb(pool, config), pool, close: () => (ended ??= pool.end()) };
}

/** What a borrower left must not surprise the next one: subscriptions, cursors, settings, locks. */
const CLEAN = 'unlisten *; close all; reset all; select pg_advisory_unlock_all()';

function poolDb(pool: Pool, config: PoolConfig): Db {
  const said = (error: unknown): unknown => asUnavailable(error, config) ?? error;
  const rows = async <R>(statement: Statement): Promise<R[]> => {
    try {
      return (await pool.query(query(statement))).rows as R[];
    } catch (error) {
      throw said(error);
    }
  };
  const borrow = async <T>(work: (client: PoolClient) => Promise<T>, reuse: boolean): Promise<T> => {
    const client = await pool.connect().catch((error: unknown) => Promise.reject(said(error)));
    let lost = false;
    const note = (): void => void (lost = true);
    client.on('error', note).on('end', note);
    let destroy = false;
    try {
      return await work(client);
    } catch (error) {
      // The end of the connection may be told a moment after the error that it made.
      await new Promise((resolve) => setImmediate(resolve));
      destroy = lost || !reuse;
      // `work` may have met a file or a host that is not there: only what came over this connection is about the store.
      const ours = lost || error instanceof DatabaseError || !(error instanceof Error && 'code' in error);
      throw ours ? said(error) : error;
    } finally {
      client.off('error', note).off('end', note);
      client.release(destroy);
    }
  };
  return {
    rows,
    row: async (statement) => first(await rows(statement)),
    connection: (work) =>
      borrow(async (client) => {
        const result = await work(client);
        await client.query(CLEAN);
        return result;
      }, false),
    tx: (work, options) => borrow((client) => transaction(client, work, options?.isolation), true),
  };
}

async function transaction<T>(
  client: PoolClient,
  work: (db: Db) => Promise<T>,
  isolation: 'repeatable read' | undefined,
): Promise<T> {
  await client.query(isolation === undefined ? 'begin' : `begin isolation level ${isolation}`);
  const plain = onClient(client);
  // An inner tx that failed takes the outer one with it, even where somebody caught its error: half of it was done.
  let failed: { readonly error: unknown } | undefined;
  const db: Db = {
    ...plain,
    tx: async (inner) => {
      try {
        return await inner(db);
      } catch (error) {
        failed ??= { error };
        throw error;
      }
    },
  };
  try {
    const result = await work(db);
    if (failed !== undefined) throw failed.error;
    // PostgreSQL answers COMMIT with ROLLBACK when a statement had failed and its error was caught on the way.
    const { command } = await client.query('commit');
    if (command !== 'COMMIT') throw new Error('the transaction was rolled back: a statement in it had failed');
    return result;
  } catch (error) {
    await client.query('rollback').catch(ignore);
    throw error;
  }
}

/** A connection as `Db`, for one who has begun a transaction on it. Errors are pg's own. */
export function onClient(client: PoolClient): Db {
  const rows = async <R>(statement: Statement): Promise<R[]> => (await client.query(query(statement))).rows as R[];
  const db: Db = {
    rows,
    row: async (statement) => first(await rows(statement)),
    tx: (work) => work(db),
    connection: () => Promise.reject(new Error('a connection of its own is not to be had inside a transaction')),
  };
  return db;
}

const query = ({ text, values, name }: Statement): QueryConfig => ({
  text,
  ...(values === undefined ? {} : { values: values as unknown[] }),
  ...(name === undefined ? {} : { name }),
});

function first<R>(rows: R[]): R | undefined {
  if (rows.length > 1) throw new Error(`a statement for at most one row gave ${rows.length}`);
  return rows[0];
}

function ignore(): void {}

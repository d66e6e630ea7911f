import type { PoolClient } from 'pg';

/** A statement. `name` makes it a prepared statement of the connection: use it on hot paths, with one text per name. */
export interface Statement {
  readonly text: string;
  readonly values?: readonly unknown[];
  readonly name?: string;
}

/** What the parts of the store are written against: a pool, or one transaction of it. bigint columns come as number. */
export interface Db {
  /** Runs one statement and gives its rows. */
  rows<R>(statement: Statement): Promise<R[]>;
  /** The same for a statement that gives at most one row. */
  row<R>(statement: Statement): Promise<R | undefined>;
  /** In a transaction; inside one, in a savepoint-free continuation of it. Rolled back when `work` throws. */
  tx<T>(work: (db: Db) => Promise<T>, options?: { readonly isolation?: 'repeatable read' }): Promise<T>;
  /** A connection of its own (LISTEN, cursors, advisory locks), given back afterwards. Not inside a transaction. */
  connection<T>(work: (client: PoolClient) => Promise<T>): Promise<T>;
}

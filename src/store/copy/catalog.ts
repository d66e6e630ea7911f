import type { PoolClient } from 'pg';
import { SCHEMA } from '../migrate.ts';
import type { CopyTable, Sequences } from './format.ts';

/** The tables of the store as they are, with their columns; what others refer to comes first. */
export async function readTables(client: PoolClient): Promise<CopyTable[]> {
  const { rows } = await client.query<CopyTable>(
    `select c.relname::text as name, array_agg(a.attname::text order by a.attnum) as columns
      from pg_class c join pg_attribute a on a.attrelid = c.oid
      where c.relnamespace = $1::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
        and c.relpersistence = 'p'
        and c.relname not like 'kysely\\_%' and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
      group by c.relname order by c.relname`,
    [SCHEMA],
  );
  const { rows: references } = await client.query<{ from: string; to: string }>(
    `select f.relname::text as from, t.relname::text as to from pg_constraint k
      join pg_class f on f.oid = k.conrelid join pg_class t on t.oid = k.confrelid
      where k.contype = 'f' and f.relnamespace = $1::regnamespace and f.oid <> t.oid`,
    [SCHEMA],
  );
  const placed: CopyTable[] = [];
  const isPlaced = (table: string): boolean => placed.some((p) => p.name === table);
  for (let left = rows; left.length > 0;) {
    const free = left.filter((t) => references.every((r) => r.from !== t.name || isPlaced(r.to)));
    if (free.length === 0) throw new Error('tables of the store refer to each other in a circle');
    placed.push(...free);
    left = left.filter((t) => !isPlaced(t.name));
  }
  return placed;
}

/** Monthly parts of the history, by name; the default part is not among them. */
export async function readPartitions(client: PoolClient): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    `select relname::text as name from pg_class where relnamespace = $1::regnamespace and relispartition
      and relkind = 'r' and relname ~ '^event_\\d{4}_\\d{2}$' order by relname`,
    [SCHEMA],
  );
  return rows.map((row) => row.name);
}

/** How far each sequence has come. Not bound to a snapshot: what is read late is never too low. */
export async function readSequences(client: PoolClient): Promise<Sequences> {
  const { rows } = await client.query<{ name: string; last: string | null }>(
    `select sequencename::text as name, last_value::text as last from pg_sequences
      where schemaname = $1 order by sequencename`,
    [SCHEMA],
  );
  return Object.fromEntries(rows.map((row) => [row.name, row.last]));
}

/** Names of the migrations that the store has; empty where there is no store. */
export async function readMigrations(client: PoolClient): Promise<string[]> {
  const { rows: found } = await client.query('select 1 from pg_tables where schemaname = $1 and tablename = $2', [
    SCHEMA,
    'kysely_migration',
  ]);
  if (found.length === 0) return [];
  const { rows } = await client.query<{ name: string }>(`select name from ${SCHEMA}.kysely_migration order by name`);
  return rows.map((row) => row.name);
}

/** So that values read the same on every server. In a transaction. */
export const PLAIN_VALUES = `set local statement_timeout = 0; set local idle_in_transaction_session_timeout = 0;
  set local datestyle = 'ISO, YMD'; set local intervalstyle = 'postgres'; set local timezone = 'UTC';
  set local bytea_output = 'hex'; set local extra_float_digits = 3; set local standard_conforming_strings = on`;

/** A name of the store, for a statement. Names are checked where they come in; this is for reserved words. */
export const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`;

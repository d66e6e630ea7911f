import { createHash } from 'node:crypto';
import type { PoolClient } from 'pg';
import type { Db } from '../db.ts';
import { StoreRefused } from '../errors.ts';
import { SCHEMA } from '../migrate.ts';
import { PLAIN_VALUES, quoted, readMigrations, readPartitions, readSequences, readTables } from './catalog.ts';
import { type CopyEnd, type CopyHeader, type CopyTable, FORMAT } from './format.ts';
import { copyOut } from './protocol.ts';

export interface WrittenCopy {
  readonly header: CopyHeader;
  readonly rows: CopyEnd['rows'];
}

/**
 * Gives the store to `write`, whole and as it is at one moment (one snapshot), while others go on using it. Memory does
 * not grow with the store. `version`: of Drawbridge. `progress` is told the number of rows from time to time.
 */
export async function writeCopy(
  db: Db,
  options: { readonly version: string; readonly progress?: (rows: number) => void },
  write: (chunk: Buffer) => Promise<void>,
): Promise<WrittenCopy> {
  return db.connection(async (client) => {
    await client.query('begin isolation level repeatable read read only');
    await client.query(PLAIN_VALUES);
    const digest = createHash('sha256');
    const put = async (chunk: Buffer): Promise<void> => {
      digest.update(chunk);
      await write(chunk);
    };
    const line = (value: unknown): Buffer => Buffer.from(`${JSON.stringify(value)}\n`);
    const header = await readHeader(client, options.version);
    await put(line(header));
    const rows: Record<string, number> = {};
    let total = 0;
    for (const table of header.tables) {
      await put(line({ table: table.name }));
      let count = 0;
      const sent = copyOut(client, statement(table));
      let next = await sent.next();
      for (; next.done !== true; next = await sent.next()) {
        await put(next.value);
        const lines = countLines(next.value);
        count += lines;
        options.progress?.((total += lines));
      }
      if (next.value !== count) throw new Error(`${count} of ${next.value} rows of ${table.name} arrived`);
      rows[table.name] = count;
    }
    await put(line({ sequences: await readSequences(client) }));
    await write(line({ end: { rows, sha256: digest.digest('hex') } }));
    await client.query('commit');
    return { header, rows };
  });
}

async function readHeader(client: PoolClient, version: string): Promise<CopyHeader> {
  const migrations = await readMigrations(client);
  if (migrations.length === 0) {
    throw new StoreRefused('There is no store yet: nothing to write', {
      remedy: 'The first start of the service makes one.',
    });
  }
  const { rows } = await client.query<{ store: string | null; server: string; at: Date; last: number }>(
    `select (select value #>> '{}' from ${SCHEMA}.meta where key = 'instance') as store,
      current_setting('server_version') as server, now() as at,
      coalesce((select max(id) from ${SCHEMA}.event), 0) as last`,
  );
  const [found] = rows;
  if (found === undefined || found.store === null) throw new Error('the store has no id');
  return {
    drawbridge: 'store',
    format: FORMAT,
    store: found.store,
    version,
    server: found.server,
    createdAt: found.at.toISOString(),
    migrations,
    partitions: await readPartitions(client),
    lastEvent: found.last,
    tables: await readTables(client),
  };
}

/**
 * One JSON array a line. CSV with a quote and a delimiter that never stand in JSON gives the text as it is; the text
 * format would escape it once more.
 */
const statement = ({ name, columns }: CopyTable): string =>
  `copy (select json_build_array(${columns.map((c) => `${quoted(c)}::text`).join(', ')}) from ${SCHEMA}.${quoted(name)})
    to stdout with (format csv, quote e'\\x01', delimiter e'\\x02', encoding 'UTF8')`;

function countLines(chunk: Buffer): number {
  let count = 0;
  for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, at + 1)) count += 1;
  return count;
}

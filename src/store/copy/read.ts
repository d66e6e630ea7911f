import { setTimeout as sleep } from 'node:timers/promises';
import { DatabaseError, type PoolClient } from 'pg';
import type { Db } from '../db.ts';
import { StoreRefused } from '../errors.ts';
import { LEADER, lockForTransaction } from '../lease.ts';
import { checkServer, LOCK, runMigrations, SCHEMA } from '../migrate.ts';
import { MIGRATIONS } from '../migrations/index.ts';
import { makePartitionOf } from '../partitions.ts';
import { onClient } from '../pool.ts';
import { PLAIN_VALUES, quoted, readMigrations, readSequences, readTables } from './catalog.ts';
import { type CopyEnd, type CopyHeader, damaged, parseEnd, parseHeader, parseRow, parseSection } from './format.ts';
import { cutOff, parseSequences, type Sequences } from './format.ts';
import type { CopyLines } from './lines.ts';
import { copyIn } from './protocol.ts';

export interface ReadCopyOptions {
  /** A store that is not empty is taken away first. */
  readonly replace: boolean;
  readonly progress?: (rows: number) => void;
  /** Those that this version has; for tests. */
  readonly migrations?: typeof MIGRATIONS;
  /** The last act of the transaction, when everything is there: what it throws undoes all. */
  readonly finish?: (tx: Db, header: CopyHeader) => Promise<void>;
}

export interface ReadCopy {
  readonly header: CopyHeader;
  readonly rows: CopyEnd['rows'];
  /** Migrations that brought an older store up to date. */
  readonly migrated: readonly string[];
}

/** How long others may hold tables that are to be replaced. */
const LOCK_LIMIT = '10s';

/**
 * Makes the store of a database what the copy says, in one transaction: on any error it stays as it was. A copy with an
 * older schema is brought up to date. Throws `StoreRefused` when the file is cut off, damaged or of a newer version,
 * when the store is not empty and not to be replaced, or when a service runs on it.
 */
export async function readCopy(db: Db, lines: CopyLines, options: ReadCopyOptions): Promise<ReadCopy> {
  const header = parseHeader(lines.file, await lines.peek());
  await lines.take();
  const { migrations = MIGRATIONS } = options;
  refuseNewer(lines.file, header, Object.keys(migrations));
  return db.connection(async (client) => {
    await client.query('begin');
    await client.query(`${PLAIN_VALUES}; set local lock_timeout = '${LOCK_LIMIT}'`);
    await checkServer(client);
    await client.query(`select pg_advisory_xact_lock(${LOCK})`);
    if (!(await nobodyLeads(client))) throw inUse();
    if (!options.replace) await refuseOccupied(client);
    await makeSchema(client, header, migrations);
    const rows = await takeTables(client, lines, header, options);
    const sequences = parseSequences(lines.file, await lines.take(), lines.at - 1);
    await setSequences(client, lines, sequences);
    await takeEnd(lines, rows);
    const migrated = await runMigrations(client, { inside: true, migrations });
    await client.query(`update ${SCHEMA}.work set lease_owner = null, lease_until = null, enqueued_at = null
      where lease_owner is not null or enqueued_at is not null`);
    await options.finish?.(onClient(client), header);
    const { command } = await client.query('commit');
    if (command !== 'COMMIT') throw new Error('the transaction was rolled back: a statement in it had failed');
    // Without it the first plans would go by guesses. It changes nothing else.
    await client.query('analyze').catch(() => undefined);
    return { header, rows, migrated };
  });
}

/** How long a process that is just ending may still hold the lock, and the pause between two looks. Milliseconds. */
const ENDING = 2_000;
const PAUSE = 50;

/** Takes the leader's lock. What has just been killed, or given up, is not taken for a service that runs. */
async function nobodyLeads(client: PoolClient): Promise<boolean> {
  const end = performance.now() + ENDING;
  while (!(await lockForTransaction(client, LEADER))) {
    if (performance.now() > end) return false;
    await sleep(PAUSE);
  }
  return true;
}

function refuseNewer(file: string, { migrations, version }: CopyHeader, known: readonly string[]): void {
  const unknown = migrations.filter((name) => !known.includes(name));
  if (unknown.length > 0) {
    throw new StoreRefused(
      `${file} was written by a newer version of Drawbridge (${version}): it has ${unknown.join(', ')}, ` +
        'which this version does not know',
      { remedy: 'Use that version, or a newer one, to read it.' },
    );
  }
  if (migrations.some((name, i) => name !== known[i])) throw damaged(file, 1);
}

const inUse = (): StoreRefused =>
  new StoreRefused('A Drawbridge service runs on this store', {
    remedy: 'Stop it first, on every machine: what it does meanwhile would be lost.',
  });

/** What somebody would miss. A store that was only opened once has none of it. */
const CONTENT = ['record', 'ledger', 'token'];

async function refuseOccupied(client: PoolClient): Promise<void> {
  if ((await readMigrations(client)).length === 0) return;
  const counts: string[] = [];
  for (const table of CONTENT) {
    const { rows } = await client.query<{ n: number }>(`select count(*)::int as n from ${SCHEMA}.${table}`);
    const [{ n } = { n: 0 }] = rows;
    if (n > 0) counts.push(`${n} in ${table}`);
  }
  if (counts.length === 0) return;
  throw new StoreRefused(`The store is not empty (rows: ${counts.join(', ')})`, {
    remedy:
      'Name an empty data folder or database; or write a backup of this one, and then replace it: add --replace --yes.',
  });
}

/** An empty store with the schema that the copy was taken from. */
async function makeSchema(client: PoolClient, header: CopyHeader, migrations: typeof MIGRATIONS): Promise<void> {
  try {
    await client.query(`drop schema if exists ${SCHEMA} cascade`);
    await client.query(`create schema ${SCHEMA}`);
  } catch (error) {
    const code = error instanceof DatabaseError ? error.code : undefined;
    if (code === '55P03') throw inUse();
    if (code !== '42501') throw error;
    throw new StoreRefused(`This database user can't make the store anew: ${(error as Error).message}`, {
      remedy: `Connect as the owner of the schema ${SCHEMA}, who may make schemas: grant create on database DATABASE to USER.`,
    });
  }
  const to = header.migrations.at(-1);
  await runMigrations(client, { inside: true, migrations, ...(to === undefined ? {} : { to }) });
  for (const name of header.partitions) await client.query(makePartitionOf(name));
}

async function takeTables(
  client: PoolClient,
  lines: CopyLines,
  header: CopyHeader,
  { progress }: ReadCopyOptions,
): Promise<Record<string, number>> {
  const there = new Map((await readTables(client)).map((t) => [t.name, t.columns]));
  const rows: Record<string, number> = {};
  let total = 0;
  for (const { name, columns } of header.tables) {
    if (parseSection(lines.file, await lines.take(), lines.at - 1) !== name) throw damaged(lines.file, lines.at - 1);
    if (!columns.every((column) => there.get(name)?.includes(column))) throw damaged(lines.file, 1);
    let count = 0;
    const counted = (n: number): void => {
      count += n;
      progress?.((total += n));
    };
    // Made with the schema; the copy brings its own.
    await client.query(`delete from ${SCHEMA}.${quoted(name)}`);
    const names = columns.map(quoted).join(', ');
    const statement = `copy ${SCHEMA}.${quoted(name)} (${names}) from stdin with (format text, encoding 'UTF8')`;
    await copyIn(client, statement, rowsOf(lines, columns.length, counted)).catch((error: unknown) => {
      if (!(error instanceof DatabaseError) || !/^2[23]/.test(error.code ?? '')) throw error;
      // Its message may quote what stands in the row.
      const of = /line (\d+)/.exec(error.where ?? '')?.[1];
      throw new StoreRefused(
        `${lines.file} does not fit: row ${of ?? '?'} of ${name} was refused (${error.code}), and nothing was taken`,
        { remedy: 'Fetch the file again from where it was kept, or take an older copy.', cause: error },
      );
    });
    rows[name] = count;
  }
  return rows;
}

/** Bytes that are handed to the server at a time. */
const PIECE = 64 << 10;

/** The rows of one table in COPY's text format. */
async function* rowsOf(lines: CopyLines, width: number, counted: (n: number) => void): AsyncGenerator<Buffer> {
  let text = '';
  let count = 0;
  for (let line = await lines.peek(); line?.startsWith('[') === true; line = await lines.peek()) {
    await lines.take();
    text += `${parseRow(lines.file, line, lines.at - 1, width)
      .map(copyText)
      .join('\t')}\n`;
    count += 1;
    if (text.length < PIECE) continue;
    yield Buffer.from(text);
    counted(count);
    [text, count] = ['', 0];
  }
  if (text !== '') yield Buffer.from(text);
  counted(count);
}

const ESCAPES: Readonly<Record<string, string>> = { '\\': '\\\\', '\n': '\\n', '\r': '\\r', '\t': '\\t' };

const copyText = (value: string | null): string =>
  value === null ? '\\N' : value.replace(/[\\\n\r\t]/g, (c) => ESCAPES[c] ?? c);

async function setSequences(client: PoolClient, lines: CopyLines, sequences: Sequences): Promise<void> {
  const there = await readSequences(client);
  for (const [name, last] of Object.entries(sequences)) {
    if (!(name in there)) throw damaged(lines.file, lines.at - 1);
    if (last !== null) await client.query('select setval($1::regclass, $2::bigint)', [`${SCHEMA}.${name}`, last]);
  }
  if (Object.keys(there).some((name) => !(name in sequences))) throw damaged(lines.file, lines.at - 1);
}

async function takeEnd(lines: CopyLines, rows: Readonly<Record<string, number>>): Promise<void> {
  const line = await lines.peek();
  if (line === undefined) throw cutOff(lines.file);
  const end = parseEnd(lines.file, line, lines.at);
  const digest = lines.digest();
  const counts = (of: Readonly<Record<string, number>>): string => JSON.stringify(Object.entries(of).toSorted());
  if (digest !== end.sha256 || counts(rows) !== counts(end.rows)) {
    throw new StoreRefused(
      `${lines.file} is damaged: its check sum does not match what it holds, and nothing was taken from it`,
      { remedy: 'Fetch the file again from where it was kept, or take an older copy.' },
    );
  }
  await lines.skip();
  if ((await lines.peek()) !== undefined) throw damaged(lines.file, lines.at);
}

import type { Recovery } from '../model/recovery.ts';
import type { Settings } from '../model/settings.ts';
import { ENDS_RECOVERY } from '../model/recovery.ts';
import { readMigrations } from '../store/copy/catalog.ts';
import type { Db } from '../store/db.ts';
import { LEADER, lockForTransaction } from '../store/lease.ts';
import { MIGRATIONS } from '../store/migrations/index.ts';
import type { StoreServer } from '../store/open.ts';
import { placeOf } from '../store/unavailable.ts';
import { doubt, lookBeside, type Seen } from '../store/witness.ts';
import { type FoundWitness, readWitness } from '../store/witness-file.ts';
import type { Answer } from './command.ts';
import type { Context } from './context.ts';
import { EXIT } from './exit.ts';
import { refuseMissing } from './store-copy.ts';
import { bytesText, indent, numberText, table, when, wrap } from './text.ts';

/** `store info` */
export async function infoCommand(context: Context): Promise<Answer> {
  refuseMissing(context);
  return context.withServer(async (server, settings) => {
    const base = { ...(await readServer(server)), kind: settings.store.kind, where: whereOf(server, settings) };
    if (base.migrations.length === 0) {
      const text = `${base.where}: PostgreSQL ${base.server}, no store in it yet. The first start of the service makes one.`;
      return { json: { ...base, store: null }, text, exit: EXIT.nothing };
    }
    const found = await readWitness(settings.witness);
    const seen = await lookBeside(server.db, found.witness);
    const witness = witnessState(settings.witness, found, seen);
    const because = seen.recovery === null ? doubt(found, seen) : undefined;
    const info = {
      ...base,
      store: seen.now.store,
      lastEvent: { number: seen.now.event, at: timeOf(seen.now.at) },
      counts: await readCounts(server.db),
      sizes: await readSizes(server.db),
      witness,
      recovery: seen.recovery,
      ...(because === undefined ? {} : { nextStart: { recovery: true, because } }),
    };
    return { json: info, text: asText(info, because) };
  });
}

interface Info {
  readonly where: string;
  readonly server: string;
  readonly running: boolean;
  readonly migrations: readonly string[];
  readonly pending: readonly string[];
  readonly unknown: readonly string[];
  readonly store: string;
  readonly lastEvent: { readonly number: number; readonly at: string | null };
  readonly counts: Readonly<Record<string, number>>;
  readonly sizes: { readonly database: number; readonly tables: ReadonlyArray<{ name: string; bytes: number }> };
  readonly witness: { readonly file: string; readonly state: string; readonly event: number | null };
  readonly recovery: Recovery | null;
}

function asText(info: Info, because: string | undefined): string {
  const { witness, recovery } = info;
  const schema =
    info.unknown.length > 0
      ? `${info.migrations.at(-1)}, made by a newer version`
      : info.pending.length > 0
        ? `${info.migrations.at(-1)}; the next start of the service adds ${info.pending.join(', ')}`
        : `${info.migrations.at(-1)}, up to date`;
  const counts = Object.entries(info.counts).map(([what, n]) => `${numberText(n)} ${what}`);
  const lines = [
    ['Store', info.store],
    ['Where', info.where],
    ['Server', `PostgreSQL ${info.server}`],
    ['Schema', schema],
    ['Service', info.running ? 'running' : 'not running'],
    ['Holds', counts.join(', ')],
    ['Last event', `${info.lastEvent.number}, ${when(info.lastEvent.at)} UTC`],
    ['Size', bytesText(info.sizes.database)],
    ['Witness', `${witness.file}: ${witness.state}`],
    ['Recovery', recovery === null ? 'no' : `since ${when(recovery.since)} UTC: ${recovery.because}`],
  ].map(([name = '', text = '']) => `${name.padEnd(12)}${indent(wrap(text, 86), 12).trimStart()}`);
  const hint =
    recovery !== null
      ? [ENDS_RECOVERY]
      : because !== undefined
        ? [`The next start of the service begins a recovery: ${because}.`]
        : [];
  const tables = info.sizes.tables.map(({ name, bytes }) => [name, bytesText(bytes)]);
  return [...lines, ...hint.map((text) => wrap(text, 98)), '', table(['TABLE', 'SIZE'], tables)].join('\n');
}

function whereOf({ config }: StoreServer, { store }: Settings): string {
  return store.kind === 'embedded' ? `${store.folder} (embedded)` : placeOf(config);
}

async function readServer({ db }: StoreServer) {
  return db.connection(async (client) => {
    const migrations = await readMigrations(client);
    const { rows } = await client.query<{ server: string }>(`select current_setting('server_version') as server`);
    await client.query('begin');
    const running = !(await lockForTransaction(client, LEADER));
    await client.query('rollback');
    const known = Object.keys(MIGRATIONS);
    return {
      server: rows[0]?.server ?? '',
      running,
      migrations,
      pending: known.filter((name) => !migrations.includes(name)),
      unknown: migrations.filter((name) => !known.includes(name)),
    };
  });
}

async function readCounts(db: Db): Promise<Record<string, number>> {
  const row = await db.row<Record<string, number>>({
    text: `select count(*) filter (where kind = 'user') as users, count(*) filter (where kind = 'group') as groups,
        (select count(*) from membership) as memberships, (select count(*) from person) as people,
        (select count(*) from ledger) as "ledger rows", (select count(*) from work where state <> 'done') as "open jobs",
        (select count(*) from token where revoked_at is null) as tokens
      from record where gone_at is null`,
  });
  return row ?? {};
}

/** Bytes of the database and of its largest tables, indexes with them; the history's months count as one. */
async function readSizes(db: Db): Promise<Info['sizes']> {
  const tables = await db.rows<{ name: string; bytes: number }>({
    text: `select case when c.relispartition then 'event' else c.relname::text end as name,
        sum(pg_total_relation_size(c.oid))::bigint as bytes
      from pg_class c where c.relnamespace = 'drawbridge'::regnamespace and c.relkind = 'r'
      group by 1 order by 2 desc limit 8`,
  });
  const row = await db.row<{ bytes: number }>({ text: 'select pg_database_size(current_database()) as bytes' });
  return { database: row?.bytes ?? 0, tables };
}

function witnessState(file: string, found: FoundWitness, seen: Seen): Info['witness'] & { because?: string } {
  const { witness, unreadable } = found;
  if (unreadable !== undefined) return { file, state: unreadable.because, event: null };
  if (witness === undefined) return { file, state: 'not there yet', event: null };
  const because = doubt(found, seen);
  const state = because ?? (witness.event === seen.now.event ? 'agrees' : `agrees, up to event ${witness.event}`);
  return { file, state, event: witness.event };
}

const timeOf = (micros: string | null): string | null =>
  micros === null ? null : new Date(Number(micros) / 1_000).toISOString();

import { existsSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import { ENDS_RECOVERY, type Recovery } from '../model/recovery.ts';
import { readFileByLines, writeFileWhole } from '../store/copy/file.ts';
import type { CopyHeader } from '../store/copy/format.ts';
import { readCopy } from '../store/copy/read.ts';
import { writeCopy } from '../store/copy/write.ts';
import type { Db } from '../store/db.ts';
import { appendEvents } from '../store/events.ts';
import { beginRecovery, recoveryOf } from '../store/recovery.ts';
import { contradicts, lookBeside } from '../store/witness.ts';
import { readWitness } from '../store/witness-file.ts';
import type { Answer } from './command.ts';
import type { Context } from './context.ts';
import { CommandError, EXIT } from './exit.ts';
import { progress } from './io.ts';
import { bytesText, numberText, plural, when, wrap } from './text.ts';
import { version } from './version.ts';

export interface WriteOptions {
  readonly output?: string;
}

export interface ReadOptions {
  readonly replace?: boolean;
  readonly yes?: boolean;
  readonly witness?: string;
}

/** An embedded store is not made only to find that there is nothing in it. */
export function refuseMissing(context: Context): void {
  const { store } = context.settings();
  if (store.kind !== 'embedded' || existsSync(store.folder)) return;
  throw new CommandError(EXIT.failed, `there is no store in ${store.folder} yet`, {
    remedy: 'The first start of the service makes it; or correct store.url in the settings.',
  });
}

/** `store backup`, `store export` */
export async function writeCommand(
  context: Context,
  name: 'backup' | 'export',
  options: WriteOptions,
): Promise<Answer> {
  refuseMissing(context);
  const stamp = new Date().toISOString().slice(0, 19).replaceAll(':', '');
  const file = resolve(context.io.cwd, options.output ?? `drawbridge-${stamp}Z.ndjson.gz`);
  return context.withServer(async ({ db }) => {
    let rows = 0;
    const shown = progress(context.io, () => `writing ${file}, ${numberText(rows)} rows`);
    const { result, bytes } = await writeFileWhole(file, async (write) => {
      // Before the copy, so that it stands in it too: then the copy is the newest state, if nothing follows.
      await note(db, context, `store.${name}`, file, {});
      return writeCopy(db, { version: version(), progress: (n) => (rows = n) }, write);
    }).finally(() => shown.done());
    const { header } = result;
    const total = Object.values(result.rows).reduce((a, b) => a + b, 0);
    return {
      json: { file, bytes, ...facts(header), rows: result.rows },
      text:
        `${file}: ${plural(total, 'row')}, ${bytesText(bytes)}, store ${header.store} up to event ${header.lastEvent}.\n` +
        'It holds everything about people and access: keep it as safe as the database itself.',
    };
  });
}

/** `store restore`, `store import` */
export async function readCommand(
  context: Context,
  name: 'restore' | 'import',
  path: string,
  options: ReadOptions,
): Promise<Answer> {
  const file = resolve(context.io.cwd, path);
  const replace = options.replace === true;
  if (replace && options.yes !== true) {
    throw new CommandError(EXIT.usage, '--replace takes away everything that the store holds now', {
      remedy: 'Write a backup of it first: drawbridge store backup. If it is meant, add --yes.',
    });
  }
  const witness = options.witness === undefined ? undefined : resolve(context.io.cwd, options.witness);
  if (witness !== undefined && !existsSync(witness)) {
    throw new CommandError(EXIT.usage, `there is no witness ${witness}`, {
      remedy: 'It is witness.json in the data folder of the old place; without it the import ends in recovery.',
    });
  }
  return readFileByLines(file, (lines) =>
    context.withServer(
      async ({ db }, settings) => {
        let rows = 0;
        let recovery: Recovery | undefined;
        const shown = progress(context.io, () => `reading ${file}, ${numberText(rows)} rows`);
        const read = await readCopy(db, lines, {
          replace,
          progress: (n) => (rows = n),
          finish: async (tx, header) => {
            await note(tx, context, name === 'restore' ? 'store.restored' : 'store.imported', file, facts(header));
            const because = await unproven(tx, name, header, file, witness ?? settings.witness);
            recovery = because === undefined ? await recoveryOf(tx) : await beginRecovery(tx, because, context.actor);
          },
        }).finally(() => shown.done());
        return told(read, file, recovery);
      },
      { alone: true },
    ),
  );
}

function told(read: Awaited<ReturnType<typeof readCopy>>, file: string, recovery: Recovery | undefined): Answer {
  const { header, rows, migrated } = read;
  const total = Object.values(rows).reduce((a, b) => a + b, 0);
  const lines = [
    `${plural(total, 'row')} from ${file}: store ${header.store} as it was on ${when(header.createdAt)} UTC.`,
    ...(migrated.length === 0 ? [] : [`Brought up to date with ${migrated.join(', ')}.`]),
    ...(recovery === undefined
      ? ['Its witness shows that nothing was done since: it goes on where it was.']
      : [
          wrap(
            `It is in recovery (${recovery.because}): the service gives nothing, and takes only from people who were ` +
              `explicitly disabled or deleted. What ends it: ${ENDS_RECOVERY}`,
            98,
          ),
        ]),
  ];
  return { json: { file, ...facts(header), rows, migrated, recovery: recovery ?? null }, text: lines.join('\n') };
}

/** Why it is not sure that nothing was done after the copy was made; undefined when a witness shows that it is. */
async function unproven(
  tx: Db,
  name: 'restore' | 'import',
  { createdAt }: CopyHeader,
  file: string,
  witnessFile: string,
): Promise<string | undefined> {
  const copy = `${basename(file)}, made ${when(createdAt)} UTC`;
  if (name === 'restore') return `restored from ${copy}`;
  const { witness, unreadable } = await readWitness(witnessFile);
  if (witness === undefined) {
    const why = unreadable?.because ?? 'there is no witness';
    return `imported from ${copy}; ${why}, so it is not known what was done since`;
  }
  const because = contradicts(witness, await lookBeside(tx, witness));
  return because === undefined ? undefined : `imported from ${copy}: ${because}`;
}

const facts = ({ store, version: by, server, createdAt, migrations, lastEvent }: CopyHeader) => ({
  store,
  version: by,
  server,
  createdAt,
  schema: migrations.at(-1) ?? null,
  lastEvent,
});

async function note(db: Db, { actor }: Context, kind: string, object: string, detail: object): Promise<void> {
  const there = await db.row({ text: `select 1 where to_regclass('drawbridge.event') is not null` });
  if (there !== undefined) await appendEvents(db, [{ actor, kind, object, detail: { ...detail } }]);
}

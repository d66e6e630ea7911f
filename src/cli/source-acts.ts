import type { Command } from 'commander';
import { correlateBy } from '../app/correlation.ts';
import { attributesOf } from '../app/attributes.ts';
import { correlatorOf } from '../app/correlator.ts';
import { countProblems } from '../config/render.ts';
import type { Correlator } from '../model/correlation.ts';
import type { Db } from '../store/db.ts';
import { openDirectories } from '../app/directories.ts';
import { acceptReading } from '../jobs/accept.ts';
import { readSource } from '../jobs/read.ts';
import type { Delivered, StoredReading } from '../store/readings.ts';
import { notifyWake } from '../store/lease.ts';
import { storeParts } from '../store/parts.ts';
import { countHolds, removeSource, succeedSource } from '../store/retire.ts';
import { knownSources, noteRetired } from '../store/source-state.ts';
import { add, type Answer, type Program } from './command.ts';
import type { Context } from './context.ts';
import { CommandError, EXIT } from './exit.ts';
import { progress } from './io.ts';
import { changesText, deliveredText, isDirectory, whyText } from './source-readings.ts';
import { plural, when } from './text.ts';
import { heardOf } from '../app/watch-sources.ts';
import { listTokens } from '../store/tokens.ts';
import { suggest } from '../model/suggest.ts';
import { needed, reasonOption } from './reason.ts';

/** `sources refresh|accept|retire|succeed` */
export function addSourceActs(program: Program, sources: Command): void {
  add<{ full?: boolean }>(program, sources, {
    usage: 'refresh <id>',
    about: 'read a source now, where it is one that is read',
    examples: ['sources refresh corp-ad', 'sources refresh corp-ad --full'],
    options: (command) => command.option('--full', 'everything, not only what changed'),
    run: (context, options, id = '') => refresh(context, id, options.full === true),
  });
  add<{ reason: string }>(program, sources, {
    usage: 'accept <id> <reading>',
    about: 'take a reading as sealed that only counts, shrinking or a canary kept back',
    examples: ['sources accept corp-ad 118 --reason "the Basel office was closed"'],
    options: reasonOption,
    run: (context, options, id = '', reading = '') => accept(context, id, reading, needed(options.reason)),
  });
  add<{ reason: string; yes?: boolean }>(program, sources, {
    usage: 'retire <id>',
    about: 'let go of the people of a source that is not in the settings any more',
    examples: ['sources retire old-ad --reason "replaced by entra"', 'sources retire old-ad --reason "…" --yes'],
    options: (command) => reasonOption(command).option('--yes', 'do it; without it only the counts are shown'),
    run: (context, options, id = '') => retire(context, id, needed(options.reason), options.yes === true),
  });
  add<{ reason: string }>(program, sources, {
    usage: 'succeed <old> <new>',
    about: 'after a migration: the new source decides who is disabled, for people who are in both',
    examples: ['sources succeed old-ad entra --reason "migrated in May"'],
    options: reasonOption,
    run: (context, options, old = '', by = '') => succeed(context, old, by, needed(options.reason)),
  });
}

const HOW_TO_PUSH =
  'To have everything sent again: in Okta, Provisioning › To App › Force Sync, and Push Groups › Push now; ' +
  'in Entra ID, Provisioning › Restart provisioning.';

async function refresh(context: Context, id: string, full: boolean): Promise<Answer> {
  const settings = context.settings();
  const source = settings.sources.find((s) => s.id === id);
  if (source === undefined)
    throw unknownSource(
      id,
      settings.sources.map((s) => s.id),
      'Sources in the settings',
    );
  if (!isDirectory(source)) {
    const tokens = await context.withStore(({ db }) => listTokens(db));
    const heard = heardOf(settings, tokens, new Date()).find((one) => one.id === id);
    throw new CommandError(
      EXIT.nothing,
      `source ${id} is of type ${source.type}: its client writes to us, nothing can be read`,
      { remedy: `Last heard ${when(heard?.lastHeard)}. ${HOW_TO_PUSH}` },
    );
  }
  return context.withStore(async ({ db }) => {
    const correlator = await correlatorFor(context, db);
    const directories = openDirectories(() => [source]);
    const opened = directories.current().get(id);
    if (opened === undefined) throw new Error(`source ${id} was not opened`);
    let far = '';
    const shown = progress(context.io, () => `reading ${id}${far}`);
    try {
      const result = await readSource(
        { db, store: storeParts, log: context.log(), now: () => new Date(), random: Math.random, correlator },
        opened,
        {
          full,
          actor: context.actor,
          signal: new AbortController().signal,
          onProgress: (soFar: Delivered) =>
            void (far = `: ${soFar.users} users, ${soFar.groups} groups, ${soFar.memberships} memberships`),
        },
      );
      if (result.outcome === 'busy') {
        throw new CommandError(EXIT.failed, `${id} is being read at this moment`, {
          remedy: `See how far it is: drawbridge sources show ${id}`,
        });
      }
      await notifyWake(db, result.urgent);
      return readAnswer(result.reading, id);
    } finally {
      shown.done();
      await directories.close();
    }
  });
}

/** By what a reading finds the persons of its records: the settings of this file, which a running service must share. */
async function correlatorFor(context: Context, db: Db): Promise<() => Correlator | undefined> {
  const settings = context.settings();
  const document = context.document();
  const { correlator, problems } = correlatorOf(settings, attributesOf(settings, document).attributes, document);
  if (problems.some((problem) => problem.severity === 'error')) {
    throw new CommandError(EXIT.usage, `records can't be correlated: ${countProblems(problems)}`, { problems });
  }
  if (await correlateBy(db, correlator)) return () => correlator;
  throw new CommandError(EXIT.failed, 'the running service correlates records by other settings than this file', {
    remedy: 'It loads a changed file by itself within seconds: try again, or see its log. Else give it this file.',
  });
}

function readAnswer(reading: StoredReading, id: string): Answer {
  const { state, scope } = reading;
  const what = state === 'failed' ? 'broke off' : `${scope === 'full' ? 'everything' : 'changes'}, ${state}`;
  const lines =
    state === 'failed'
      ? [`Reading ${reading.id} of ${id} ${what}. Nothing was changed.`]
      : [
          `Reading ${reading.id} of ${id}: ${what}.`,
          `  delivered  ${deliveredText(reading)} (users/groups/memberships)`,
          `  changed    ${changesText(reading)}`,
        ];
  return {
    json: reading,
    text: [...lines, ...whyText(reading, id)].join('\n'),
    exit: state === 'sealed' ? EXIT.done : EXIT.failed,
  };
}

async function accept(context: Context, id: string, reading: string, reason: string): Promise<Answer> {
  if (!/^\d{1,15}$/.test(reading)) {
    throw new CommandError(EXIT.usage, `"${reading}" is no number of a reading`, {
      remedy: `See them: drawbridge sources show ${id}`,
    });
  }
  const source = context.settings().sources.find((s) => s.id === id);
  if (source === undefined) {
    throw unknownSource(
      id,
      context.settings().sources.map((s) => s.id),
      'Sources in the settings',
    );
  }
  return context.withStore(async ({ db }) => {
    const result = await acceptReading(
      { db, store: storeParts, now: () => new Date(), correlator: await correlatorFor(context, db) },
      { source: id, reading: Number(reading), actor: context.actor, reason },
    );
    if (!('state' in result)) throw new CommandError(EXIT.failed, result.because, { remedy: result.remedy });
    await notifyWake(db, (result.changes.left ?? 0) > 0);
    return {
      json: result,
      text: [
        `Reading ${result.id} of ${id} counts as sealed: ${changesText(result)}.`,
        'Who is missing is frozen, and gone only after a second sealed reading and a day.',
      ].join('\n'),
    };
  });
}

async function retire(context: Context, id: string, reason: string, yes: boolean): Promise<Answer> {
  const { sources } = context.settings();
  if (sources.some((source) => source.id === id)) {
    throw new CommandError(EXIT.usage, `source ${id} is in the settings`, {
      remedy: 'Take it out of the settings first: its people are then frozen, and nobody is removed.',
    });
  }
  return context.withStore(async ({ db }) => {
    const known = await knownSources(db);
    if (!known.includes(id)) throw unknownSource(id, known, 'Sources that the store knows');
    await noteRetired(
      db,
      sources.map((s) => s.id),
      new Date(),
    );
    const holds = await countHolds(db, id);
    const counted = `${plural(holds.users, 'user')} and ${plural(holds.groups, 'group')}; ${plural(holds.withAccess, 'person has', 'persons have')} an account that no other source speaks for`;
    if (holds.users + holds.groups === 0) {
      return { json: { source: id, done: false, ...holds }, text: `${id} has no records left.`, exit: EXIT.nothing };
    }
    if (!yes) {
      return {
        json: { source: id, done: false, ...holds },
        text: `${id} has ${counted}.\nNothing was changed. To let go of them, and plan what follows: add --yes`,
        exit: EXIT.held,
      };
    }
    await removeSource(db, { source: id, actor: context.actor, reason, now: new Date() });
    await notifyWake(db, false);
    return {
      json: { source: id, done: true, ...holds },
      text: `Let go of ${counted}. What rests on ${id} alone is planned for removal: drawbridge plan`,
    };
  });
}

async function succeed(context: Context, old: string, by: string, reason: string): Promise<Answer> {
  const ids = context.settings().sources.map((s) => s.id);
  if (!ids.includes(by)) throw unknownSource(by, ids, 'Sources in the settings');
  if (old === by) throw new CommandError(EXIT.usage, `a source can't succeed itself`, { remedy: 'Name two of them.' });
  return context.withStore(async ({ db }) => {
    const known = [...new Set([...(await knownSources(db)), ...ids])];
    if (!known.includes(old)) throw unknownSource(old, known, 'Sources that the store knows');
    await succeedSource(db, { old, new: by, actor: context.actor, reason, now: new Date() });
    await notifyWake(db, false);
    return {
      json: { old, new: by },
      text: `${by} decides from now on who of ${old} is disabled or has left, for people who have a record of both.`,
    };
  });
}

function unknownSource(id: string, known: readonly string[], where: string): CommandError {
  const near = suggest(id, known);
  return new CommandError(EXIT.usage, `there is no source "${id}"`, {
    remedy: `${near === undefined ? '' : `Did you mean ${near}? `}${where}: ${known.join(', ') || 'none'}.`,
  });
}

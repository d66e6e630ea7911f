import type { Command } from 'commander';
import { listCases } from '../store/correlation/case-list.ts';
import { type Resolution, resolveCase, type ResolvedCase } from '../store/correlation/cases.ts';
import type { Db } from '../store/db.ts';
import { notifyWake } from '../store/lease.ts';
import { oneCase, readCaseTerms } from './case-find.ts';
import { add, type Answer, type Program } from './command.ts';
import type { Context } from './context.ts';
import { CommandError, EXIT } from './exit.ts';
import { progress } from './io.ts';
import { findPerson } from './person.ts';
import { needed } from './reason.ts';
import { plural } from './text.ts';

interface Options {
  readonly person?: string;
  readonly same?: boolean;
  readonly new?: boolean;
  readonly ignore?: boolean;
  readonly filter?: string;
  readonly yes?: boolean;
  readonly reason?: string;
  readonly ticket?: string;
}

/** `cases resolve` */
export function addResolve(program: Program, cases: Command): void {
  add<Options>(program, cases, {
    usage: 'resolve [case]',
    about: 'say whose a record is',
    examples: [
      'cases resolve c_8jW1cPq0aZx2 --person ann@example.com --reason "asked HR"',
      'cases resolve c_8jW1cPq0aZx2 --new --reason "a new Ann" --ticket OPS-123',
      'cases resolve --filter "kind:twin source:ad" --same --reason "one company" --yes',
    ],
    options: (command) =>
      command
        .option('--person <person>', 'it is theirs; of two persons: they are one, and are merged')
        .option('--same', 'the same, where the case names one person; a dormant record counts from now on')
        .option('--new', 'it is somebody of their own; of two persons: they stay two')
        .option('--ignore', 'it is to be nobody; a dormant record goes on saying nothing')
        .option('--filter <terms>', 'instead of a case: every open one that these find (see cases list)')
        .option('--yes', 'with --filter: do it; without it they are only counted')
        .option('--reason <text>', 'why; kept in the history')
        .option('--ticket <id>', 'where it was discussed'),
    run: async (context, options, id) => {
      if ((id === undefined) === (options.filter === undefined)) {
        throw new CommandError(EXIT.usage, 'cases resolve needs a case, or --filter, and one of them only');
      }
      const chosen = [options.person, options.same, options.new, options.ignore].filter((one) => one !== undefined);
      if (chosen.length !== 1 || (options.filter !== undefined && options.person !== undefined)) {
        const ways = options.filter === undefined ? '--person, --same, --new, --ignore' : '--same, --new, --ignore';
        throw new CommandError(EXIT.usage, `cases resolve needs one of ${ways}`, {
          remedy: 'What each comes to: drawbridge cases show CASE',
        });
      }
      needed(options.reason, 'cases resolve');
      return id === undefined ? resolveMany(context, options) : resolveOne(context, options, id);
    },
  });
}

const decidedBy = ({ actor }: Context, { reason, ticket }: Options) => ({ actor, reason: needed(reason), ticket });

async function resolutionOf(db: Db, options: Options): Promise<Resolution> {
  if (options.person !== undefined) return { to: 'person', person: (await findPerson(db, options.person)).id };
  return { to: options.same === true ? 'same' : options.new === true ? 'new' : 'ignore' };
}

async function resolveOne(context: Context, options: Options, id: string): Promise<Answer> {
  return context.withStore(async ({ db }) => {
    const found = await oneCase(db, id);
    const done = await resolveCase(db, found.id, await resolutionOf(db, options), decidedBy(context, options));
    if ('because' in done) throw new CommandError(EXIT.failed, done.because, { remedy: done.remedy });
    await notifyWake(db, true);
    return { json: done, text: doneText(done, found.kind === 'dormant') };
  });
}

function doneText({ id, outcome, person, secondary, event }: ResolvedCase, dormant: boolean): string {
  const whose = dormant
    ? outcome === 'linked'
      ? `it counts from now on for ${person}`
      : 'it goes on saying nothing'
    : {
        linked: event === undefined ? `the record is ${person}'s` : `the two are one: ${person}`,
        new: `${person} is a person of their own`,
        ignored: 'the record is nobody’s',
      }[outcome];
  return [
    `Case ${id} is resolved: ${whose}.`,
    ...(secondary === true
      ? ['They have a record in its source already: this one is secondary, and ends nobody.']
      : []),
    ...(event === undefined ? [] : [`To undo it: drawbridge people undo ${event} --reason …`]),
  ].join('\n');
}

/** Cases on a page of the store. */
const PAGE = 500;

async function resolveMany(context: Context, options: Options): Promise<Answer> {
  const terms = readCaseTerms(options.filter, false);
  return context.withStore(async ({ db }) => {
    const ids: string[] = [];
    for (let after: string | undefined; ;) {
      const page = await listCases(db, { terms, limit: PAGE, after });
      ids.push(...page.map((one) => one.id));
      after = page.at(-1)?.id;
      if (page.length < PAGE) break;
    }
    if (ids.length === 0) {
      return { json: { found: 0, resolved: 0, refused: [] }, text: 'No case matches.', exit: EXIT.nothing };
    }
    if (options.yes !== true) {
      const text = `${plural(ids.length, 'case')} would be resolved.\nNothing was changed. To do it: add --yes`;
      return { json: { found: ids.length, resolved: 0, refused: [] }, text, exit: EXIT.held };
    }
    return answerOf(await resolveAll(context, db, options, ids), ids.length);
  });
}

interface Refusal {
  readonly id: string;
  readonly because: string;
  readonly remedy: string;
}

async function resolveAll(context: Context, db: Db, options: Options, ids: readonly string[]): Promise<Refusal[]> {
  const resolution = await resolutionOf(db, options);
  const refused: Refusal[] = [];
  let at = 0;
  const shown = progress(context.io, () => `resolving case ${at} of ${ids.length}`);
  try {
    for (const id of ids) {
      at += 1;
      const done = await resolveCase(db, id, resolution, decidedBy(context, options));
      if ('because' in done) refused.push({ id, ...done });
    }
  } finally {
    shown.done();
    await notifyWake(db, true);
  }
  return refused;
}

/** Refusals shown. */
const SHOWN = 20;

function answerOf(refused: readonly Refusal[], found: number): Answer {
  const resolved = found - refused.length;
  const lines = refused.slice(0, SHOWN).map(({ id, because, remedy }) => `  ${id}: ${because}. ${remedy}`);
  return {
    json: { found, resolved, refused },
    text: [
      `${plural(resolved, 'case')} resolved${refused.length === 0 ? '' : `, ${refused.length} refused`}.`,
      ...lines,
      ...(refused.length > SHOWN ? [`  and ${refused.length - SHOWN} more: --json`] : []),
    ].join('\n'),
    exit: refused.length === 0 ? EXIT.done : EXIT.failed,
  };
}

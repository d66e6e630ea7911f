import type { Command } from 'commander';
import {
  type Moved,
  mergePersons,
  type NotMoved,
  type RecordName,
  splitPerson,
  undoMove,
} from '../store/correlation/persons.ts';
import type { Db } from '../store/db.ts';
import { eventsOfPerson, type StoredEvent } from '../store/events.ts';
import { notifyWake } from '../store/lease.ts';
import { add, type Answer, type Program } from './command.ts';
import type { Context } from './context.ts';
import { CommandError, EXIT } from './exit.ts';
import { readLimit } from './paging.ts';
import { findPerson } from './person.ts';
import { needed, reasonOption } from './reason.ts';
import { clip, plural, table, when } from './text.ts';

interface Options {
  readonly reason: string;
  readonly ticket?: string;
}

const decisionOptions = (command: Command): Command =>
  reasonOption(command).option('--ticket <id>', 'where it was discussed');

/** `people merge|split|undo|history` */
export function addPersonActs(program: Program, people: Command): void {
  add<Options>(program, people, {
    usage: 'merge <one> <other>',
    about: 'these two are one human; who has something at a target stays, else the second one',
    examples: ['people merge p_8jW1cPq0aZx2 p_0Q9sKe77Lw1d --reason "hired again under a new number"'],
    options: decisionOptions,
    run: (context, options, one = '', other = '') =>
      act(context, options, async (db, decided) =>
        mergePersons(db, [(await findPerson(db, one)).id, (await findPerson(db, other)).id], decided),
      ),
  });
  add<Options & { readonly record: readonly string[]; readonly to?: string }>(program, people, {
    usage: 'split <person>',
    about: 'some of the records of a person are somebody else: they become a new person',
    examples: [
      'people split ann@example.com --record corp-ad/8f1c2d3e --reason "two people"',
      'people split ann@example.com --record hr/77 --to bob@example.com --reason "a typo"',
    ],
    options: (command) =>
      decisionOptions(command)
        .requiredOption('--record <source/anchor...>', 'the records that go; see people show')
        .option('--to <person>', 'to somebody who is there, instead of a new person'),
    run: (context, options, text = '') => {
      const records = options.record.map(recordName);
      return act(context, options, async (db, decided) => {
        const { id: person } = await findPerson(db, text);
        const to = options.to === undefined ? {} : { to: (await findPerson(db, options.to)).id };
        return splitPerson(db, { person, records, ...to }, decided);
      });
    },
  });
  add<Options>(program, people, {
    usage: 'undo <event>',
    about: 'take a merge or a split back, by the number that it told',
    examples: ['people undo 48213 --reason "they are two after all"'],
    options: decisionOptions,
    run: (context, options, event = '') => {
      if (!/^\d{1,15}$/.test(event)) {
        throw new CommandError(EXIT.usage, `"${event}" is no number of an event`, {
          remedy: 'See them: drawbridge people history PERSON',
        });
      }
      return act(context, options, (db, decided) => undoMove(db, Number(event), decided));
    },
  });
  add<{ limit: string }>(program, people, {
    usage: 'history <person>',
    about: 'what happened to a person, the newest first',
    examples: ['people history ann@example.com --limit 20'],
    options: (command) => command.option('--limit <n>', 'events', '100'),
    run: async (context, options, text = '') => {
      const limit = readLimit(options.limit);
      return context.withStore(async ({ db }) => {
        const { id } = await findPerson(db, text);
        const events = await eventsOfPerson(db, id, limit);
        return { json: { person: id, events }, text: historyText(events) };
      });
    },
  });
}

function recordName(text: string): RecordName {
  const slash = text.indexOf('/');
  if (slash > 0 && slash < text.length - 1) return { source: text.slice(0, slash), anchor: text.slice(slash + 1) };
  throw new CommandError(EXIT.usage, `--record: "${text}" is not of the form SOURCE/ANCHOR`, {
    remedy: 'Copy it from: drawbridge people show PERSON',
  });
}

async function act(
  context: Context,
  { reason, ticket }: Options,
  work: (db: Db, decided: { actor: string; reason: string; ticket: string | undefined }) => Promise<Moved | NotMoved>,
): Promise<Answer> {
  const decided = { actor: context.actor, reason: needed(reason), ticket };
  return context.withStore(async ({ db }) => {
    const done = await work(db, decided);
    if ('because' in done) throw new CommandError(EXIT.failed, done.because, { remedy: done.remedy });
    await notifyWake(db, true);
    const { from, to, records, event } = done;
    return {
      json: done,
      text: [
        `${plural(records.length, 'record')} of ${from} went to ${to}:`,
        ...records.map(({ source, anchor }) => `  ${source}/${anchor}`),
        'Both are planned again: drawbridge plan --person PERSON',
        `To undo it: drawbridge people undo ${event} --reason …`,
      ].join('\n'),
    };
  });
}

function historyText(events: readonly StoredEvent[]): string {
  if (events.length === 0) return 'Nothing is known of what happened.';
  const rows = events.map(({ id, at, kind, actor, detail = {}, ...event }) => {
    const about = [event.target, event.source, event.object].filter((part) => part != null).join('/');
    const more = [detail['case'], detail['why'], detail['by']].filter((part) => typeof part === 'string').join(' ');
    return [
      String(detail['event'] ?? id),
      when(at),
      kind,
      clip(more === '' ? about : `${more} ${about}`, 44),
      clip(actor, 20),
    ];
  });
  return table(['EVENT', 'WHEN', 'WHAT', 'ABOUT', 'BY'], rows);
}

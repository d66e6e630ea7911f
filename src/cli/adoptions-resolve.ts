import type { Command } from 'commander';
import { adopt } from '../jobs/index.ts';
import type { AdoptionWord } from '../model/adoption.ts';
import { type AdoptionTerm, type ListedAdoption, listAdoptions } from '../store/adoptions.ts';
import type { Db } from '../store/db.ts';
import { notifyWake } from '../store/lease.ts';
import { storeParts } from '../store/parts.ts';
import { NONE_WAITS, ofPerson, readAdoptionTerms } from './adoption-queue.ts';
import { add, type Program } from './command.ts';
import { CommandError, EXIT } from './exit.ts';
import { findPerson } from './person.ts';
import { needed } from './reason.ts';
import { plural } from './text.ts';

interface Resolve {
  readonly adopt?: boolean;
  readonly leave?: boolean;
  readonly reason?: string;
  readonly ticket?: string;
  readonly filter?: string;
}

/** `adoptions resolve` */
export function addResolve(program: Program, adoptions: Command): void {
  add<Resolve>(program, adoptions, {
    usage: 'resolve [person] [target]',
    about: 'say whether accounts are their persons’: they become ours, or are left alone',
    examples: [
      'adoptions resolve ann@example.com strongdm --adopt --reason "asked her"',
      'adoptions resolve bob@example.com --leave --reason "a test account"',
      'adoptions resolve --filter "target:strongdm evidence:verified*" --adopt --reason "first import"',
    ],
    options: (command) =>
      command
        .option('--adopt', 'the account is theirs: it becomes ours, and is made what the rules want')
        .option('--leave', 'it is not: nothing is ever done to it')
        .option('--reason <text>', 'why; kept in the history')
        .option('--ticket <id>', 'where it was discussed')
        .option('--filter <terms>', 'instead of a person: every open one that these find (see adoptions list)'),
    run: async (context, options, person, target) => {
      const word = wordOf(options);
      const terms = readAdoptionTerms(options.filter);
      if ((person === undefined) === (terms.length === 0)) {
        throw new CommandError(EXIT.usage, 'adoptions resolve needs a person or --filter, and one of them only');
      }
      const reason = needed(options.reason, 'adoptions resolve');
      return context.withStore(async ({ db }) => {
        const found =
          person === undefined
            ? await everyOpen(db, terms)
            : await named(db, (await findPerson(db, person)).id, target);
        const { actor } = context;
        const said = await adopt(storeParts, db, { keys: found, word, actor, reason, ticket: options.ticket });
        await notifyWake(db, false);
        return {
          json: { [word]: said.map(({ person: of, ...rest }) => ({ person: of, ...rest })), found: found.length },
          text: saidText(word, said.length, found.length),
          exit: said.length === 0 ? EXIT.nothing : EXIT.done,
        };
      });
    },
  });
}

function wordOf({ adopt: yes, leave }: Resolve): AdoptionWord {
  if ((yes === true) === (leave === true)) {
    throw new CommandError(EXIT.usage, 'adoptions resolve needs --adopt or --leave, and one of them only');
  }
  return yes === true ? 'adopt' : 'leave';
}

async function named(db: Db, id: string, target: string | undefined): Promise<ListedAdoption[]> {
  const found = (await ofPerson(db, id)).filter((one) => target === undefined || one.target === target);
  if (found.length > 0) return found;
  throw new CommandError(
    EXIT.nothing,
    `no account waits for this person${target === undefined ? '' : ` at ${target}`}`,
    {
      remedy: 'See what waits: drawbridge adoptions list. An account shows after the next observation of its target.',
    },
  );
}

const PAGE = 1000;

async function everyOpen(db: Db, terms: readonly AdoptionTerm[]): Promise<ListedAdoption[]> {
  const all: ListedAdoption[] = [];
  const open: AdoptionTerm[] = [...terms, { field: 'state', like: 'open' }];
  for (;;) {
    const after = all.at(-1);
    const page = await listAdoptions(db, { terms: open, limit: PAGE, ...(after === undefined ? {} : { after }) });
    all.push(...page);
    if (page.length < PAGE) return all;
  }
}

function saidText(word: AdoptionWord, said: number, found: number): string {
  if (found === 0) return NONE_WAITS;
  if (said === 0) return `${plural(found, 'account')}: that was said already.`;
  const then =
    word === 'adopt'
      ? 'adopted with the next plan; what is to change on them comes with the one after it'
      : 'left alone';
  return `${plural(said, 'account')} ${then}.`;
}

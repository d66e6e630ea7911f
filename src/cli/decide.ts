import { decide } from '../jobs/index.ts';
import type { Decision } from '../model/guard.ts';
import { notifyWake } from '../store/lease.ts';
import { storeParts } from '../store/parts.ts';
import { add, type Program } from './command.ts';
import { CommandError, EXIT } from './exit.ts';
import { noHold, readTerms } from './holds.ts';
import { needed } from './reason.ts';
import { plural } from './text.ts';

interface Options {
  readonly reason?: string;
  readonly ticket?: string;
  readonly filter?: string;
}

/** `approve` and `reject` */
export function addDecide(program: Program): void {
  addWord(program, 'approve', 'approved', 'let held changes through; what is not done in 24 h is held again');
  addWord(program, 'reject', 'rejected', 'leave things as they are, for as long as nothing about them changes');
}

function addWord(program: Program, name: string, state: Decision, about: string): void {
  add<Options>(program, program.root, {
    usage: `${name} [hash]`,
    about,
    examples: [
      `${name} 3f9a1c27 --reason "the team was dissolved" --ticket OPS-123`,
      `${name} h_4b1d0c9a77e2f310 --reason "asked the owner"`,
      `${name} --filter "target:strongdm item:role:dba" --reason "the group was renamed"`,
    ],
    options: (command) =>
      command
        .option('--reason <text>', 'why; kept in the history')
        .option('--ticket <id>', 'where it was discussed')
        .option('--filter <terms>', 'instead of a hash: every open hold that these find (see holds list)'),
    run: async (context, options, hash) => {
      const terms = readTerms(options.filter);
      if ((hash === undefined) === (terms.length === 0)) {
        throw new CommandError(EXIT.usage, `${name} needs a plan's hash, a hold, or --filter, and one of them only`);
      }
      const reason = needed(options.reason, name);
      return context.withStore(async ({ db }) => {
        const { actor } = context;
        const { ticket } = options;
        // What was decided is decided again only by its name.
        const open = terms.length === 0 ? [] : [...terms, { field: 'state', like: 'held' } as const];
        const names = hash === undefined ? [] : [hash];
        const { holds, found, unknown } = await decide(storeParts, db, {
          state,
          names,
          terms: open,
          actor,
          reason,
          ticket,
        });
        if (unknown[0] !== undefined) throw noHold(unknown[0]);
        await notifyWake(db, false);
        return {
          json: { [state]: holds.map((hold) => hold.id), found },
          text: text(state, holds.length, found),
          exit: holds.length === 0 ? EXIT.nothing : EXIT.done,
        };
      });
    },
  });
}

function text(state: Decision, decided: number, found: number): string {
  if (found === 0) return 'Nothing is held that these terms find.';
  if (decided === 0) return `${plural(found, 'hold')} ${found === 1 ? 'was' : 'were'} ${state} already.`;
  const then = state === 'approved' ? 'they are planned again and carried out' : 'these stay as they are';
  return `${plural(decided, 'change')} ${state}: ${then}.`;
}

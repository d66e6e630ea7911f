import { appendEvents } from '../store/events.ts';
import { notifyWake } from '../store/lease.ts';
import { freezePerson } from '../store/people.ts';
import { add, type Program } from './command.ts';
import { EXIT } from './exit.ts';
import { findPerson } from './person.ts';
import { needed } from './reason.ts';

/** `freeze` and `thaw`: a person whom nothing is given and from whom nothing is taken for now. */
export function addFreeze(program: Program): void {
  addWord(program, {
    name: 'freeze',
    about: 'a person keeps what they have, and gets nothing, until thawed; when they leave they lose all as ever',
    example: 'freeze ann@example.com --reason "HR is sorting out her contract"',
    kind: 'person.frozen',
    done: 'is frozen: nothing is given to them and nothing taken, but when they leave',
    already: 'is frozen for that reason already',
  });
  addWord(program, {
    name: 'thaw',
    about: 'ends a freeze: the person is planned by the rules again',
    example: 'thaw ann@example.com --reason "sorted out"',
    kind: 'person.thawed',
    done: 'is planned by the rules again',
    already: 'is not frozen by an operator',
  });
}

interface Word {
  readonly name: 'freeze' | 'thaw';
  readonly about: string;
  readonly example: string;
  readonly kind: string;
  readonly done: string;
  readonly already: string;
}

function addWord(program: Program, { name, about, example, kind, done, already }: Word): void {
  add<{ reason?: string }>(program, program.root, {
    usage: `${name} <person>`,
    about,
    examples: [example],
    options: (command) => command.option('--reason <text>', 'why; kept in the history'),
    run: async (context, options, text = '') => {
      const reason = needed(options.reason, name);
      return context.withStore(async ({ db }) => {
        const { id, userName } = await findPerson(db, text);
        const { actor } = context;
        const word = name === 'freeze' ? { by: actor, at: new Date().toISOString(), reason } : null;
        const changed = await db.tx(async (tx) => {
          if (!(await freezePerson(tx, id, word))) return false;
          await appendEvents(tx, [{ actor, kind, person: id, detail: { reason } }]);
          return true;
        });
        await notifyWake(db, false);
        return {
          json: { person: id, changed },
          text: `${userName} (${id}) ${changed ? done : already}.`,
          exit: changed ? EXIT.done : EXIT.nothing,
        };
      });
    },
  });
}

import { type BrokenChain, verifyAccess } from '../jobs/index.ts';
import type { Break } from '../plan/chain.ts';
import { namesOfPeople } from '../store/people-list.ts';
import { add, group, type Program } from './command.ts';
import { EXIT } from './exit.ts';
import { planDeps } from './planning.ts';
import { clip, indent, numberText, plural, wrap } from './text.ts';

const SAID: Readonly<Record<Break, string>> = {
  'no-cause': 'no rule wants it, and nothing is about to take it',
  'no-record': 'its cause names a record that is not the person’s',
  'no-plan': 'the plan that gave it is not in the store',
  'no-answer': 'the history has no answer of the target to it',
};

/** Broken chains that are shown one by one; with --json all are. */
const SHOWN = 200;

/** `access verify` */
export function addAccess(program: Program): void {
  const access = group(program, 'access', 'all access that was given', 'access verify');
  add(program, access, {
    usage: 'verify',
    about: 'does everything that was given lead back to a record, a rule, a plan and an answer of the target?',
    examples: ['access verify'],
    run: async (context) =>
      context.withStore(async (store) => {
        const broken: BrokenChain[] = [];
        const verified = await verifyAccess(await planDeps(context, store), (chain) => void broken.push(chain));
        const shown = broken.slice(0, SHOWN);
        const names = await namesOfPeople(store.db, [...new Set(shown.map((chain) => chain.person))]);
        const left = verified.skipped === 0 ? '' : ` (${verified.skipped} wait to be planned and were left out)`;
        const whole = `${plural(verified.persons, 'person', 'people')}${left}, ${numberText(verified.items)} given`;
        const lines = shown.flatMap(({ target, person, item, breaks }) => [
          `${clip(names.get(person) ?? person, 40)} (${person}): ${item} at ${target}`,
          ...breaks.map((one) => indent(wrap(SAID[one], 96), 4)),
        ]);
        if (broken.length > SHOWN) lines.push(`… and ${broken.length - SHOWN} more: --json shows all of them`);
        return {
          json: { ...verified, chains: broken },
          text:
            broken.length === 0
              ? `${whole}: every chain is complete.`
              : [...lines, `${whole}: ${plural(broken.length, 'chain')} not complete. See explain PERSON.`].join('\n'),
          exit: broken.length === 0 ? EXIT.done : EXIT.failed,
        };
      }),
  });
}

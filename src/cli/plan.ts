import { planFull } from '../jobs/index.ts';
import { renderMarkdown, renderPlan } from '../plan/render.ts';
import type { Db } from '../store/db.ts';
import { namesOfPeople } from '../store/people-list.ts';
import { targetStates } from '../store/target-state.ts';
import { add, type Program } from './command.ts';
import { CommandError, EXIT, unknownTarget } from './exit.ts';
import { progress } from './io.ts';
import { findPerson } from './person.ts';
import { planDeps } from './planning.ts';
import { rulesText } from './text.ts';

interface PlanOptions {
  readonly full?: boolean;
  readonly person?: string;
  readonly target?: string;
  readonly markdown?: boolean;
  readonly afterRecovery?: boolean;
}

/** `plan` */
export function addPlan(program: Program): void {
  add<PlanOptions>(program, program.root, {
    usage: 'plan',
    about: 'what would be done now, with its hash for apply; changes nothing',
    examples: ['plan', 'plan --person ann@example.com', 'plan --target strongdm --markdown > plan.md'],
    options: (command) =>
      command
        .option('--full', 'for everybody (as without --person)')
        .option('--person <person>', 'only for this person: id, user name, e-mail address or externalId')
        .option('--target <id>', 'only for this target')
        .option('--after-recovery', 'what would follow if a recovery of the store ended now')
        .option('--markdown', 'as Markdown, for a merge request'),
    run: async (context, options) => {
      const { targets } = context.settings();
      const ids = targets.map((target) => target.id);
      if (options.target !== undefined && !ids.includes(options.target)) {
        throw unknownTarget(options.target, ids);
      }
      if (options.full === true && options.person !== undefined) {
        throw new CommandError(EXIT.usage, '--full and --person exclude each other');
      }
      return context.withStore(async (store) => {
        const { person, target } = options;
        const persons = person === undefined ? undefined : [(await findPerson(store.db, person)).id];
        const shown = progress(context.io, 'planning');
        const deps = await planDeps(context, store, options);
        const plan = await planFull(deps, {
          save: true,
          actor: context.actor,
          ...(persons === undefined ? {} : { persons }),
          ...(target === undefined ? {} : { targets: [target] }),
        }).finally(() => shown.done());
        const { revision, commit } = deps.views().rules;
        const people = [...plan.steps, ...plan.holds, ...plan.findings].flatMap(({ person: id }) => id ?? []);
        const names = await namesOfPeople(store.db, [...new Set(people)]);
        const render = options.markdown === true ? renderMarkdown : renderPlan;
        const unread = await unreadTargets(store.db, target === undefined ? ids : [target]);
        const hint = unread.map(
          (id) => `Target ${id} was never read, so nothing is planned there: start the service.\n`,
        );
        const by = `${options.markdown === true ? '\n' : ''}Made by ${rulesText(revision, commit)}.\n`;
        return {
          json: { ...plan, rules: { revision, commit: commit ?? null } },
          text: [render(plan, { person: (id) => names.get(id) }), by, ...hint].join(''),
        };
      });
    },
  });
}

async function unreadTargets(db: Db, ids: readonly string[]): Promise<string[]> {
  const states = await targetStates(db);
  return ids.filter((id) => states.get(id)?.observedAt == null);
}

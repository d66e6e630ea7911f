import { type FullPlan, planFull } from '../jobs/index.ts';
import type { Plan, Step } from '../model/plan.ts';
import { renderMarkdown, renderPlan } from '../plan/render.ts';
import type { Db } from '../store/db.ts';
import { namesOfPeople } from '../store/people-list.ts';
import { firstSteps, orderedSteps, tallyOf } from '../store/plans.ts';
import { targetStates } from '../store/target-state.ts';
import { add, type Program } from './command.ts';
import { CommandError, EXIT, unknownTarget } from './exit.ts';
import { progress } from './io.ts';
import { readLimit } from './paging.ts';
import { findPerson } from './person.ts';
import { planDeps } from './planning.ts';
import { rulesText } from './text.ts';

interface PlanOptions {
  readonly full?: boolean;
  readonly person?: string;
  readonly target?: string;
  readonly markdown?: boolean;
  readonly afterRecovery?: boolean;
  readonly limit: string;
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
        .option('--limit <people>', 'show this many people; beyond that, what it comes to in all', String(SHOWN))
        .option('--markdown', 'as Markdown, for a merge request'),
    run: async (context, options) => {
      const limit = readLimit(options.limit, 'number of people', MOST);
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
          actor: context.actor,
          ...(persons === undefined ? {} : { persons }),
          ...(target === undefined ? {} : { targets: [target] }),
        }).finally(() => shown.done());
        const { revision, commit } = deps.views().rules;
        const rules = { revision, commit: commit ?? null };
        if (context.json) {
          await store.db.tx(async (tx) => {
            // Whoever reads it may be a person with a pager.
            await tx.rows({ text: 'set local idle_in_transaction_session_timeout = 0' });
            await context.io.stream(asJson(tx, plan, rules));
          });
          return undefined;
        }
        const some = await shownPart(store.db, plan, limit);
        const people = [...some.plan.steps, ...plan.holds, ...plan.findings].flatMap(({ person: id }) => id ?? []);
        const names = await namesOfPeople(store.db, [...new Set(people)]);
        const render = options.markdown === true ? renderMarkdown : renderPlan;
        const unread = await unreadTargets(store.db, target === undefined ? ids : [target]);
        const hint = unread.map(
          (id) => `Target ${id} was never read, so nothing is planned there: start the service.\n`,
        );
        const by = `${options.markdown === true ? '\n' : ''}Made by ${rulesText(revision, commit)}.\n`;
        return {
          json: undefined,
          text: [render(some.plan, { person: (id) => names.get(id) }, some.whole), by, ...hint].join(''),
        };
      });
    },
  });
}

/** People that a plan shows unless asked for more. */
const SHOWN = 1_000;
/** More than a person reads, and than a text should be. */
const MOST = 1_000_000;

/** What is printed of it; with `whole` where that is not all of it. */
async function shownPart(db: Db, plan: FullPlan, people: number) {
  const steps = (await firstSteps(db, plan.id, people)).map(plain);
  const shown: Plan = { ...plan, steps };
  const persons = plan.counts['persons'] ?? 0;
  if (persons <= people) return { plan: shown };
  return { plan: shown, whole: { persons, tally: await tallyOf(db, plan.id) } };
}

const plain = ({ target, person, basis, changes }: Step): Step => ({ target, person, basis, changes });

/** One JSON document, page by page: the steps in the order that the hash has them in. */
async function* asJson(db: Db, plan: FullPlan, rules: object): AsyncGenerator<string> {
  const { hash, holds, findings } = plan;
  yield `{\n  "hash": ${JSON.stringify(hash)},\n  "steps": [`;
  let first = true;
  for await (const page of orderedSteps(db, plan.id)) {
    const texts = page.map((step) => `\n    ${JSON.stringify(plain(step))}`);
    yield `${first ? '' : ','}${texts.join(',')}`;
    first = false;
  }
  yield `\n  ],\n  "holds": ${JSON.stringify(holds)},\n  "findings": ${JSON.stringify(findings)},\n`;
  yield `  "rules": ${JSON.stringify(rules)}\n}\n`;
}

async function unreadTargets(db: Db, ids: readonly string[]): Promise<string[]> {
  const states = await targetStates(db);
  return ids.filter((id) => states.get(id)?.observedAt == null);
}

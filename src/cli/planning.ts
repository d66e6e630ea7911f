import { loadViews, lostRules, withholdLostRules } from '../app/views.ts';
import { countProblems, renderProblem } from '../config/render.ts';
import type { PlanDeps } from '../jobs/index.ts';
import type { Store } from '../store/open.ts';
import { storeParts } from '../store/parts.ts';
import type { Context } from './context.ts';
import { CommandError, EXIT } from './exit.ts';

/** What planning in this process needs. Throws a CommandError (exit 2) with every problem of the rules. */
export async function planDeps(context: Context, store: Store): Promise<PlanDeps> {
  const { views, problems } = loadViews(context.settings(), context.document());
  if (views === undefined) {
    throw new CommandError(EXIT.usage, `the rules can't be used: ${countProblems(problems)}`, { problems });
  }
  const held = await withholdLostRules(views, () => storeParts.rules.everHadRules(store.db));
  if (held.withheld === true) context.io.err(`${renderProblem(lostRules(context.settings().rules), context.io.cwd)}\n`);
  return { db: store.db, store: storeParts, views: () => held, now: () => new Date() };
}

import { loadViews, lostRules, withholdLostRules } from '../app/views.ts';
import { countProblems, renderProblem } from '../config/render.ts';
import type { PlanDeps } from '../jobs/index.ts';
import type { Store } from '../store/open.ts';
import { storeParts } from '../store/parts.ts';
import { recoveryNow } from '../app/guardian.ts';
import { inRecovery } from '../app/recovery.ts';
import type { Problem } from '../model/rules.ts';
import type { Context } from './context.ts';
import { CommandError, EXIT } from './exit.ts';

/** What planning in this process needs; `afterRecovery`: as if a recovery had ended. Throws a CommandError (exit 2) with every problem of the rules. */
export async function planDeps(
  context: Context,
  store: Store,
  { afterRecovery = false }: { readonly afterRecovery?: boolean } = {},
): Promise<PlanDeps> {
  const { views, problems } = loadViews(context.settings(), context.document());
  if (views === undefined) {
    throw new CommandError(EXIT.usage, `the rules can't be used: ${countProblems(problems)}`, { problems });
  }
  const held = await withholdLostRules(views, () => storeParts.rules.everHadRules(store.db));
  const tell = (problem: Problem): void => context.io.err(`${renderProblem(problem, context.io.cwd)}\n`);
  if (held.withheld === true) tell(lostRules(context.settings().rules));
  const recovery = await recoveryNow(store.db, context.settings().witness);
  if (recovery !== undefined) tell(inRecovery(recovery));
  const guarded = recovery === undefined || afterRecovery ? held : { ...held, recovery };
  return { db: store.db, store: storeParts, views: () => guarded, now: () => new Date() };
}

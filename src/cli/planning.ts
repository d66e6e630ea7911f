import { existsSync } from 'node:fs';
import { type LoadedViews, loadViews, lostRules, withholdLostRules } from '../app/views.ts';
import { countProblems, renderProblem } from '../config/render.ts';
import type { PlanDeps } from '../jobs/index.ts';
import { openStore, type Store } from '../store/open.ts';
import { knownSources } from '../store/source-state.ts';
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
  const known = await knownSources(store.db);
  const { views, problems } = loadViews(context.settings(), context.document(), known);
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

/**
 * Settings' rules for a command that has no store open. Only where they can't be used as they stand the store is asked
 * which sources it knows: rules may name one that is not in the settings any more. `migrate`: bring it up to date.
 */
export async function loadViewsOf(context: Context, migrate: boolean): Promise<LoadedViews> {
  const settings = context.settings();
  const first = loadViews(settings, context.document());
  if (first.views !== undefined) return first;
  if (settings.store.kind === 'embedded' && !existsSync(settings.store.folder)) return first;
  try {
    const store = await openStore(settings.store, { migrate });
    try {
      return loadViews(settings, context.document(), await knownSources(store.db));
    } finally {
      await store.close();
    }
  } catch {
    // What is wrong with the store is told where it is needed; here the rules' problems are.
    return first;
  }
}

import { Failure } from '../model/failure.ts';
import type { Target } from '../targets/target.ts';
import { callTarget } from './call.ts';
import type { WorkDeps } from './deps.ts';

/**
 * Asks a target that was paused as broken whether it works again, and ends the pause if so. A pause by an operator
 * stays. Gives whether the target is open to work now.
 */
export async function probe(deps: WorkDeps, target: Target): Promise<boolean> {
  const { db, store } = deps;
  const state = (await store.targets.targetStates(db)).get(target.id);
  if (state?.pausedAt == null) return true;
  if (state.pausedBecause?.by !== 'broken') return false;
  try {
    await callTarget(deps.timing.call, deps.log, (signal) => target.check(signal));
  } catch (error) {
    if (error instanceof Failure) return false;
    throw error;
  }
  await db.tx(async (tx) => {
    if (!(await store.targets.resumeTarget(tx, target.id))) return;
    await store.events.appendEvents(tx, [{ actor: 'drawbridge', kind: 'target.resumed', target: target.id }]);
  });
  deps.log.info({ target: target.id }, 'a paused target works again');
  return true;
}

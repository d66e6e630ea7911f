import type { WorkDeps } from './deps.ts';
import type { Queue } from './queue.ts';

/** Lanes of one target that are in the queue at a time; the backlog stays in the store. */
const WINDOW = 512;
/** Urgent lanes go in beside a full window. */
const URGENT_WINDOW = 128;

/**
 * Puts what is due into the queue, for each target that is not paused: the urgent first, up to a window; where an operator
 * paused it, the urgent only. Gives how
 * many lanes went in. What the queue loses is due again after `timing.stale`.
 */
export async function dispatch(deps: WorkDeps, queue: Queue): Promise<number> {
  const { db, store, timing } = deps;
  const states = await store.targets.targetStates(db);
  let sent = 0;
  for (const target of deps.targets.keys()) {
    const state = states.get(target);
    const open = state === undefined ? 'all' : store.targets.openTo(state);
    if (open === 'nobody') continue;
    const enqueued = await store.work.countEnqueued(db, target, timing.stale);
    const room = open === 'all' ? WINDOW - enqueued : 0;
    const lanes = await store.work.takeDue(
      db,
      target,
      Math.max(room, URGENT_WINDOW),
      timing.stale,
      room < URGENT_WINDOW,
    );
    if (lanes.length > 0) await queue.enqueue(lanes);
    sent += lanes.length;
  }
  return sent;
}

import type { Target } from '../targets/target.ts';
import { backoffMs } from './backoff.ts';
import type { Bell } from './bell.ts';
import type { WorkDeps } from './deps.ts';
import { dispatch } from './dispatcher.ts';
import type { Planned } from './plan.ts';
import { planNext } from './planner.ts';
import { probe } from './probe.ts';
import type { Queue } from './queue.ts';

/** Waits after a failure at least this long, ms: jitter alone may be nothing. */
const FLOOR = 50;

const pause = (deps: WorkDeps, failures: number): number =>
  Math.max(FLOOR, backoffMs(failures, deps.random, { base: deps.timing.backoffBase, cap: 30_000 }));

/** Runs `turn` again and again until `signal`; it says how long to sleep. What it throws is logged, then waited out. */
export async function loop(
  deps: WorkDeps,
  signal: AbortSignal,
  bell: Bell,
  what: string,
  turn: () => Promise<number>,
): Promise<void> {
  let failures = 0;
  while (!signal.aborted) {
    let ms: number;
    try {
      ms = await turn();
      failures = 0;
    } catch (error) {
      if (signal.aborted) return;
      failures += 1;
      ms = pause(deps, failures);
      deps.log.error({ err: error, loop: what }, 'a loop of the service failed and goes on');
    }
    if (ms > 0) await bell.wait(ms, signal);
  }
}

/** Plans whatever is dirty or due: urgent things at once, ordinary ones after `timing.batch` of gathering. */
export function planLoop(
  deps: WorkDeps,
  signal: AbortSignal,
  bell: Bell,
  planned: (result: Planned) => void,
): Promise<void> {
  let gathered = true;
  return loop(deps, signal, bell, 'plan', async () => {
    if (!gathered) await bell.wait(deps.timing.batch, signal, true);
    await deps.store.due.markDue(deps.db, deps.now());
    gathered = (await planNext(deps, planned)) === 'more';
    return gathered ? 0 : deps.timing.poll;
  });
}

/** The store's clock may go back by this much without anybody caring, ms. */
const JITTER = 1_000;
/** The longest wait that is believed at the start, ms: a target may ask for that much. */
const LONGEST_WAIT = 3_600_000;

/**
 * Waits and leases are times of the store's clock. Where that goes back (set by hand, another machine's after a
 * failover), they would last longer by as much, and with them a block that somebody's leave asked for.
 */
export function clockLoop(deps: WorkDeps, signal: AbortSignal, bell: Bell, moved: () => void): Promise<void> {
  let ahead: number | undefined;
  return loop(deps, signal, bell, 'clock', async () => {
    const { clock } = deps.store;
    const now = (await clock.storeTime(deps.db)) - performance.now();
    if (ahead === undefined) {
      const bounded = await clock.boundWaits(deps.db, { leaseMs: deps.timing.lease, waitMs: LONGEST_WAIT });
      if (bounded > 0) moved();
    } else if (ahead - now > JITTER) {
      const lanes = await clock.followClock(deps.db, ahead - now);
      deps.log.warn({ backMs: Math.round(ahead - now), lanes }, "the store's clock went back: what waits follows it");
      moved();
    }
    ahead = now;
    return deps.timing.poll;
  });
}

/** Keeps the queue filled with what is due. */
export function dispatchLoop(deps: WorkDeps, signal: AbortSignal, bell: Bell, queue: Queue): Promise<void> {
  return loop(deps, signal, bell, 'dispatch', async () => {
    await dispatch(deps, queue);
    return deps.timing.poll;
  });
}

/** Observes a target on schedule, at the start first, and while it is paused as broken asks whether it works again. */
export function targetLoop(
  deps: WorkDeps,
  signal: AbortSignal,
  bell: Bell,
  target: Target,
  observe: () => Promise<boolean>,
  resumed: () => void,
): Promise<void> {
  let failures = 0;
  let due = 0;
  let paused = false;
  return loop(deps, signal, bell, `target ${target.id}`, async () => {
    if (!(await probe(deps, target))) {
      paused = true;
      failures += 1;
      return pause(deps, failures);
    }
    if (paused) {
      paused = false;
      failures = 0;
      resumed();
    }
    if (performance.now() >= due) {
      failures = (await observe()) ? 0 : failures + 1;
      due = performance.now() + (failures === 0 ? deps.timing.observeEvery : pause(deps, failures));
    }
    return Math.min(deps.timing.poll, Math.max(1, due - performance.now()));
  });
}

import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { PoolConfig } from 'pg';
import type { Db } from '../store/db.ts';
import type { StoreParts } from '../store/parts.ts';
import type { TargetState } from '../store/target-state.ts';
import type { Target } from '../targets/target.ts';
import { carryOut } from './apply.ts';
import { createBell } from './bell.ts';
import { bullQueue } from './bullmq.ts';
import { type Log, TIMING, type Timing, type Views, type WorkDeps } from './deps.ts';
import { clockLoop, dispatchLoop, planLoop, targetLoop } from './loops.ts';
import { verifyLoop } from './verify-loop.ts';
import { observeTarget } from './observe.ts';
import type { Planned } from './plan.ts';
import type { Queue } from './queue.ts';
import { createTurns } from './slots.ts';
import { workTogether } from './together.ts';

export type { Log, PlanDeps, Timing, Views } from './deps.ts';
export type { Queue, QueuedLane } from './queue.ts';
export { applyPlan, type AppliedPlan } from './apply-plan.ts';
export { planFull, type FullPlan, type FullPlanRequest } from './full.ts';
export { adopt, type AdoptionSaying } from './adopt.ts';
export { decide, type Decided, type Word } from './decide.ts';
export { type BrokenChain, lastVerified, type Verified, verifyAccess } from './verify.ts';
export type { Planned } from './plan.ts';
export { inlineQueue } from './inline.ts';

export interface JobsOptions {
  readonly db: Db;
  readonly store: StoreParts;
  readonly targets: ReadonlyMap<string, Target>;
  readonly views: () => Views;
  readonly log: Log;
  /** Names this process in leases. */
  readonly instance: string;
  /** Where lanes wait; by default BullMQ in the database of `postgres`. Closed with the jobs. */
  readonly queue?: Queue;
  readonly postgres?: PoolConfig;
  /** No other process works on this store: what an earlier one held or had queued is freed at once. */
  readonly alone?: boolean;
  /** Lanes of one target that are worked on at a time; as many urgent ones besides. */
  readonly concurrency?: number;
  readonly timing?: Partial<Timing>;
  readonly now?: () => Date;
  readonly random?: () => number;
  /** Is told of each plan that was made for what was dirty, and how long that took. For metrics. */
  readonly onPlanned?: (planned: Planned) => void;
}

export interface JobsStatus {
  /** Does this process plan and dispatch? One does, all work. */
  readonly leading: boolean;
  /** Lanes under work in this process. */
  readonly running: number;
  /** Something waits to be planned. */
  readonly dirty: boolean;
  readonly targets: ReadonlyArray<{
    readonly id: string;
    readonly state?: TargetState;
    readonly pending: number;
    readonly parked: number;
    readonly oldest: Date | null;
  }>;
}

export interface Jobs {
  /** Something was marked dirty, or became due; `urgent` when somebody left. Only shortens the wait. */
  wake(urgent?: boolean): void;
  /** Rules or settings may have changed: has everybody planned again if what plans rest on is not what it was. */
  rulesChanged(): Promise<void>;
  /** Resolves when nothing is dirty, due or under way at targets that are not paused, and each was observed or failed. */
  idle(): Promise<void>;
  /** Observes a target now. False when that failed; `status` says why. */
  refreshTarget(id: string): Promise<boolean>;
  status(): Promise<JobsStatus>;
  /** Stops taking work and waits for what is running, up to `timing.drain`. */
  close(): Promise<void>;
}

/** After this many lanes the queue is filled up again. */
const REFILL = 128;
/** Calls of one target that are under way at a time, and as many urgent ones. */
const CALLS = 16;

/** Starts planning and working. One process of those on the same store leads (plans, dispatches, observes); all work. */
export async function startJobs(options: JobsOptions): Promise<Jobs> {
  const { db, store, targets, log } = options;
  const planning = { ...options, now: options.now ?? (() => new Date()), timing: { ...TIMING, ...options.timing } };
  const line = (): WorkDeps => ({
    ...planning,
    random: options.random ?? Math.random,
    together: workTogether(planning),
    turns: createTurns(CALLS),
  });
  // Who left has a line of their own, and waits for no statement and no call of others.
  const [deps, urgently] = [line(), line()];
  if (options.alone === true) await store.work.freeLanes(db);
  const queue = options.queue ?? (await openQueue(options));
  const closing = new AbortController();
  const { signal } = closing;
  const planBell = createBell();
  const workBell = createBell();
  const observing = new Map<string, Promise<boolean>>();
  const observedOnce = new Set<string>();
  let leading = false;
  let running = 0;
  let ended = 0;

  const wake = (urgent = false) => {
    planBell.ring(urgent);
    if (urgent) workBell.ring(true);
  };

  const refreshTarget = (id: string): Promise<boolean> => {
    const target = targets.get(id);
    if (target === undefined) return Promise.reject(new Error(`there is no target ${id} in the settings`));
    const before = observing.get(id) ?? Promise.resolve(true);
    const mine = before
      .then(() => observeTarget(deps, target, signal))
      .then((failure) => {
        if (failure !== undefined) log.warn({ target: id, reason: failure.message }, 'a target could not be observed');
        return failure === undefined;
      })
      .finally(() => {
        observedOnce.add(id);
        if (observing.get(id) === mine) observing.delete(id);
        wake();
      });
    observing.set(id, mine);
    return mine;
  };

  const lead = async (lost: AbortSignal): Promise<void> => {
    const end = AbortSignal.any([signal, lost]);
    leading = true;
    try {
      const loops = [...targets.values()].map((target) =>
        targetLoop(
          deps,
          end,
          createBell(),
          target,
          () => refreshTarget(target.id),
          () => workBell.ring(),
        ),
      );
      const planned = planLoop(deps, end, planBell, (result) => {
        const { steps, urgent } = result;
        options.onPlanned?.(result);
        if (steps > 0) workBell.ring(urgent);
      });
      const clock = clockLoop(deps, end, createBell(), () => workBell.ring());
      const verified = verifyLoop(deps, end, createBell());
      await Promise.all([planned, clock, verified, dispatchLoop(deps, end, workBell, queue), ...loops]);
    } finally {
      leading = false;
    }
  };

  const leadWhenFree = async (): Promise<void> => {
    while (!signal.aborted) {
      const listen = { channel: 'drawbridge_wake', heard: (payload: string) => wake(payload === 'urgent') };
      await store.leases.holdLock(db, store.leases.LEADER, lead, listen).catch((error: unknown) => {
        if (!signal.aborted) log.warn({ err: error }, 'planning was interrupted and starts again');
      });
      if (!signal.aborted) await sleep(deps.timing.poll, undefined, { signal }).catch(() => undefined);
    }
  };

  const rulesChanged = async (): Promise<void> => {
    const views = deps.views();
    if (views.withheld !== true) {
      await store.rules.noteRevision(db, views.rules.revision, { rules: views.rules.rules.length });
    }
    if (await store.dirty.markAllIfNew(db, signatureOf(views))) wake();
  };

  await rulesChanged();
  await queue.onLane(async (lane) => {
    running += 1;
    try {
      if ((await carryOut(lane, lane.urgent ? urgently : deps)) === 'replan') planBell.ring();
    } finally {
      running -= 1;
      ended += 1;
      // Not at each lane: the window is large, and a look costs more than a lane.
      if (running === 0 || ended % REFILL === 0) workBell.ring();
    }
  });
  const leader = leadWhenFree();

  const quiet = async (): Promise<boolean> => {
    const seen = [...targets.keys()].every((id) => observedOnce.has(id) && !observing.has(id));
    if (!seen || running > 0 || (await store.dirty.anyDirty(db))) return false;
    return !(await store.work.anyDue(db, [...targets.keys()])) && !(await store.dirty.anyDirty(db));
  };

  return {
    wake,
    rulesChanged,
    refreshTarget,
    idle: async () => {
      while (!signal.aborted && !(await quiet())) await sleep(10);
    },
    status: async () => {
      const states = await store.targets.targetStates(db);
      const counts = new Map((await store.lanes.countWork(db)).map((row) => [row.target, row]));
      return {
        leading,
        running,
        dirty: await store.dirty.anyDirty(db),
        targets: [...targets.keys()].map((id) => {
          const { pending, parked, oldest } = counts.get(id) ?? { pending: 0, parked: 0, oldest: null };
          const state = states.get(id);
          return { id, pending, parked, oldest, ...(state === undefined ? {} : { state }) };
        }),
      };
    },
    close: async () => {
      closing.abort(new Error('the service is stopping'));
      await queue.close(deps.timing.drain);
      await Promise.allSettled(observing.values());
      await leader;
    },
  };
}

function openQueue({ postgres, targets, log, concurrency, alone }: JobsOptions): Promise<Queue> {
  if (postgres === undefined) throw new Error('startJobs needs a queue, or the connection to open one with');
  return bullQueue({
    postgres,
    targets: [...targets.keys()],
    log,
    ...(concurrency === undefined ? {} : { concurrency }),
    ...(alone === undefined ? {} : { alone }),
  });
}

/** Stands for all of settings and rules that plans rest on. */
function signatureOf({ rules, targets, guard, withheld, recovery }: Views): string {
  const seen = targets.map(({ profile, scope, ...rest }) => ({
    ...rest,
    ...(scope === undefined ? {} : { scope: scope.text }),
    profile: Object.fromEntries(Object.entries(profile).map(([name, expression]) => [name, expression?.text])),
  }));
  const held = [...(withheld === true ? ['withheld'] : []), ...(recovery === undefined ? [] : ['recovery'])];
  return createHash('sha256')
    .update(JSON.stringify([rules.revision, seen, guard.limits, [...guard.rehearsals].toSorted(), ...held]))
    .digest('hex');
}

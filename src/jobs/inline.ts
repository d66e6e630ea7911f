import { setTimeout as sleep } from 'node:timers/promises';
import type { Lane } from '../model/job.ts';
import type { Log } from './deps.ts';
import { laneOf } from './ground.ts';
import { LANES, type Queue, type QueuedLane } from './queue.ts';

interface Line {
  readonly urgent: boolean;
  readonly waiting: Map<string, Lane>;
  running: number;
}

/** A queue in this process' memory: for tests, benches, and one process that needs no other. */
export function inlineQueue(options: { readonly log: Log; readonly concurrency?: number }): Queue {
  const concurrency = options.concurrency ?? LANES;
  const lines = new Map<string, readonly [Line, Line]>();
  const paused = new Set<string>();
  const running = new Set<Promise<void>>();
  const active = new Set<string>();
  let handler: ((lane: QueuedLane) => Promise<void>) | undefined;
  const state = { closed: false };

  const linesOf = (target: string): readonly [Line, Line] => {
    const open = (urgent: boolean): Line => ({ urgent, waiting: new Map(), running: 0 });
    const found = lines.get(target) ?? [open(true), open(false)];
    lines.set(target, found);
    return found;
  };

  const next = ({ waiting }: Line): Lane | undefined => {
    for (const [key, lane] of waiting) {
      if (active.has(key)) continue;
      waiting.delete(key);
      return lane;
    }
    return undefined;
  };

  const run = async (line: Line, lane: Lane, handle: (lane: QueuedLane) => Promise<void>): Promise<void> => {
    const key = laneOf(lane);
    active.add(key);
    line.running++;
    try {
      await handle({ ...lane, urgent: line.urgent });
    } catch (error) {
      options.log.error({ err: error, target: lane.target }, 'working on a lane failed');
    } finally {
      active.delete(key);
      line.running--;
    }
  };

  const pump = (target: string): void => {
    if (handler === undefined || paused.has(target)) return;
    for (const line of linesOf(target)) {
      while (!state.closed && line.running < concurrency) {
        const lane = next(line);
        if (lane === undefined) break;
        const job = run(line, lane, handler);
        running.add(job);
        void job.finally(() => {
          running.delete(job);
          pump(target);
        });
      }
    }
  };
  const pumpAll = (): void => [...lines.keys()].forEach(pump);

  return {
    enqueue: async (lanes: readonly QueuedLane[]) => {
      for (const { urgent, ...lane } of lanes) {
        const [first, second] = linesOf(lane.target);
        (urgent ? first : second).waiting.set(laneOf(lane), lane);
      }
      // After the caller's turn, so that what it adds in one go is sorted by urgency before the first is handed out.
      setImmediate(pumpAll);
    },
    onLane: async (given) => {
      handler = given;
      pumpAll();
    },
    pause: async (target) => {
      paused.add(target);
    },
    resume: async (target) => {
      paused.delete(target);
      pump(target);
    },
    close: async (limitMs) => {
      state.closed = true;
      const limit = new AbortController();
      await Promise.race([
        Promise.all(running),
        sleep(limitMs, undefined, { signal: limit.signal }).catch(() => undefined),
      ]);
      limit.abort();
    },
  };
}

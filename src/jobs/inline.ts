import { setTimeout as sleep } from 'node:timers/promises';
import type { Lane } from '../model/job.ts';
import type { Log } from './deps.ts';
import { laneOf } from './ground.ts';
import type { Queue, QueuedLane } from './queue.ts';

interface Line {
  readonly urgent: Map<string, Lane>;
  readonly ordinary: Map<string, Lane>;
  running: number;
  paused: boolean;
}

/** A queue in this process' memory: for tests, benches, and one process that needs no other. */
export function inlineQueue(options: { readonly log: Log; readonly concurrency?: number }): Queue {
  const concurrency = options.concurrency ?? 16;
  const lines = new Map<string, Line>();
  const running = new Set<Promise<void>>();
  const active = new Set<string>();
  let handler: ((lane: Lane) => Promise<void>) | undefined;
  const state = { closed: false };

  const lineOf = (target: string): Line => {
    const line = lines.get(target) ?? { urgent: new Map(), ordinary: new Map(), running: 0, paused: false };
    lines.set(target, line);
    return line;
  };

  const next = (line: Line): Lane | undefined => {
    for (const waiting of [line.urgent, line.ordinary]) {
      for (const [key, lane] of waiting) {
        if (active.has(key)) continue;
        waiting.delete(key);
        return lane;
      }
    }
    return undefined;
  };

  const run = async (line: Line, lane: Lane, handle: (lane: Lane) => Promise<void>): Promise<void> => {
    const key = laneOf(lane);
    active.add(key);
    line.running++;
    try {
      await handle(lane);
    } catch (error) {
      options.log.error({ err: error, target: lane.target }, 'working on a lane failed');
    } finally {
      active.delete(key);
      line.running--;
    }
  };

  const pump = (line: Line): void => {
    if (handler === undefined) return;
    while (!state.closed && !line.paused && line.running < concurrency) {
      const lane = next(line);
      if (lane === undefined) return;
      const job = run(line, lane, handler);
      running.add(job);
      void job.finally(() => {
        running.delete(job);
        pump(line);
      });
    }
  };

  return {
    enqueue: async (lanes: readonly QueuedLane[]) => {
      for (const { urgent, ...lane } of lanes) {
        const line = lineOf(lane.target);
        (urgent ? line.urgent : line.ordinary).set(laneOf(lane), lane);
      }
      // After the caller's turn, so that what it adds in one go is sorted by urgency before the first is handed out.
      setImmediate(() => lines.forEach(pump));
    },
    onLane: async (given) => {
      handler = given;
      lines.forEach(pump);
    },
    pause: async (target) => {
      lineOf(target).paused = true;
    },
    resume: async (target) => {
      const line = lineOf(target);
      line.paused = false;
      pump(line);
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

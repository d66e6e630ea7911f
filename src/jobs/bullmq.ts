import {
  Queue as BullQueue,
  type Job,
  type PostgresConnectionOptions,
  Worker,
  createPostgresBackend,
  runMigrations,
} from 'bullmq';
import { Pool, type PoolConfig } from 'pg';
import type { Log } from './deps.ts';
import { LANES, type Queue, type QueuedLane } from './queue.ts';
import { createSlots, type Slots } from './slots.ts';

const SCHEMA = 'bullmq';
/** Lanes that one job carries: what BullMQ does for a job costs as much as working on some of them. */
const LOAD = 32;
/** Jobs of one queue that are in hand at a time. A slow lane keeps its job back, and no other one. */
const JOBS = 16;

/** Urgent lanes go alone, each at once, in a queue of their own that no load is in front of. */
const LINES = ['urgent', 'ordinary'] as const;
type Line = (typeof LINES)[number];

/** What a job says: names only. */
interface Load {
  readonly target: string;
  readonly persons: readonly string[];
}

export interface BullOptions {
  /** The store's database; the queue lies in a schema of its own there. */
  readonly postgres: PoolConfig;
  readonly targets: readonly string[];
  readonly log: Log;
  /** Lanes of one target that are worked on at a time; as many urgent ones besides. */
  readonly concurrency?: number;
  /** This process is the only one: what an earlier one left in the queue is thrown away. */
  readonly alone?: boolean;
}

/**
 * BullMQ on PostgreSQL, two queues a target, since pausing and rate limits are per queue. What it holds may be lost at
 * any time; so nothing is kept of finished jobs, and nothing is retried here: that is for the work rows.
 */
export async function bullQueue(options: BullOptions): Promise<Queue> {
  const { log } = options;
  const pool = new Pool({
    ...options.postgres,
    // No compiling of statements: see the store's own pool.
    options: `-c jit=off ${options.postgres.options ?? ''} -c search_path=${SCHEMA}`,
    // Besides the LISTEN connection that each worker keeps.
    max: 4 + LINES.length * options.targets.length,
    keepAlive: true,
    application_name: 'drawbridge-queue',
  });
  pool.setMaxListeners(0);
  const complain = (error: Error): void => log.warn({ err: error }, 'the queue reported an error');
  pool.on('error', complain);
  try {
    await prepare(pool, options.alone === true);
  } catch (error) {
    await pool.end();
    throw error;
  }

  // exactOptionalPropertyTypes refuses a pg.Pool in BullMQ's own description of one.
  const connection = pool as unknown as PostgresConnectionOptions;
  const lanes = options.concurrency ?? LANES;
  const lines = options.targets.flatMap((target) => LINES.map((line) => openLine(line, target, lanes, connection)));
  const ofTarget = (target: string) => lines.filter((line) => line.target === target);
  const workers: Array<ReturnType<typeof openWorker>> = [];
  for (const { queue } of lines) queue.on('error', complain);

  let closed: Promise<void> | undefined;
  const close = async (limitMs: number): Promise<void> => {
    for (const { slots } of lines) slots.close();
    // What still runs after the limit is left to its lease; BullMQ would wait for it for ever.
    await within(limitMs, Promise.all(workers.map((worker) => worker.close())));
    await Promise.all(lines.map(({ queue }) => queue.close()));
    await within(1_000, pool.end());
  };

  return {
    enqueue: async (given) => {
      for (const { line, target, queue } of lines) {
        const mine = given.filter((lane) => lane.target === target && lane.urgent === (line === 'urgent'));
        if (mine.length > 0) await queue.addBulk(toJobs(line, target, new Set(mine.map((lane) => lane.person))));
      }
    },
    onLane: async (handler) => {
      for (const line of lines) {
        const worker = openWorker(line, connection, async (lane) => {
          await handler(lane).catch((error: unknown) =>
            log.error({ err: error, target: lane.target }, 'working on a lane failed'),
          );
        });
        worker.on('error', complain);
        worker.on('failed', (_job, error) =>
          log.error({ err: error, target: line.target }, 'a job of the queue failed'),
        );
        workers.push(worker);
      }
      await Promise.all(workers.map((worker) => worker.waitUntilReady()));
    },
    pause: async (target) => void (await Promise.all(ofTarget(target).map(({ queue }) => queue.pause()))),
    resume: async (target) => void (await Promise.all(ofTarget(target).map(({ queue }) => queue.resume()))),
    close: (limitMs) => (closed ??= close(limitMs)),
  };
}

interface OpenLine {
  readonly line: Line;
  readonly target: string;
  readonly queue: ReturnType<typeof openQueue>;
  readonly slots: Slots;
}

const openQueue = (name: string, connection: PostgresConnectionOptions) =>
  new BullQueue(name, { connection, streams: { events: { maxLen: 100 } } }, createPostgresBackend);

function openLine(line: Line, target: string, lanes: number, connection: PostgresConnectionOptions): OpenLine {
  return { line, target, queue: openQueue(queueName(line, target), connection), slots: createSlots(lanes) };
}

const openWorker = (
  { line, target, queue, slots }: OpenLine,
  connection: PostgresConnectionOptions,
  handle: (lane: QueuedLane) => Promise<void>,
) =>
  new Worker(
    queueName(line, target),
    async (job: Job<Load>) => {
      const { target: of, persons } = job.data;
      const urgent = line === 'urgent';
      const done = await Promise.all(
        persons.map((person) => slots.within(() => handle({ target: of, person, urgent }))),
      );
      // What was not begun before closing is for another process.
      const left = persons.filter((_person, i) => done[i] === false);
      if (left.length > 0) await queue.addBulk(toJobs(line, target, new Set(left)));
    },
    {
      connection,
      concurrency: line === 'urgent' ? slots.count : Math.min(slots.count, JOBS),
      removeOnComplete: { count: 0 },
      removeOnFail: { count: 0 },
      // Processes that are killed again and again must not fail the job.
      maxStalledCount: 1_000_000,
      drainDelay: 2,
      runRetryDelay: 1_000,
    },
    createPostgresBackend,
  );

/** A queue's name holds no colon. */
const queueName = (line: Line, target: string): string =>
  `${line === 'urgent' ? 'urgent' : 'work'}-${target.replaceAll(':', '-')}`;

/**
 * Urgent lanes alone, ordinary ones in loads. A lane that is a job of its own waits once, and once more while it is
 * being worked on; in a load nobody looks for it: to lease a lane where nothing is due costs next to nothing.
 */
function toJobs(line: Line, target: string, persons: ReadonlySet<string>) {
  const all = [...persons];
  const size = line === 'urgent' ? 1 : LOAD;
  const loads = Array.from({ length: Math.ceil(all.length / size) }, (_, i) => all.slice(i * size, (i + 1) * size));
  return loads.map((load) => ({
    name: 'lanes',
    data: { target, persons: load },
    opts: {
      ...(load.length > 1 ? {} : { deduplication: { id: `lane-${load.join()}`, keepLastIfActive: true } }),
      removeOnComplete: true,
      removeOnFail: true,
    },
  }));
}

async function prepare(pool: Pool, empty: boolean): Promise<void> {
  const client = await pool.connect();
  try {
    await runMigrations(client as never, SCHEMA);
    if (empty) await client.query('truncate job, dedup, dedup_next, event, meta, rate_limit, job_dependency, job_log');
  } finally {
    client.release();
  }
}

async function within(ms: number, work: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  await Promise.race([work, new Promise((resolve) => (timer = setTimeout(resolve, ms)))]);
  clearTimeout(timer);
}

import {
  Queue as BullQueue,
  type Job,
  type PostgresConnectionOptions,
  Worker,
  createPostgresBackend,
  runMigrations,
} from 'bullmq';
import { Pool, type PoolConfig } from 'pg';
import type { Lane } from '../model/job.ts';
import type { Log } from './deps.ts';
import type { Queue, QueuedLane } from './queue.ts';

const SCHEMA = 'bullmq';
/** BullMQ hands out the smaller number first. */
const PRIORITY = { urgent: 1, ordinary: 10 };

export interface BullOptions {
  /** The store's database; the queue lies in a schema of its own there. */
  readonly postgres: PoolConfig;
  readonly targets: readonly string[];
  readonly log: Log;
  /** Lanes of one target that are worked on at a time. */
  readonly concurrency?: number;
  /** This process is the only one: what an earlier one left in the queue is thrown away. */
  readonly alone?: boolean;
}

/**
 * BullMQ on PostgreSQL, one queue a target, since pausing and rate limits are per queue. What it holds may be lost at
 * any time; so nothing is kept of finished jobs, and nothing is retried here: that is for the work rows.
 */
export async function bullQueue(options: BullOptions): Promise<Queue> {
  const { log } = options;
  const pool = new Pool({
    ...options.postgres,
    // No compiling of statements: see the store's own pool.
    options: `-c jit=off ${options.postgres.options ?? ''} -c search_path=${SCHEMA}`,
    // Besides the LISTEN connection that each worker keeps.
    max: 4 + options.targets.length,
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
  const queues = new Map(options.targets.map((target) => [target, openQueue(target, connection)]));
  const workers = new Map<string, ReturnType<typeof openWorker>>();
  for (const queue of queues.values()) queue.on('error', complain);

  let closed: Promise<void> | undefined;
  const close = async (limitMs: number): Promise<void> => {
    // What still runs after the limit is left to its lease; BullMQ would wait for it for ever.
    await within(limitMs, Promise.all([...workers.values()].map((worker) => worker.close())));
    await Promise.all([...queues.values()].map((queue) => queue.close()));
    await within(1_000, pool.end());
  };

  return {
    enqueue: async (lanes) => {
      for (const [target, some] of Map.groupBy(lanes, (lane) => lane.target)) {
        await queues.get(target)?.addBulk(some.map(toJob));
      }
    },
    onLane: async (handler) => {
      for (const target of queues.keys()) {
        const worker = openWorker(target, connection, handler, options.concurrency ?? 16);
        worker.on('error', complain);
        worker.on('failed', (_job, error) => log.error({ err: error, target }, 'working on a lane failed'));
        workers.set(target, worker);
      }
      await Promise.all([...workers.values()].map((worker) => worker.waitUntilReady()));
    },
    pause: async (target) => queues.get(target)?.pause(),
    resume: async (target) => queues.get(target)?.resume(),
    close: (limitMs) => (closed ??= close(limitMs)),
  };
}

const openQueue = (target: string, connection: PostgresConnectionOptions) =>
  new BullQueue(queueName(target), { connection, streams: { events: { maxLen: 100 } } }, createPostgresBackend);

const openWorker = (
  target: string,
  connection: PostgresConnectionOptions,
  handler: (lane: Lane) => Promise<void>,
  concurrency: number,
) =>
  new Worker(
    queueName(target),
    async (job: Job<Lane>) => handler(job.data),
    {
      connection,
      concurrency,
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
const queueName = (target: string): string => `work-${target.replaceAll(':', '-')}`;

/**
 * One waiting job for a lane, and one more for it while that is being worked on. An urgent one is told apart, or it
 * would be taken for the ordinary one that waits already, far behind.
 */
function toJob({ urgent, target, person }: QueuedLane) {
  const line = urgent ? 'urgent' : 'ordinary';
  return {
    name: 'lane',
    data: { target, person },
    opts: {
      priority: PRIORITY[line],
      deduplication: { id: `${line}-${person}`, keepLastIfActive: true },
      removeOnComplete: true,
      removeOnFail: true,
    },
  };
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

import { setTimeout as sleep } from 'node:timers/promises';
import type { Log } from '../log.ts';
import type { Correlator } from '../model/correlation.ts';
import { beginRebuild, othersEnded, rebuildPage } from '../store/correlation/rebuild.ts';
import { reviewCases } from '../store/correlation/review.ts';
import { countCases } from '../store/correlation/case-list.ts';
import { correlationState, signatureOf } from '../store/correlation/state.ts';
import type { Db } from '../store/db.ts';
import { holdLock, LEADER } from '../store/lease.ts';

/** How records are correlated while the service runs. */
export interface Correlation {
  /** By the settings of now. */
  now(): Correlator | undefined;
  /** Goes by these settings from now on. */
  follow(correlator: Correlator | undefined): void;
  close(): Promise<void>;
}

export interface CorrelationOptions {
  readonly db: Db;
  readonly log: Log;
  /** Somebody was linked and has to be planned. */
  readonly wake: () => void;
  /** Between two looks at open cases. Milliseconds. */
  readonly reviewEvery?: number;
}

const REVIEW_EVERY = 10_000;
const RETRY = 5_000;

/**
 * Follows the settings: when they correlate otherwise than before, all records are looked at anew in the background, page
 * by page; stopped at any point it goes on there. Nobody's request waits for that, records that are new meanwhile find
 * their persons with it. Besides, looks again at the cases that are open: many clear by themselves.
 */
export async function startCorrelation(
  first: Correlator | undefined,
  options: CorrelationOptions,
): Promise<Correlation> {
  const { db, log } = options;
  const closing = new AbortController();
  const { signal } = closing;
  let current = first;
  let changed = new AbortController();
  // By the settings from before nothing must be decided any more: only when that is noted may the service begin.
  let begun = first;
  let rebuilding = await beginRebuild(db, first);
  let after: string | undefined;

  const pause = (ms: number): Promise<void> =>
    sleep(ms, undefined, { signal: AbortSignal.any([signal, changed.signal]) }).catch(() => undefined);

  const rebuild = async (): Promise<void> => {
    const by = current;
    log.info({}, 'records are being correlated anew, since the settings for that changed');
    await othersEnded(db, async () => {
      await pause(50);
      signal.throwIfAborted();
    });
    while (!signal.aborted && current === by && (await rebuildPage(db, by, new Date()))) options.wake();
    if (signal.aborted || current !== by) return;
    rebuilding = false;
    const cases = await countCases(db);
    const say = cases > 0 ? 'warn' : 'info';
    log[say]({ cases }, 'all records are correlated by the settings of now; what is open: drawbridge cases list');
  };

  const turn = async (): Promise<void> => {
    changed = new AbortController();
    if (begun !== current) {
      const next = current;
      rebuilding = await beginRebuild(db, next);
      begun = next;
    }
    if (rebuilding) return rebuild();
    const seen = current === undefined ? { cleared: 0 } : await reviewCases(db, current, new Date(), after);
    after = 'last' in seen ? seen.last : undefined;
    if (seen.cleared > 0) {
      log.info({ cases: seen.cleared }, 'cases were cleared by what happened since');
      options.wake();
    }
    await pause(options.reviewEvery ?? REVIEW_EVERY);
  };

  const loop = async (): Promise<void> => {
    while (!signal.aborted) {
      await turn().catch(async (error: unknown) => {
        if (signal.aborted) return;
        log.error({ err: error }, 'correlating records failed and is tried again');
        await pause(RETRY);
      });
    }
  };
  const looping = loop();

  return {
    now: () => current,
    follow: (correlator) => {
      if (signatureOf(correlator) === signatureOf(current)) return;
      current = correlator;
      changed.abort();
    },
    close: async () => {
      closing.abort();
      await looping;
    },
  };
}

/**
 * For a command that correlates: by the settings of its file. Where nobody serves the store, records are looked at anew
 * first if they have to be. False when a running service goes by other settings.
 */
export async function correlateBy(db: Db, correlator: Correlator | undefined): Promise<boolean> {
  const isSame = async (): Promise<boolean> => (await correlationState(db)).signature === signatureOf(correlator);
  if (await isSame()) return true;
  const alone = await holdLock(db, LEADER, async () => {
    await beginRebuild(db, correlator);
    while (await rebuildPage(db, correlator, new Date()));
  });
  return alone || isSame();
}

import type { Failure } from '../model/failure.ts';
import type { Settlement, WorkError } from '../store/held-lanes.ts';
import { backoffMs } from './backoff.ts';
import type { WorkDeps } from './deps.ts';

/** A failure as it is kept and shown. */
export function asError(failure: Failure, now: Date): WorkError {
  return {
    kind: failure.verdict.kind,
    message: failure.message,
    ...(failure.remedy === undefined ? {} : { remedy: failure.remedy }),
    at: now.toISOString(),
  };
}

/**
 * What becomes of a lane after a failure, by its verdict: parked with the remedy, tried again after a while, or, where
 * the world is not as planned, planned again after a while. `broken` costs the lane no attempt: it is the target that
 * is paused.
 */
export function afterFailure(deps: WorkDeps, attempts: number, failure: Failure): Settlement {
  const { verdict } = failure;
  const error = asError(failure, deps.now());
  const { backoffBase: base, backoffCap: cap } = deps.timing;
  switch (verdict.kind) {
    case 'refused':
      return { state: 'parked', step: 'refused', attempts: attempts + 1, error };
    case 'broken':
      return { state: 'pending', attempts, error };
    case 'moved':
      return {
        state: 'pending',
        step: 'moved',
        dropStep: true,
        planAgain: true,
        attempts: attempts + 1,
        waitMs: backoffMs(attempts + 1, deps.random, { base, cap }),
        error,
      };
    case 'retry':
    case 'doubtful': {
      const afterMs = verdict.kind === 'retry' ? (verdict.afterMs ?? 0) : 0;
      return {
        state: 'pending',
        attempts: attempts + 1,
        waitMs: backoffMs(attempts + 1, deps.random, { base, cap, afterMs }),
        error,
      };
    }
  }
}

/** Pauses the target over a `broken`; the first to say so writes the event and the one log line. */
export async function pauseBroken(deps: WorkDeps, target: string, failure: Failure): Promise<void> {
  const reason = {
    by: 'broken' as const,
    message: failure.message,
    ...(failure.remedy === undefined ? {} : { remedy: failure.remedy }),
  };
  const first = await deps.db.tx(async (tx) => {
    const paused = await deps.store.targets.pauseTarget(tx, target, reason);
    if (paused) {
      const event = { actor: 'drawbridge', kind: 'target.paused', target, detail: { ...reason } };
      await deps.store.events.appendEvents(tx, [event]);
    }
    return paused;
  });
  if (first) deps.log.error({ target, ...reason }, 'a target is paused: its credentials or settings do not work');
}

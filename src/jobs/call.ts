import { Failure } from '../model/failure.ts';
import type { Log } from './deps.ts';

/**
 * One call of a target, ended after `ms` at the latest. Throws nothing but `Failure`: a call that ran out of time is
 * `doubtful`, since it may have been done; what a target should never throw is logged and counts as `retry`.
 */
export async function callTarget<T>(ms: number, log: Log, call: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const limit = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      const failure = new Failure({ kind: 'doubtful' }, `no answer within ${ms} ms`, {
        remedy: 'Nothing: it is read back and tried again. If it lasts, see whether the target is slow or unreachable.',
      });
      limit.abort(failure);
      // A turn later, so that a call that honours the signal may say itself how it ended.
      setImmediate(reject, failure);
    }, ms);
  });
  try {
    return await Promise.race([call(limit.signal), late]);
  } catch (error) {
    if (error instanceof Failure) throw error;
    if (limit.signal.aborted) throw limit.signal.reason;
    log.error({ err: error }, 'a target threw something that is no Failure');
    const message = error instanceof Error ? error.message : String(error);
    throw new Failure({ kind: 'retry' }, `unexpected: ${message}`, { cause: error });
  } finally {
    clearTimeout(timer);
  }
}

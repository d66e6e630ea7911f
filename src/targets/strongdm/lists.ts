import { setTimeout as sleep } from 'node:timers/promises';
import { Failure } from '../../model/failure.ts';

const ATTEMPTS = 5;
const FIRST_WAIT_MS = 100;
const LONGEST_WAIT_MS = 65_000;

export type Patience = 'none' | 'wait';

/** One page: its items, and the cursor of the next one; empty when this was the last. */
export interface Page<T> {
  readonly items: readonly T[];
  readonly next: string;
}

/**
 * Every item of a list, page by page. An empty page with a cursor does not end it. With patience, a page that fails for
 * a passing reason is asked for again with the same cursor: for long lists, while a look-up is left to the queue. Throws a `Failure` when the list can't be read to its end, so what
 * came is whole exactly when no error came.
 */
export async function* eachPage<T>(
  fetch: (cursor: string) => Promise<Page<T>>,
  patience: Patience,
  signal: AbortSignal,
): AsyncGenerator<T> {
  const seen = new Set<string>();
  let cursor = '';
  for (;;) {
    const page = patience === 'none' ? await fetch(cursor) : await withPatience(() => fetch(cursor), signal);
    yield* page.items;
    if (page.next === '') return;
    if (seen.has(page.next)) {
      throw new Failure({ kind: 'retry' }, 'a list at StrongDM does not end: a cursor came twice');
    }
    seen.add(page.next);
    cursor = page.next;
  }
}

async function withPatience<T>(fetch: () => Promise<T>, signal: AbortSignal): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await fetch();
    } catch (error) {
      if (!(error instanceof Failure) || error.verdict.kind !== 'retry' || attempt === ATTEMPTS) throw error;
      const wait = error.verdict.afterMs ?? FIRST_WAIT_MS * 2 ** (attempt - 1) * (0.5 + Math.random());
      if (wait > LONGEST_WAIT_MS) throw error;
      await sleep(wait, undefined, { signal }).catch(() => signal.throwIfAborted());
    }
  }
}

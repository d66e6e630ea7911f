import { GRACE } from '../mapping/standing.ts';
import type { StoredReading } from '../store/readings.ts';
import { type ReadDeps, readLock } from './read.ts';

/** Why a reading can't be accepted, and what to do instead. */
export interface NotAccepted {
  readonly because: string;
  readonly remedy: string;
}

/**
 * Takes one reading as sealed that only counts, shrinking or a canary kept back: what it lacks counts as missing, with
 * all the grace that this has. Only the newest reading of its source, so that nothing older comes over something newer.
 */
export async function acceptReading(
  deps: Pick<ReadDeps, 'db' | 'store' | 'now' | 'correlator'>,
  request: { readonly source: string; readonly reading: number; readonly actor: string; readonly reason: string },
): Promise<StoredReading | NotAccepted> {
  const { db, store } = deps;
  let result: StoredReading | NotAccepted = {
    because: `the source ${request.source} is being read at this moment`,
    remedy: 'Wait for that reading, and look at what it came to: drawbridge sources show.',
  };
  await store.leases.holdLock(db, readLock(request.source), async () => {
    result = await acceptLocked(deps, request);
  });
  return result;
}

async function acceptLocked(
  { db, store, now, correlator }: Pick<ReadDeps, 'db' | 'store' | 'now' | 'correlator'>,
  { source, reading: id, actor, reason }: Parameters<typeof acceptReading>[1],
): Promise<StoredReading | NotAccepted> {
  const again = `Read it again: drawbridge sources refresh ${source} --full`;
  const found = await store.readings.readingToAccept(db, id);
  if (found === undefined || found.source !== source) {
    return { because: `${source} has no reading ${id}`, remedy: `See its readings: drawbridge sources show ${source}` };
  }
  if (found.state !== 'unsealed') return { because: `reading ${id} is ${found.state}, not unsealed`, remedy: again };
  if (found.keptBack.includes('source')) {
    return {
      because: `reading ${id} is not whole (${found.because ?? ''}): only counts, shrinking and canaries can be accepted`,
      remedy: again,
    };
  }
  if (!found.newest) return { because: `reading ${id} is not the newest of ${source} any more`, remedy: again };
  if (!found.staged || (await store.readings.countStaged(db, id)) === 0) {
    return { because: `what reading ${id} saw is not kept any more`, remedy: again };
  }
  await db.tx(async (tx) => {
    await store.readings.admitReading(tx, {
      correlator: correlator?.(),
      reading: id,
      source,
      scope: found.scope ?? 'full',
      covers: found.covers,
      canaries: [],
      grace: GRACE,
      cursor: found.cursor ?? undefined,
      cursorScope: found.cursorScope ?? '',
      startedAt: found.startedAt,
      now: now(),
      actor,
      judge: () => ({ sealed: true }),
    });
    await store.readings.markAccepted(tx, id);
    await store.events.appendEvents(tx, [
      { actor, kind: 'reading.accepted', source, object: String(id), detail: { reason, because: found.because } },
    ]);
  });
  await store.readings.forgetStaged(db, source);
  await store.ripening.ripenMissing(db, now());
  const [stored] = await store.readings.listReadings(db, source, 1);
  return stored ?? { because: 'the reading is gone', remedy: again };
}

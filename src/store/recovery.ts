import type { Db } from './db.ts';
import { markAll } from './dirty.ts';
import { appendEvents } from './events.ts';
import type { Recovery } from '../model/recovery.ts';

const KEY = 'recovery';
/** When an operator last said that the store is right as it is: witnesses from before that count for nothing. */
const CONFIRMED = 'recovered';

/** Is the store in recovery, and why? */
export async function recoveryOf(db: Db): Promise<Recovery | undefined> {
  const row = await db.row<{ value: Recovery }>({
    name: 'recovery-of',
    text: `select value from meta where key = '${KEY}'`,
  });
  return row?.value;
}

/** Puts the store into recovery, with an event. One that is in recovery already keeps its reason. Gives what holds. */
export async function beginRecovery(db: Db, because: string, actor = 'drawbridge'): Promise<Recovery> {
  return db.tx(async (tx) => {
    const fresh = await tx.row<{ value: Recovery }>({
      text: `insert into meta (key, value) values ('${KEY}', jsonb_build_object('because', $1::text, 'since', now()))
        on conflict (key) do nothing returning value`,
      values: [because],
    });
    if (fresh !== undefined) {
      await appendEvents(tx, [{ actor, kind: 'store.recovery', detail: { because } }]);
      return fresh.value;
    }
    const held = await recoveryOf(tx);
    if (held === undefined) throw new Error('a recovery ended while it began');
    return held;
  });
}

/**
 * An operator says that the store is right as it is: the recovery ends, with an event, and everybody is planned again.
 * Gives what ended; undefined when there was none.
 */
export async function endRecovery(db: Db, actor: string, reason: string): Promise<Recovery | undefined> {
  return db.tx(async (tx) => {
    const ended = await tx.row<{ value: Recovery }>({
      text: `delete from meta where key = '${KEY}' returning value`,
    });
    if (ended === undefined) return undefined;
    await tx.rows({
      text: `insert into meta (key, value) values ('${CONFIRMED}', to_jsonb(now()))
        on conflict (key) do update set value = excluded.value`,
    });
    const detail = { reason, because: ended.value.because, since: ended.value.since };
    await appendEvents(tx, [{ actor, kind: 'store.recovered', detail }]);
    await markAll(tx);
    return ended.value;
  });
}

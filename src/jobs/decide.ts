import type { Decision } from '../model/guard.ts';
import type { Db } from '../store/db.ts';
import type { HoldTerm, StoredHold } from '../store/holds.ts';
import type { StoreParts } from '../store/parts.ts';

/** How long an approval holds for what is not carried out yet. Milliseconds. */
export const APPROVAL_MS = 86_400_000;

export interface Word {
  readonly state: Decision;
  /** Ids of holds or hashes of plans, or what they begin with. */
  readonly names: readonly string[];
  readonly terms: readonly HoldTerm[];
  readonly actor: string;
  readonly reason: string;
  readonly ticket?: string | undefined;
}

export interface Decided {
  /** What this word changed; a hold that was decided so before is not in here. */
  readonly holds: readonly StoredHold[];
  readonly found: number;
  /** Names that stand for no hold. */
  readonly unknown: readonly string[];
}

/**
 * Writes an operator's word on holds, with an event for each, and has their people planned again. All or nothing: when
 * a name stands for nothing, nothing is decided.
 */
export async function decide(store: StoreParts, db: Db, word: Word): Promise<Decided> {
  return db.tx(async (tx) => {
    await store.leases.oneAtATime(tx, 'plan');
    const { ids, unknown } = await store.holds.chooseHolds(tx, word.names, word.terms);
    if (unknown.length > 0 || ids.length === 0) return { holds: [], found: ids.length, unknown };
    const { state, actor, reason, ticket } = word;
    const forMs = state === 'approved' ? { forMs: APPROVAL_MS } : {};
    const holds = await store.holds.decideHolds(tx, ids, { state, by: actor, reason, ticket, ...forMs });
    await store.events.appendEvents(
      tx,
      holds.map(({ id, person, target, item, op, plan, because }) => ({
        actor,
        kind: `hold.${state}`,
        person,
        target,
        object: item,
        detail: { hold: id, op, plan, because, reason, ...(ticket !== undefined && { ticket }) },
      })),
    );
    await store.dirty.markDirty(tx, [...new Set(holds.map((hold) => hold.person))]);
    if (state === 'approved') await endBursts(store, tx, word, holds);
    return { holds, found: ids.length, unknown };
  });
}

/** All that was held of a burst is approved: then it was meant, and its source may have as many leave again as usual. */
async function endBursts(
  store: StoreParts,
  tx: Db,
  { actor, reason }: Word,
  holds: readonly StoredHold[],
): Promise<void> {
  const sources = [...new Set(holds.flatMap(({ change }) => change.burst ?? []))];
  const ended = await store.bursts.endBursts(tx, sources);
  await store.events.appendEvents(
    tx,
    ended.map((source) => ({ actor, kind: 'burst.approved', source, detail: { reason } })),
  );
}

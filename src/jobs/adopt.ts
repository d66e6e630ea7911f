import type { AdoptionWord } from '../model/adoption.ts';
import type { AdoptionKey } from '../store/adoptions.ts';
import type { Db } from '../store/db.ts';
import type { StoreParts } from '../store/parts.ts';

export interface AdoptionSaying {
  readonly keys: readonly AdoptionKey[];
  readonly word: AdoptionWord;
  readonly actor: string;
  readonly reason: string;
  readonly ticket?: string | undefined;
}

/**
 * Writes an operator's word on accounts, with an event for each, and has their people planned again, in one transaction.
 * Gives those of which it was not said already.
 */
export async function adopt(store: StoreParts, db: Db, saying: AdoptionSaying): Promise<AdoptionKey[]> {
  const { keys, word, actor, reason, ticket } = saying;
  return db.tx(async (tx) => {
    const said = await store.adoptions.sayOfAdoptions(tx, keys, { word, by: actor, reason, ticket });
    await store.events.appendEvents(
      tx,
      said.map(({ target, accountId, person }) => ({
        actor,
        kind: `adoption.${word}`,
        person,
        target,
        object: accountId,
        detail: { reason, ...(ticket !== undefined && { ticket }) },
      })),
    );
    await store.dirty.markDirty(tx, [...new Set(said.map((one) => one.person))]);
    return said;
  });
}

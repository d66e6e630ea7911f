import { setTimeout as sleep } from 'node:timers/promises';
import { type BrokenChain, brokenChains } from '../plan/chain.ts';
import type { Db } from '../store/db.ts';
import { BATCH, type PlanDeps } from './deps.ts';
import { laneOf, readGround, readWanted } from './ground.ts';

export type { BrokenChain } from '../plan/chain.ts';

/** What the last look at all access came to. Kept in the store. */
export interface Verified {
  /** ISO 8601. */
  readonly at: string;
  readonly persons: number;
  /** People who waited to be planned and were left out. */
  readonly skipped: number;
  /** Accounts, role attachments and aliases that we gave and that were looked at. */
  readonly items: number;
  readonly broken: number;
}

const META = 'verified';

/** The last complete look; undefined before the first one. */
export async function lastVerified({ db, store }: Pick<PlanDeps, 'db' | 'store'>): Promise<Verified | undefined> {
  return (await store.meta.getMeta(db, META)) as Verified | undefined;
}

/**
 * Looks at everything that we gave: does it lead back to a record, a rule, a plan and an answer of the target, or is it
 * about to go? Reads batch by batch, each on a snapshot of its own; changes nothing but the note of when it was.
 * `gently`: rests as long as it worked. People who wait to be planned are left out: of them nothing can be told yet.
 */
export async function verifyAccess(
  deps: PlanDeps,
  tell: (chain: BrokenChain) => void,
  { signal, gently = false }: { readonly signal?: AbortSignal; readonly gently?: boolean } = {},
): Promise<Verified> {
  const { db, store } = deps;
  const at = deps.now().toISOString();
  let [persons, skipped, items, broken] = [0, 0, 0, 0];
  for (let after: string | undefined; ;) {
    signal?.throwIfAborted();
    const begun = performance.now();
    const ids = await store.chain.ownersAfter(db, after, BATCH);
    after = ids.at(-1);
    if (after === undefined) break;
    const found = await db.tx((tx) => verifyPersons(deps, tx, ids), { isolation: 'repeatable read' });
    persons += found.persons;
    skipped += ids.length - found.persons;
    items += found.items;
    broken += found.broken.length;
    for (const chain of found.broken) tell(chain);
    if (gently) await sleep(performance.now() - begun, undefined, signal === undefined ? {} : { signal });
  }
  const verified = { at, persons, skipped, items, broken };
  await store.meta.setMeta(db, META, verified);
  return verified;
}

async function verifyPersons(deps: PlanDeps, tx: Db, all: readonly string[]) {
  const { store } = deps;
  const dirty = await store.chain.dirtyOf(tx, all);
  const ids = all.filter((id) => !dirty.has(id));
  const ground = await readGround(deps, tx);
  const { people } = await readWanted(store, tx, ground, ids);
  const ledger = Map.groupBy(await store.ledger.ledgerOf(tx, ids), laneOf);
  const traces = new Map((await store.chain.tracesOf(tx, ids)).map((t) => [`${laneOf(t)}\n${t.item}`, t]));
  const held = Map.groupBy(await store.chain.heldOf(tx, ids), laneOf);
  const open = new Map((await store.plans.openSteps(tx, ids)).map((step) => [laneOf(step), step.changes]));
  const { withheld, recovery } = ground.views;
  const broken: BrokenChain[] = [];
  let items = 0;
  for (const { person, wanted } of people) {
    for (const { id: target, mode } of ground.targets) {
      const lane = laneOf({ target, person: person.id });
      const rows = ledger.get(lane) ?? [];
      if (rows.length === 0) continue;
      items += rows.filter((row) => row.confirmed).length;
      broken.push(
        ...brokenChains({
          person,
          target,
          rows,
          wanted: wanted.desired.get(target)?.items ?? new Map(),
          undecided: wanted.undecided.get(target) ?? new Set(),
          kept:
            mode !== 'full' ||
            wanted.outside?.has(target) === true ||
            person.frozen !== undefined ||
            recovery !== undefined ||
            (withheld === true && person.life !== 'left'),
          open: [...(open.get(lane) ?? []), ...(held.get(lane) ?? [])],
          trace: (item) => traces.get(`${lane}\n${item}`) ?? { planned: false, answered: false },
        }),
      );
    }
  }
  return { persons: people.length, items, broken };
}

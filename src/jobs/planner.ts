import type { DirtyRow } from '../store/dirty.ts';
import { BATCH, type PlanDeps } from './deps.ts';
import { type Planned, planBatch } from './plan.ts';

/** Memberships of a deleted group that are removed at a time. */
const CHUNK = 10_000;

/**
 * Takes what is dirty, the urgent first, and plans up to `BATCH` persons of it. `more` when there may be more to do at
 * once, `idle` when nothing was dirty. Only one process does this at a time (see `leases`); where two do for a moment,
 * what both took is written by one of them.
 */
export async function planNext(deps: PlanDeps, planned: (result: Planned) => void): Promise<'more' | 'idle'> {
  const { db, store } = deps;
  const rows = await store.dirty.oldestDirty(db, BATCH);
  if (rows.length === 0) return 'idle';
  const groups = rows.filter((row) => row.kind === 'group');
  if (groups.length > 0) {
    for (const group of groups) await expandGroup(deps, group);
    return 'more';
  }
  const single = rows.filter((row) => row.kind !== 'all');
  const all = rows.find((row) => row.kind === 'all');
  const ids = new Set(single.flatMap((row) => (row.person === null ? [] : [row.person])));
  const sweep = all === undefined || ids.size >= BATCH ? undefined : await nextOfAll(deps, all, BATCH - ids.size);
  for (const id of sweep?.ids ?? []) ids.add(id);
  const result = await planBatch(deps, [...ids], async (tx) => {
    const done = single.map((row) => row.id);
    if (sweep === undefined) return store.dirty.removeDirty(tx, done);
    const last = sweep.ids.at(-1);
    if (last === undefined) return store.dirty.removeDirty(tx, [...done, sweep.row.id]);
    return (await store.dirty.removeDirty(tx, done)) && store.dirty.advanceDirty(tx, sweep.row, last);
  });
  if (result !== undefined) planned(result);
  return 'more';
}

async function nextOfAll({ db, store }: PlanDeps, row: DirtyRow, room: number) {
  return { row, ids: await store.people.personIdsAfter(db, row.expanded ?? undefined, room) };
}

/**
 * Turns a dirty group into dirty persons, then, for a group that was deleted, removes its memberships in chunks.
 * Stopped at any point, it goes on from there.
 */
async function expandGroup({ db, store }: PlanDeps, row: DirtyRow): Promise<void> {
  const { record } = row;
  if (record !== null) {
    if (row.expanded === null) {
      const mine = await db.tx(async (tx) => {
        if (!(await store.dirty.advanceDirty(tx, row, 'marked'))) return false;
        await store.groups.markBelow(tx, record, row.urgent);
        return true;
      });
      if (!mine) return;
    }
    while ((await store.groups.dropMemberships(db, record, CHUNK)) === CHUNK);
  }
  await store.dirty.removeDirty(db, [row.id]);
}

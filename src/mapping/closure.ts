import type { GroupId, GroupPath, GroupStep } from '../model/person.ts';
import type { GroupGraph } from '../model/planning.ts';

/**
 * Every group that holds one of `direct`, itself included, with the shortest path that leads there; among paths of
 * one length the first in the order of ids, so that the order of memberships does not matter. Cycles end by
 * themselves. A group that does not exist (any more) passes nothing on.
 */
export function closure(direct: readonly GroupId[], graph: GroupGraph): ReadonlyMap<GroupId, GroupPath> {
  const found = new Map<GroupId, GroupPath>();
  const take = (id: GroupId, before: GroupPath): boolean => {
    const name = graph.names.get(id);
    if (name === undefined || found.has(id)) return false;
    const step: GroupStep = { id, name };
    found.set(id, [...before, step]);
    return true;
  };
  let level = inOrder(direct).filter((id) => take(id, []));
  while (level.length > 0) {
    const next: GroupId[] = [];
    for (const id of level) {
      const path = found.get(id) ?? [];
      for (const parent of inOrder(graph.parents.get(id) ?? [])) if (take(parent, path)) next.push(parent);
    }
    level = next;
  }
  return found;
}

const inOrder = (ids: readonly GroupId[]): GroupId[] => (ids.length < 2 ? [...ids] : [...new Set(ids)].toSorted());

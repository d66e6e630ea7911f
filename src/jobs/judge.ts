import { type ChangeKey, type GuardLimits, type GuardScope, type Tally } from '../model/guard.ts';
import type { Step } from '../model/plan.ts';
import { concerns, guard, type Guarded } from '../plan/guard.ts';
import type { Db } from '../store/db.ts';
import type { OwnedCount } from '../store/guard.ts';
import type { StoreParts } from '../store/parts.ts';
import type { Ground } from './ground.ts';

/**
 * Lets the guard decide on these steps, on what the store has now. To be called under the planner's lock. Where nothing
 * is done without an approval, there is nothing to hold. What `pending` steps, which wait to be carried out, have in
 * them was let through before, or applied by hand.
 */
export async function judge(
  store: StoreParts,
  tx: Db,
  ground: Ground,
  steps: readonly Step[],
  pending: readonly Step[],
): Promise<Guarded> {
  const { limits } = ground.views.guard;
  const { asks, knows } = sayOf(ground);
  const [judged, free] = [steps.filter((s) => asks.has(s.target)), steps.filter((s) => !asks.has(s.target))];
  if (!judged.some((step) => step.changes.some((change) => concerns(knows, step.target, change)))) {
    return { steps, holds: [], passed: [] };
  }
  const persons = [...new Set(judged.map((step) => step.person))];
  const known = new Map<string, 'passed' | 'approved'>();
  for (const { target, person, changes } of pending) {
    for (const { item, op } of changes) known.set(nameOf({ target, person, item, op }), 'approved');
  }
  for (const { approved, ...key } of await store.guard.passedOf(tx, persons, limits.windowMs)) {
    known.set(nameOf(key), approved ? 'approved' : 'passed');
  }
  const decisions = await store.holds.decisionsOf(tx, persons);
  const guarded = guard({
    steps: judged,
    limits,
    rulesRevision: ground.views.rules.revision,
    tally: await tallies(store, tx, limits),
    counted: (key) => known.get(nameOf(key)),
    decision: (id) => decisions.get(id),
    ...knows,
  });
  return { ...guarded, steps: [...guarded.steps, ...free] };
}

/** Of these steps, no more than the changes on which the guard has a say: all that `judge` needs to see. */
export function concerned(ground: Ground, steps: readonly Step[]): Step[] {
  const { asks, knows } = sayOf(ground);
  return steps.flatMap(({ target, person, basis, changes }) => {
    if (!asks.has(target)) return [];
    const some = changes.filter((change) => concerns(knows, target, change));
    return some.length === 0 ? [] : [{ target, person, basis, changes: some }];
  });
}

/** Where it has a say, and what decides on which changes. */
function sayOf(ground: Ground) {
  const { rehearsals } = ground.views.guard;
  const roles = new Map(ground.targets.map((target) => [target.id, target.roles]));
  return {
    asks: new Set(ground.targets.flatMap((target) => (target.mode === 'observe' ? [] : [target.id]))),
    knows: {
      isProtected: (target: string, role: string) => ground.guarded(target).has(role),
      isRehearsal: (target: string) => rehearsals.has(target),
      minMembers: (target: string, role: string) => roles.get(target)?.[role]?.minMembers,
    },
  };
}

const nameOf = ({ target, person, item, op }: ChangeKey): string => JSON.stringify([target, person, item, op]);

async function tallies(store: StoreParts, tx: Db, limits: GuardLimits): Promise<(scope: GuardScope) => Tally> {
  const owned = await store.guard.ownedCounts(tx);
  const passed = await store.guard.passedCounts(tx, limits.windowMs);
  return (scope) => {
    const isIn = membersOf(scope);
    const kind = scope.kind === 'creations' || scope.kind === 'protectedGrants' ? 'give' : 'take';
    const counted = passed.filter((row) => row.kind === kind && isIn(row));
    return {
      owned: sum(owned.filter(isIn).map((row) => row.n)),
      passed: sum(counted.map((row) => row.n)),
      pending: sum(counted.map((row) => row.pending)),
    };
  };
}

/** What a scope counts. */
export function membersOf(scope: GuardScope): (row: Pick<OwnedCount, 'target' | 'item' | 'source'>) => boolean {
  switch (scope.kind) {
    case 'accounts':
    case 'creations':
      return (row) => row.target === scope.target && row.item === 'account';
    case 'attachments':
      return (row) => row.target === scope.target && row.item !== 'account';
    case 'role':
    case 'protectedGrants':
      return (row) => row.target === scope.target && row.item === `role:${scope.role}`;
    case 'source':
      return (row) => row.source === scope.source && row.item !== 'account';
  }
}

const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);

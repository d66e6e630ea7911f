import { isDeepStrictEqual } from 'node:util';
import type { Change } from '../model/plan.ts';
import type { HeldLane } from '../store/held-lanes.ts';
import type { PlannedLane } from './compute.ts';
import type { WorkDeps } from './deps.ts';

/**
 * After an attempt the basis has moved by our own doing: at the least a claim is in the ledger, and a part may have gone
 * through. Where what is wanted now is nothing but the rest of the step, the step goes on as that rest, which is given:
 * an approval given for the whole holds for it. Undefined otherwise: the step has moved.
 */
export async function rebase(
  deps: WorkDeps,
  held: HeldLane,
  changes: readonly Change[],
  now: PlannedLane | undefined,
): Promise<readonly Change[] | undefined> {
  const rest = now?.result.step;
  if (held.step === null || rest === undefined || !isRestOf(rest.changes, changes)) return undefined;
  await deps.store.plans.rebaseStep(deps.db, held.step.id, rest.basis, rest.changes);
  return rest.changes;
}

/** Is each of these changes one of the whole, for the same end? */
export function isRestOf(rest: readonly Change[], whole: readonly Change[]): boolean {
  return rest.every((change) =>
    whole.some((other) => {
      const same = other.op === change.op && other.item === change.item && other.until === change.until;
      return same && isDeepStrictEqual(end(other), end(change));
    }),
  );
}

/** What the change comes to, as JSON. The id of a role that was made meanwhile is no other end. */
function end({ after }: Change): unknown {
  if (after === undefined || after === null || typeof after !== 'object') return after;
  const { roleId: _, ...rest } = JSON.parse(JSON.stringify(after)) as Record<string, unknown>;
  return rest;
}

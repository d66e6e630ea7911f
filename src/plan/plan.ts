import type { Person } from '../model/person.ts';
import type { Finding, Hold, Plan, Step } from '../model/plan.ts';
import type { StepInput, StepResult } from '../model/planning.ts';
import { isReadOnly, planAccount, settleBlock, settleClaim } from './account.ts';
import { intruders, planAdditions, planRemovals } from './attachments.ts';
import { basisOf } from './basis.ts';
import { digestList } from './canonical.ts';
import { type Draft, newDraft } from './draft.ts';
import { planLeaver, planSuspended } from './leave.ts';
import { findingOrder, holdOrder, stepOrder } from './order.ts';

/**
 * Wanted against present, for one person at one target, limited to what we ourselves gave. Pure: the same input gives
 * the same step. Without a step there is nothing to do, and the findings say what could not be planned.
 */
export function planStep(input: StepInput): StepResult {
  if (input.recovery === true && !leftExplicitly(input.person)) return { basis: basisOf(input), findings: [] };
  const { draft, changes, findings } = newDraft(input);
  switch (input.person.life) {
    case 'left':
      planLeaver(draft);
      break;
    case 'suspended':
      planSuspended(draft);
      break;
    case 'active':
      planActive(draft);
  }
  const basis = basisOf(input);
  const ordered = changes();
  if (ordered.length === 0) return { basis, findings };
  return { step: { target: input.target.id, person: input.person.id, basis, changes: ordered }, basis, findings };
}

const leftExplicitly = ({ life, evidence = 'explicit' }: Person): boolean =>
  life !== 'active' && evidence === 'explicit';

function planActive(draft: Draft): void {
  const { desired, observed, person, target, targetRead } = draft.input;
  // Frozen: nobody knows what they are to have. Nothing is given, nothing taken, nothing changed.
  if (!targetRead || person.frozen !== undefined) return;
  const wanted = desired?.items.get('account');
  if (desired !== undefined && wanted !== undefined) {
    if (!planAccount(draft, desired.profile, wanted)) return;
    planAdditions(draft, desired.items);
  } else {
    // Nothing is wanted, or nothing could be decided: the account stays as it is.
    if (observed === undefined) return void settleClaim(draft);
    if (!draft.owned.has('account') || isAtRest(draft) || isReadOnly(draft, observed, false)) return;
    settleClaim(draft);
    settleBlock(draft, observed);
  }
  if (observed !== undefined && target.mode !== 'add-only') planRemovals(draft);
}

/** Nothing of ours hangs on the account, and nothing about the account itself is open. */
function isAtRest(draft: Draft): boolean {
  const { owned, input } = draft;
  const row = owned.get('account');
  const open = row?.confirmed !== true || (row.blocked === true && input.observed?.active === true);
  return !open && intruders(draft).length === 0 && [...owned.keys()].every((item) => item === 'account');
}

/**
 * Puts steps, findings and holds together. The hash covers all that is planned, in its canonical order: `whole` are the
 * steps with what the guard holds back, so that a plan of which everything is held has a hash of its own too.
 */
export function makePlan(
  steps: readonly Step[],
  findings: readonly Finding[],
  holds: readonly Hold[],
  whole: readonly Step[] = steps,
): Plan {
  return {
    hash: digestList(whole.toSorted(stepOrder)),
    steps: steps.toSorted(stepOrder),
    holds: holds.toSorted(holdOrder),
    findings: findings.toSorted(findingOrder),
  };
}

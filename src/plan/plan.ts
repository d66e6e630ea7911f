import { aliasItem } from '../model/accounts.ts';
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
  let idle: StepResult['idle'];
  switch (input.person.life) {
    case 'left':
      planLeaver(draft);
      break;
    case 'suspended':
      planSuspended(draft);
      break;
    case 'active':
      idle = planActive(draft);
  }
  const basis = basisOf(input);
  const ordered = changes();
  const about = { basis, findings, ...(idle !== undefined && { idle }) };
  if (ordered.length === 0) return about;
  return { step: { target: input.target.id, person: input.person.id, basis, changes: ordered }, ...about };
}

const leftExplicitly = ({ life, evidence = 'explicit' }: Person): boolean =>
  life !== 'active' && evidence === 'explicit';

/** Gives whether the account is idle. */
function planActive(draft: Draft): StepResult['idle'] {
  const { desired, observed, person, target, targetRead } = draft.input;
  // Frozen: nobody knows what they are to have. Nothing is given, nothing taken, nothing changed.
  if (!targetRead || person.frozen !== undefined) return undefined;
  const wanted = desired?.items.get('account');
  if (desired !== undefined && wanted !== undefined) {
    if (!planAccount(draft, desired.profile, wanted)) return undefined;
    planAdditions(draft, desired.items);
  } else {
    // Nothing is wanted, or nothing could be decided: the account stays as it is.
    if (observed === undefined) {
      settleClaim(draft);
      return undefined;
    }
    if (!draft.owned.has('account')) return undefined;
    if (isAtRest(draft)) return planIdle(draft);
    if (isReadOnly(draft, observed, false)) return undefined;
    settleClaim(draft);
    settleBlock(draft, observed);
  }
  if (observed !== undefined && target.mode !== 'add-only') planRemovals(draft);
  if (wanted !== undefined || !isUnused(draft)) return undefined;
  return draft.owned.get('account')?.blocked === true ? 'anew' : 'still';
}

/**
 * The rules want nothing on the account any more, and no other hand has put anything on it. It counts from when the last
 * cause went, also while what it had still waits to be taken. What is blocked, an administrator's or another's is not ours
 * to block.
 */
function isUnused({ owned, input }: Draft): boolean {
  const { observed, undecided, target } = input;
  if (observed === undefined || !observed.active || undecided.size > 0 || target.mode === 'add-only') return false;
  if (observed.managedBy !== undefined || observed.privileged === true) return false;
  const ours = new Set([...owned.values()].map((row) => row.objectId));
  const foreign = [...observed.aliases].filter((alias) => !owned.has(aliasItem(alias.slice(0, alias.indexOf('=')))));
  return foreign.length === 0 && [...observed.roles].every((id) => ours.has(id));
}

/** After a while the sign-in of an unused account is blocked, as an inferred removal. */
function planIdle(draft: Draft): StepResult['idle'] {
  if (!isUnused(draft)) return undefined;
  if (draft.input.idleTooLong === true && draft.input.target.can.block) {
    const causes = draft.owned.get('account')?.causes;
    const ends = { before: { active: true }, after: { active: false } };
    draft.change('block', 'account', { ...ends, causes, evidence: 'removed' });
  }
  return 'still';
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

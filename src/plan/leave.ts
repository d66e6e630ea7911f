import { aliasesOf, aliasItem, itemRole, type LedgerRow, roleItem } from '../model/accounts.ts';
import { isUntouchable } from '../model/untouchable.ts';
import { nameOfAlias } from './aliases.ts';
import { isReadOnly, settleClaim } from './account.ts';
import { planAdoption } from './adoption.ts';
import { planRemovals, take } from './attachments.ts';
import type { Draft } from './draft.ts';

/** A leaver: sign-in blocked, then every role and alias of the account goes, whoever gave it. */
export function planLeaver(draft: Draft): void {
  const { observed, target, roleName } = draft.input;
  if (!blockSignIn(draft)) return;
  const ours = new Set<string>();
  for (const row of draft.owned.values()) {
    if (row.item === 'account') continue;
    take(draft, row, 'explicit');
    const role = itemRole(row.item);
    const found = role === undefined ? 'missing' : draft.input.roles(role);
    if (role !== undefined && row.objectId !== undefined) ours.add(row.objectId);
    else if (typeof found !== 'string') ours.add(found.id);
  }
  for (const roleId of observed?.roles ?? []) {
    if (ours.has(roleId)) continue;
    const role = roleName?.(roleId) ?? roleId;
    draft.change('revoke', roleItem(role), { before: { role, roleId }, evidence: 'explicit' });
  }
  for (const { set, username } of target.can.aliases ? aliasesOf(observed) : []) {
    const row = draft.owned.get(aliasItem(set));
    if (row !== undefined && nameOfAlias(draft, row).username === username) continue;
    draft.change('unalias', aliasItem(set), { before: { set, username }, evidence: 'explicit' });
  }
}

/** Suspended: sign-in blocked and protected roles detached; everything else is kept, and nothing is added. */
export function planSuspended(draft: Draft): void {
  if (!blockSignIn(draft)) return takeOver(draft);
  const { person, recovery, target } = draft.input;
  const { mode } = target;
  if (mode !== 'add-only' && recovery !== true && person.frozen === undefined) planRemovals(draft);
  for (const row of draft.owned.values()) {
    const role = itemRole(row.item);
    if (role === undefined) continue;
    // Claimed, and never heard of when the suspension came: kept if it is there, else it is no longer given.
    const stays = draft.input.desired?.items.has(row.item) === true;
    if (!draft.isProtected(role)) {
      if (stays && !row.confirmed) settleRole(draft, row, role);
      continue;
    }
    const wanted = draft.input.desired?.items.has(row.item) === true || draft.input.undecided.has(row.item);
    if (wanted || mode === 'add-only') take(draft, row, 'explicit');
  }
}

/**
 * An account that was there before us may be theirs too, and stays open while it is nobody's: an operator may say that it
 * is. That gives nothing, and blocking it is what comes then.
 */
function takeOver(draft: Draft): void {
  const { desired, loginHolder, observed, person, recovery, rivals, targetRead } = draft.input;
  const wanted = desired?.items.get('account');
  const known = observed !== undefined || draft.owned.has('account');
  if (!targetRead || recovery === true || person.frozen !== undefined || known || rivals.length > 0) return;
  if (loginHolder !== undefined && wanted !== undefined) planAdoption(draft, loginHolder, wanted);
}

function settleRole(draft: Draft, row: LedgerRow, role: string): void {
  const found = draft.input.roles(role);
  const roleId = row.objectId ?? (typeof found === 'string' ? undefined : found.id);
  if (roleId === undefined || draft.input.observed?.roles.has(roleId) !== true) take(draft, row, 'explicit');
  else draft.change('claim', row.item, { after: { role, roleId }, causes: row.causes });
}

/** False when there is no account to act upon, or it is another's. */
function blockSignIn(draft: Draft): boolean {
  const { observed, person, target, targetRead } = draft.input;
  const row = draft.owned.get('account');
  const evidence = person.evidence ?? 'explicit';
  if (observed === undefined) {
    // Before the target was read the ledger is all that is known; afterwards there is nothing to block.
    if (row?.objectId === undefined || targetRead) {
      settleClaim(draft);
      return false;
    }
    if (isUntouchable(target.untouchable, { id: row.objectId })) return false;
  } else {
    if (row === undefined && observed.mark !== person.id) return false;
    if (isReadOnly(draft, observed, true)) return false;
    if (row?.confirmed !== true && !settleClaim(draft)) {
      draft.change('claim', 'account', { after: { accountId: observed.id } });
    }
    if (!observed.active) return true;
  }
  const causes = row?.causes;
  if (!target.can.block) {
    draft.find('not-capable', 'account', 'the target can not block sign-in', 'block the person there by hand, now');
    return true;
  }
  if (observed === undefined && row?.blocked === true) return true;
  draft.change('block', 'account', { before: { active: true }, after: { active: false }, causes, evidence });
  if (target.can.endSessions) draft.change('endSessions', 'account', { causes, evidence });
  return true;
}

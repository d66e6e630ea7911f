import { type DesiredItem, itemRole, type Observed } from '../model/accounts.ts';
import { type AdoptionEvidence, adoptionMessage } from '../model/adoption.ts';
import { foldCase } from '../model/filter.ts';
import { isUntouchable } from '../model/untouchable.ts';
import type { Person } from '../model/person.ts';
import type { Draft } from './draft.ts';

/**
 * An account that is there already, has the login that this person is to have, and is nobody's. It becomes ours by an
 * operator's word, or by a verified e-mail address where the target's settings say so; never one that another manages,
 * an administrator's, or one that we made for somebody else. A step that adopts writes the ledger and nothing at the
 * target: what the person has there already and is to have is claimed, and all else comes with the next plan.
 */
export function planAdoption(draft: Draft, holder: Observed, wanted: DesiredItem): void {
  const { adoptionWord, desired, target } = draft.input;
  const { login } = holder.profile;
  const never =
    forbids(draft, holder) ?? (target.adopt?.mode === 'never' ? 'the settings say adopt: never' : undefined);
  if (never !== undefined) {
    draft.find(
      'account-exists',
      login,
      `the target has an account ${login} that is not ours; it is left alone: ${never}`,
      'rename or remove it there if it is not this person’s, or give them what they need there by hand',
    );
    return;
  }
  const evidence = evidenceOf(draft.input.person, holder, target.adopt?.verifiedDomains ?? []);
  if (adoptionWord === 'leave') {
    draft.find(
      'account-exists',
      login,
      `the target has an account ${login} that is not ours; an operator said to leave it alone`,
      'drawbridge adoptions resolve says otherwise',
    );
    return;
  }
  const auto = target.adopt?.mode === 'auto' && draft.input.person.life === 'active';
  if (adoptionWord !== 'adopt' && !(auto && evidence === 'verified-email')) {
    draft.find('adoption', holder.id, adoptionMessage(evidence, login), 'drawbridge adoptions list');
    return;
  }
  draft.change('adopt', 'account', { after: { accountId: holder.id, login, evidence }, causes: wanted.causes });
  for (const [item, { causes, until }] of desired?.items ?? []) {
    const role = itemRole(item);
    const found = role === undefined ? 'missing' : draft.input.roles(role);
    if (role === undefined || typeof found === 'string' || !holder.roles.has(found.id)) continue;
    if (found.renamed !== undefined) continue;
    draft.change('claim', item, { after: { role, roleId: found.id }, until, causes });
  }
}

/** Why nobody may take the account over. */
function forbids(draft: Draft, { id, tags, managedBy, privileged, mark }: Observed): string | undefined {
  const owner = draft.input.holderOwner;
  if (owner !== undefined) return `it is the account of another person, ${owner}`;
  if (isUntouchable(draft.input.target.untouchable, { id, tags })) return 'the settings say that it is untouchable';
  if (managedBy !== undefined) return `it is managed by ${managedBy}`;
  if (privileged === true) return "it is an administrator's";
  return mark === undefined ? undefined : 'it was made by Drawbridge for somebody else';
}

/**
 * The records' own addresses count, of sources that still tell of the person (as active, where any does); what a template
 * makes of them does not.
 */
function evidenceOf(person: Person, holder: Observed, verified: readonly string[]): AdoptionEvidence {
  const theirs = new Set(
    person.records
      .filter((r) => r.gone === undefined && (r.active || person.life !== 'active'))
      .flatMap((r) => r.emails.map(foldCase)),
  );
  const shown = [holder.profile.login, ...(holder.profile.email === undefined ? [] : [holder.profile.email])]
    .map(foldCase)
    .filter((address) => theirs.has(address));
  if (shown.length === 0) return 'login';
  return shown.some((address) => verified.includes(address.slice(address.lastIndexOf('@') + 1)))
    ? 'verified-email'
    : 'email';
}

import type { DesiredItem, Observed, Profile } from '../model/accounts.ts';
import { foldCase } from '../model/filter.ts';
import { isUntouchable } from '../model/untouchable.ts';
import { planAdoption } from './adoption.ts';
import type { Draft } from './draft.ts';

/** Is the account another's to change? Reported, and then nothing on it is touched. */
export function isReadOnly(draft: Draft, observed: Observed, leaving: boolean): boolean {
  if (isUntouchable(draft.input.target.untouchable, observed)) {
    const residue = leaving ? ': the person keeps whatever it allows' : '';
    draft.find(
      'untouchable',
      'account',
      `the settings say that the account ${observed.id} is untouchable${residue}`,
      leaving ? 'block it there by hand, now' : 'change it there by hand, or take it out of untouchable',
    );
    return true;
  }
  if (observed.managedBy === undefined && observed.privileged !== true) return false;
  const whose = observed.managedBy === undefined ? "is an administrator's" : `is managed by ${observed.managedBy}`;
  const residue = leaving ? ': the person keeps whatever it allows' : '';
  draft.find(
    'read-only',
    'account',
    `the account ${whose}${residue}`,
    leaving ? 'block it there by hand, now' : 'change it there, or give the person an account of their own',
  );
  return true;
}

/**
 * Brings the account of an active person about. True when there is one (or will be, once the step is carried out) on
 * which roles can be given.
 */
export function planAccount(draft: Draft, profile: Profile, wanted: DesiredItem): boolean {
  const { observed, person } = draft.input;
  const row = draft.owned.get('account');
  if (observed === undefined) return planCreation(draft, profile, wanted);
  if (row === undefined && observed.mark !== person.id) {
    accountExists(draft, observed.profile.login);
    return false;
  }
  if (isReadOnly(draft, observed, false)) return false;
  if (row?.confirmed !== true) {
    draft.change('claim', 'account', { after: { accountId: observed.id }, causes: wanted.causes });
  }
  planUpdate(draft, observed, profile, wanted);
  planReturn(draft, observed, wanted);
  return true;
}

/**
 * An account that was claimed and never confirmed, while nothing more is to be given: what is there decides whether it
 * is ours or was never made. True when a claim is planned.
 */
export function settleClaim(draft: Draft): boolean {
  const { observed, targetRead } = draft.input;
  const row = draft.owned.get('account');
  if (row === undefined || row.confirmed || (observed === undefined && !targetRead)) return false;
  const after = observed === undefined ? {} : { accountId: observed.id };
  draft.change('claim', 'account', { after, causes: row.causes });
  return true;
}

function planCreation(draft: Draft, profile: Profile, wanted: DesiredItem): boolean {
  const { loginHolder, rivals } = draft.input;
  if (draft.owned.get('account')?.confirmed === true) {
    draft.find(
      'foreign-removal',
      'account',
      'the account that we made or claimed is gone at the target; it is not made again by itself',
      'restore it there, or release it here',
    );
    return false;
  }
  if (loginHolder !== undefined && rivals.length === 0) {
    planAdoption(draft, loginHolder, wanted);
    return false;
  }
  if (rivals.length > 0) {
    taken(draft, profile.login);
    return false;
  }
  draft.change('create', 'account', { after: profile, causes: wanted.causes });
  return true;
}

/** A login that this person can not have: another person's, or an account's that is nobody's. */
function taken(draft: Draft, login: string): void {
  const { loginHolder, rivals } = draft.input;
  if (loginHolder === undefined || rivals.some((r) => r.owner)) collision(draft, login);
  else accountExists(draft, loginHolder.profile.login);
}

const accountExists = (draft: Draft, login: string): void =>
  draft.find(
    'account-exists',
    login,
    `the target has an account ${login} that is not ours; it is left alone`,
    'rename or remove it there if it is not this person’s',
  );

function collision(draft: Draft, login: string): void {
  const { rivals } = draft.input;
  const owners = rivals.filter((r) => r.owner);
  const names = (owners.length > 0 ? owners : rivals).map((r) => r.person).toSorted();
  const message =
    owners.length > 0
      ? `the login ${login} is also wanted by ${names.join(', ')}, who has an account: it stays as it is`
      : `the login ${login} is also wanted by ${names.join(', ')}: nobody gets it`;
  draft.find('login-collision', login, message, 'give one of them another login at the source');
}

/** Fields that differ and that our templates fill. What they don't fill is not ours. */
function planUpdate(draft: Draft, observed: Observed, profile: Profile, wanted: DesiredItem): void {
  const { loginHolder, rivals } = draft.input;
  let after: Profile = { ...observed.profile, ...profile };
  if (!sameText(after.login, observed.profile.login)) {
    const held = loginHolder !== undefined && loginHolder.id !== observed.id;
    if (held || rivals.length > 0) {
      taken(draft, profile.login);
      after = { ...after, login: observed.profile.login };
    }
  }
  if (!differs(draft, observed.profile, after)) return;
  const risk = sameText(after.login, observed.profile.login) ? 'low' : 'medium';
  draft.change('update', 'account', { before: observed.profile, after, causes: wanted.causes, risk });
}

/** A target that requires first and last name makes the display name of them itself. */
function differs(draft: Draft, before: Profile, after: Profile): boolean {
  const { requires } = draft.input.target.can;
  const derived = requires.includes('firstName') && requires.includes('lastName');
  return (
    !sameText(before.login, after.login) ||
    !sameText(before.email ?? '', after.email ?? '') ||
    before.firstName !== after.firstName ||
    before.lastName !== after.lastName ||
    (!derived && before.displayName !== after.displayName)
  );
}

/** Logins and addresses that differ in case only are the same: many targets store them in lower case. */
const sameText = (a: string, b: string): boolean => foldCase(a) === foldCase(b);

/**
 * A block that we set about and that did not come to pass before the person came back: the ledger must not go on
 * calling it ours, or a later one of another hand would be lifted.
 */
export function settleBlock(draft: Draft, observed: Observed): void {
  const row = draft.owned.get('account');
  if (!observed.active || row?.blocked !== true || !draft.input.target.can.block) return;
  draft.change('enable', 'account', { before: { active: true }, after: { active: true }, causes: row.causes });
}

/** Lifts a block, if it is ours. */
function planReturn(draft: Draft, observed: Observed, wanted: DesiredItem): void {
  settleBlock(draft, observed);
  if (observed.active) return;
  if (draft.owned.get('account')?.blocked !== true) {
    draft.find(
      'foreign-block',
      'account',
      'the account is blocked at the target, and not by us: it stays blocked',
      'lift the block there if the person is to sign in',
    );
  } else if (!draft.input.target.can.block) {
    draft.find('not-capable', 'account', 'the target can not lift a block', 'lift it there by hand');
  } else
    draft.change('enable', 'account', { before: { active: false }, after: { active: true }, causes: wanted.causes });
}

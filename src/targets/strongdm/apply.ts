import type { Profile } from '../../model/accounts.ts';
import { Failure } from '../../model/failure.ts';
import type { Change } from '../../model/plan.ts';
import type { TargetRole } from '../../model/target.ts';
import type { AccountRef, Applied } from '../target.ts';
import {
  isPrivileged,
  managerOf,
  markedPerson,
  markOf,
  newUser,
  observedOf,
  reinstated,
  suspended,
  withProfile,
} from './accounts.ts';
import type { Api } from './api.ts';
import { attachmentsOf, findUser, roleByName, roleOf } from './find.ts';
import type { User } from './proto/sdm_pb.gen.ts';

/** What every change is given. */
export interface Hand {
  readonly api: Api;
  readonly instance: string;
  readonly ref: AccountRef;
  readonly change: Change;
  readonly signal: AbortSignal;
}

/** Makes one change; making it twice does no harm. */
export function applyChange(hand: Hand): Promise<Applied> {
  switch (hand.change.op) {
    case 'create':
      return createAccount(hand);
    case 'update':
      return updateAccount(hand);
    case 'block':
      return changeUser(hand, suspended, 'suspended');
    case 'enable':
      return changeUser(hand, reinstated, 'reinstated');
    case 'grant':
      return grantRole(hand);
    case 'revoke':
      return revokeRole(hand);
    default:
      throw refused(`StrongDM accounts are not changed by "${hand.change.op}"`, 'plan again with this version');
  }
}

const refused = (message: string, remedy: string): Failure => new Failure({ kind: 'refused' }, message, { remedy });

interface Outcome {
  readonly changed: boolean;
  readonly answer: string;
  /** The role that was given. */
  readonly role?: TargetRole;
  /** Ids of the account's roles, where they are known without asking. */
  readonly roles?: Iterable<string>;
}

/** The account after a change, with its roles as they now are. */
async function applied(hand: Hand, user: User, outcome: Outcome): Promise<Applied> {
  const { changed, answer, role } = outcome;
  const roles = outcome.roles ?? (await attachmentsOf(hand.api, user.id, hand.signal)).keys();
  const account = observedOf(user, roles, hand.instance);
  return { account, answer, changed, ...(role === undefined ? {} : { role }) };
}

/** The account to change. Without its id, only one that carries our mark for this person will do. */
async function theAccount(hand: Hand): Promise<User> {
  const user = await findUser(hand.api, hand.instance, hand.ref, hand.signal);
  if (user === undefined) throw new Failure({ kind: 'moved' }, 'the account is not at StrongDM any more');
  if (hand.ref.accountId === undefined && markedPerson(user, hand.instance) !== hand.ref.person) {
    throw refused(`account ${user.id} exists and is not known as this person's`, 'adopt the account first');
  }
  const manager = managerOf(user, hand.instance);
  if (manager !== undefined) {
    throw refused(
      `account ${user.id} is managed by ${manager}: read-only`,
      `change it in ${manager}, or end its provisioning of this account at StrongDM`,
    );
  }
  if (isPrivileged(user)) {
    throw refused(
      `account ${user.id} has the permission level ${user.permissionLevelRW}: accounts of administrators are read-only`,
      'change it in the StrongDM admin interface',
    );
  }
  return user;
}

function profileIn(change: Change): Profile {
  const { after } = change;
  if (typeof after === 'object' && after !== null && 'login' in after && typeof after.login === 'string') {
    return after as Profile;
  }
  throw refused(`a change "${change.op}" without a profile`, 'plan again');
}

async function createAccount(hand: Hand): Promise<Applied> {
  const { api, instance, ref, signal } = hand;
  const profile = profileIn(hand.change);
  const look = (): Promise<User | undefined> =>
    findUser(api, instance, { person: ref.person, login: profile.login }, signal);
  const keep = (user: User): Promise<Applied> => {
    if (markedPerson(user, instance) === ref.person) {
      return applied(hand, user, { changed: false, answer: `${user.id} was there` });
    }
    throw refused(
      `account exists: ${user.id} has this e-mail address at StrongDM and is not ours`,
      'adopt the account, or change its e-mail address there',
    );
  };
  const there = await look();
  if (there !== undefined) return keep(there);
  const made = await api.createUser(newUser(profile, markOf(instance, ref.person)), signal);
  if (made !== undefined) return applied(hand, made, { changed: true, answer: `created ${made.id}`, roles: [] });
  const rival = await look();
  if (rival !== undefined) return keep(rival);
  throw refused(
    'account exists: StrongDM says that this e-mail address is taken, but shows no user that has it',
    'look for a reserved or hidden account with this address at StrongDM',
  );
}

async function write(hand: Hand, next: User, answer: string): Promise<Applied> {
  const user = await hand.api.updateUser(next, hand.signal);
  if (user !== undefined) return applied(hand, user, { changed: true, answer: `${answer} ${user.id}` });
  throw refused(
    'another account at StrongDM has this e-mail address',
    'rename or remove the other account there, or change the address at the source',
  );
}

async function updateAccount(hand: Hand): Promise<Applied> {
  const profile = profileIn(hand.change);
  const user = await theAccount(hand);
  const next = withProfile(user, profile);
  return next === undefined
    ? applied(hand, user, { changed: false, answer: `${user.id} was so` })
    : write(hand, next, 'updated');
}

async function changeUser(hand: Hand, to: (user: User) => User | undefined, word: string): Promise<Applied> {
  const user = await theAccount(hand);
  const next = to(user);
  return next === undefined
    ? applied(hand, user, { changed: false, answer: `${user.id} was ${word}` })
    : write(hand, next, word);
}

interface RoleObject {
  readonly role: string;
  readonly roleId?: string;
}

function roleIn(value: unknown): RoleObject | undefined {
  if (typeof value !== 'object' || value === null || !('role' in value) || typeof value.role !== 'string')
    return undefined;
  const roleId = 'roleId' in value && typeof value.roleId === 'string' ? value.roleId : undefined;
  return { role: value.role, ...(roleId === undefined ? {} : { roleId }) };
}

/** A role that is to be made: of exactly this name, unless it is there by now. */
async function ensureRole(hand: Hand, name: string): Promise<TargetRole> {
  const there = await roleByName(hand.api, name, hand.signal);
  if (there !== undefined) return roleOf(there);
  const made = await hand.api.createRole(name, hand.signal);
  const role = made ?? (await roleByName(hand.api, name, hand.signal));
  if (role !== undefined) return roleOf(role);
  throw refused(
    `StrongDM says that the role name "${name}" is taken, but shows no role of that name`,
    'rename the role',
  );
}

async function grantRole(hand: Hand): Promise<Applied> {
  const wanted = roleIn(hand.change.after);
  if (wanted === undefined) throw refused('a grant without a role', 'plan again');
  const user = await theAccount(hand);
  const role =
    wanted.roleId === undefined ? await ensureRole(hand, wanted.role) : { id: wanted.roleId, name: wanted.role };
  const given = await hand.api.attach(user.id, role.id, hand.signal);
  const answer = `${role.id} ${given ? 'attached to' : 'was attached to'} ${user.id}`;
  return applied(hand, user, { changed: given, answer, role });
}

async function revokeRole(hand: Hand): Promise<Applied> {
  const named = roleIn(hand.change.before) ?? roleIn(hand.change.after);
  if (named === undefined) throw refused('a revoke without a role', 'plan again');
  const user = await theAccount(hand);
  const roleId = named.roleId ?? (await roleByName(hand.api, named.role, hand.signal))?.id;
  const held = await attachmentsOf(hand.api, user.id, hand.signal);
  const attachment = roleId === undefined ? undefined : held.get(roleId);
  const taken = attachment !== undefined && (await hand.api.detach(attachment, hand.signal));
  if (roleId !== undefined) held.delete(roleId);
  const answer = `${roleId ?? named.role} ${taken ? 'detached from' : 'was not attached to'} ${user.id}`;
  return applied(hand, user, { changed: taken, answer, roles: held.keys() });
}

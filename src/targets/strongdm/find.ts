import type { Observed } from '../../model/accounts.ts';
import type { TargetRole } from '../../model/target.ts';
import type { AccountRef } from '../target.ts';
import { MARK, markedPerson, markOf, observedOf, sameLogin } from './accounts.ts';
import type { Api } from './api.ts';
import { allOf, tagTerm, term } from './filters.ts';
import type { Role, User } from './proto/sdm_pb.gen.ts';

const USERS = 'type:user';

/** The user with this e-mail address. Hits are compared, since a `*` in an address would act as a wildcard. */
async function userByLogin(api: Api, login: string, signal: AbortSignal): Promise<User | undefined> {
  for await (const user of api.users(allOf(USERS, term('email', login)), signal)) {
    if (sameLogin(user.email, login)) return user;
  }
  return undefined;
}

/** The user that carries our mark for this person. */
async function userByMark(api: Api, instance: string, person: string, signal: AbortSignal): Promise<User | undefined> {
  for await (const user of api.users(allOf(USERS, tagTerm(MARK, markOf(instance, person))), signal)) {
    if (markedPerson(user, instance) === person) return user;
  }
  return undefined;
}

/**
 * By the target's id once it is known. Else the account with our mark for this person, which outlives a change of login
 * (one look is enough where it has the login), and only then another hand's account with the login.
 */
export async function findUser(
  api: Api,
  instance: string,
  ref: AccountRef,
  signal: AbortSignal,
): Promise<User | undefined> {
  if (ref.accountId !== undefined) return api.user(ref.accountId, signal);
  const holder = await userByLogin(api, ref.login, signal);
  if (holder !== undefined && markedPerson(holder, instance) === ref.person) return holder;
  return (await userByMark(api, instance, ref.person, signal)) ?? holder;
}

/** Attachment id by role id, of one account. */
export async function attachmentsOf(api: Api, accountId: string, signal: AbortSignal): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for await (const attachment of api.attachments(term('accountid', accountId), signal)) {
    if (attachment.accountId === accountId) found.set(attachment.roleId, attachment.id);
  }
  return found;
}

/** The role of exactly this name. */
export async function roleByName(api: Api, name: string, signal: AbortSignal): Promise<Role | undefined> {
  for await (const role of api.roles(term('name', name), signal)) {
    if (role.name === name) return role;
  }
  return undefined;
}

export const roleOf = (role: Role): TargetRole => ({
  id: role.id,
  name: role.name,
  ...(role.managedBy === '' ? {} : { managedBy: role.managedBy }),
});

/**
 * Every account with its roles. The attachments are read first and kept by account (a few bytes each), then accounts
 * are yielded page by page. So the picture is of the time it began: what changed since may be missing from it.
 */
export async function* observeAll(api: Api, instance: string, signal: AbortSignal): AsyncGenerator<Observed> {
  const roles = new Map<string, string[]>();
  const names = new Map<string, string>();
  for await (const { accountId, roleId } of api.attachments('', signal, 'wait')) {
    // One string object a role, not one an attachment.
    const shared = names.get(roleId) ?? roleId;
    names.set(roleId, shared);
    const held = roles.get(accountId);
    if (held === undefined) roles.set(accountId, [shared]);
    else held.push(shared);
  }
  for await (const user of api.users(USERS, signal, 'wait')) {
    yield observedOf(user, roles.get(user.id) ?? [], instance);
    roles.delete(user.id);
  }
}

import type { MessageInitShape } from '@bufbuild/protobuf';
import { clone, create } from '@bufbuild/protobuf';
import type { Observed, Profile } from '../../model/accounts.ts';
import type { Tags, User } from './proto/sdm_pb.gen.ts';
import { TagsSchema, UserSchema } from './proto/sdm_pb.gen.ts';

/** Tag that carries our ownership mark: `<instance>.<person>`. */
export const MARK = 'drawbridge';
/** Tag that remembers the permission level which a suspension took. */
export const LEVEL = 'drawbridge-level';
const SUSPENDED = 'suspended';
const DEFAULT_LEVEL = 'user';
/** Levels without power over others. Every other level, a new one too, makes an account read-only for us. */
const ORDINARY = new Set(['', DEFAULT_LEVEL, 'auditor', 'database-operator', SUSPENDED]);

export const markOf = (instance: string, person: string): string => `${instance}.${person}`;

const tag = (tags: Tags | undefined, name: string): string | undefined =>
  tags?.pairs.find((pair) => pair.name === name)?.value;

/** The person that our own mark names; undefined when there is none, or it is another instance's. */
export function markedPerson(user: User, instance: string): string | undefined {
  const value = tag(user.tags, MARK);
  const prefix = markOf(instance, '');
  return value?.startsWith(prefix) && value.length > prefix.length ? value.slice(prefix.length) : undefined;
}

/**
 * Who else manages the account: by StrongDM's own word, or a Drawbridge with another store, whose mark it carries. Two
 * bridges on one account would each undo what the other does.
 */
export function managerOf(user: User, instance: string): string | undefined {
  if (user.managedBy !== '') return user.managedBy;
  const value = tag(user.tags, MARK);
  if (value === undefined || value === '' || value.startsWith(markOf(instance, ''))) return undefined;
  const dot = value.indexOf('.');
  return `another Drawbridge (${dot < 0 ? value : value.slice(0, dot)})`;
}

export const isActive = (user: User): boolean =>
  !user.suspendedRO && !user.suspended && user.permissionLevelRW !== SUSPENDED;

export const isPrivileged = (user: User): boolean => !ORDINARY.has(user.permissionLevelRW);

/** StrongDM has no display name: it shows first and last name. */
const displayName = (user: User): string => `${user.firstName} ${user.lastName}`.trim();

/** A user as the rest of the bridge sees it. `roles` are the ids of its roles. */
export function observedOf(user: User, roles: Iterable<string>, instance: string): Observed {
  const mark = markedPerson(user, instance);
  const manager = managerOf(user, instance);
  return {
    id: user.id,
    profile: {
      login: user.email,
      displayName: displayName(user),
      firstName: user.firstName,
      lastName: user.lastName,
      email: user.email,
    },
    active: isActive(user),
    roles: new Set(roles),
    aliases: new Set(),
    ...(manager === undefined ? {} : { managedBy: manager }),
    ...(isPrivileged(user) ? { privileged: true } : {}),
    ...tagsOf(user),
    ...(mark === undefined ? {} : { mark }),
  };
}

/** In an order of their own, so that the same tags read the same. */
function tagsOf({ tags }: User): { readonly tags?: readonly string[] } {
  const others = (tags?.pairs ?? []).filter(({ name }) => name !== MARK && name !== LEVEL);
  return others.length === 0 ? {} : { tags: others.map(({ name, value }) => `${name}=${value}`).toSorted() };
}

/** E-mail addresses are unique at StrongDM without regard to case. */
export const sameLogin = (a: string, b: string): boolean => a.toLowerCase() === b.toLowerCase();

export function newUser(profile: Profile, mark: string): MessageInitShape<typeof UserSchema> {
  return {
    email: profile.login,
    firstName: profile.firstName ?? '',
    lastName: profile.lastName ?? '',
    permissionLevelRW: DEFAULT_LEVEL,
    tags: { pairs: [{ name: MARK, value: mark }] },
  };
}

/** The user with another profile, or undefined when it has it already. What the profile does not say stays. */
export function withProfile(user: User, profile: Profile): User | undefined {
  const firstName = profile.firstName ?? user.firstName;
  const lastName = profile.lastName ?? user.lastName;
  if (user.email === profile.login && user.firstName === firstName && user.lastName === lastName) return undefined;
  return Object.assign(clone(UserSchema, user), { email: profile.login, firstName, lastName });
}

/** The user suspended, its level remembered in a tag; undefined when it is suspended already. */
export function suspended(user: User): User | undefined {
  if (!isActive(user)) return undefined;
  const level = user.permissionLevelRW === '' ? DEFAULT_LEVEL : user.permissionLevelRW;
  return withTag(Object.assign(clone(UserSchema, user), { permissionLevelRW: SUSPENDED }), LEVEL, level);
}

/**
 * The user with the level it had before its suspension; undefined when it is not suspended. A tag can be written by
 * anyone who may tag: a level with power over others is never restored from it.
 */
export function reinstated(user: User): User | undefined {
  if (isActive(user)) return undefined;
  const remembered = tag(user.tags, LEVEL) ?? DEFAULT_LEVEL;
  const ordinary = ORDINARY.has(remembered) && remembered !== SUSPENDED && remembered !== '';
  const level = ordinary ? remembered : DEFAULT_LEVEL;
  return withTag(Object.assign(clone(UserSchema, user), { permissionLevelRW: level }), LEVEL, undefined);
}

function withTag(user: User, name: string, value: string | undefined): User {
  user.tags ??= create(TagsSchema);
  const others = user.tags.pairs.filter((pair) => pair.name !== name);
  const added = value === undefined ? [] : create(TagsSchema, { pairs: [{ name, value }] }).pairs;
  user.tags.pairs = [...others, ...added];
  return user;
}

import type { RecordRef } from './facts.ts';
import { foldCase } from './filter.ts';
import type { GroupPath } from './person.ts';

/** What a target account shows of a person. `login` is the name that must be unique at the target. */
export interface Profile {
  readonly login: string;
  readonly displayName: string;
  readonly firstName?: string;
  readonly lastName?: string;
  readonly email?: string;
}

/**
 * One thing that we manage for a person at a target: the account itself, a role attachment by the role's name,
 * an identity alias by its set.
 */
export type ItemKey = 'account' | `role:${string}` | `alias:${string}`;

export const roleItem = (role: string): ItemKey => `role:${role}`;
export const aliasItem = (set: string): ItemKey => `alias:${set}`;
/** The role's name of a `role:` item; undefined for any other item. */
export const itemRole = (item: ItemKey): string | undefined => (item.startsWith('role:') ? item.slice(5) : undefined);

/** The set of an `alias:` item; undefined for any other item. */
export const itemSet = (item: ItemKey): string | undefined => (item.startsWith('alias:') ? item.slice(6) : undefined);

/**
 * What logins, and user names of aliases, are compared by: NFC, trimmed, case folded. Many systems don't tell `Ann` from
 * `ann`, so nobody gets the one while another has the other.
 */
export const nameKey = (name: string): string => foldCase(name.trim());

/** Why an item is wanted: the rule that asked for it, and the record and group path that made the rule hold. */
export interface Cause {
  readonly rule: string;
  readonly record?: RecordRef;
  readonly path?: GroupPath;
}

/** An account as it was last seen at a target, with what hangs on it. */
export interface Observed {
  /** The target's own id of the account. */
  readonly id: string;
  readonly profile: Profile;
  /** May it sign in? */
  readonly active: boolean;
  /** Ids (at the target) of the roles attached. */
  readonly roles: ReadonlySet<string>;
  /** `set=username` of each alias. */
  readonly aliases: ReadonlySet<string>;
  /** Who else manages the account: such an account is read-only for us. */
  readonly managedBy?: string;
  /** An administrator of the target, by the target's own word. */
  readonly privileged?: boolean;
  /** `key=value` of each tag, without our own; where it has none, or the target has no tags, it is left out. */
  readonly tags?: readonly string[];
  /** Person id out of our own ownership mark, where the target can carry one (tag, external id). */
  readonly mark?: string;
}

export interface AliasName {
  readonly set: string;
  readonly username?: string;
}

/** The aliases that an account shows, in one order. */
export const aliasesOf = (observed: Pick<Observed, 'aliases'> | undefined): Array<Required<AliasName>> =>
  [...(observed?.aliases ?? [])].toSorted().map((alias) => {
    const at = alias.indexOf('=');
    return { set: alias.slice(0, at), username: alias.slice(at + 1) };
  });

/** As the rules want it: each item with the rules and records that asked for it. */
export interface Desired {
  readonly person: string;
  readonly target: string;
  readonly profile: Profile;
  readonly items: ReadonlyMap<ItemKey, DesiredItem>;
}

export interface DesiredItem {
  readonly causes: readonly Cause[];
  readonly until?: Date;
  /** Some rule behind it is `protected`. */
  readonly protected?: boolean;
  /** For an alias: the username. */
  readonly value?: string;
  /** For an alias: it changes when the username does. */
  readonly follow?: boolean;
}

/** One thing that we gave, and so may take back. Written before giving, released after taking. */
export interface LedgerRow {
  readonly target: string;
  readonly person: string;
  readonly item: ItemKey;
  /** We made it (false: it was there and we claimed it). */
  readonly created: boolean;
  /** The target confirmed it. False between the claim and the answer: it may or may not be there. */
  readonly confirmed: boolean;
  /** The target's id: of the account, or of the role; of an alias its user name, which is all that names it there. */
  readonly objectId?: string;
  /** For an account: it is blocked, and it was we who did it. Only such a block is ever lifted by us. */
  readonly blocked?: boolean;
  /** Hash of the plan that gave it. */
  readonly plan: string;
  readonly causes: readonly Cause[];
}

import type { Desired, ItemKey, LedgerRow, Observed } from './accounts.ts';
import type { AdoptionMode, AdoptionWord } from './adoption.ts';
import type { GroupId, Person } from './person.ts';
import type { Finding, Mode, Step } from './plan.ts';
import type { Expression, ExpressionInput, Outcome, ProfileTemplate } from './rules.ts';
import type { RoleSettings } from './settings.ts';
import type { Capabilities } from './target.ts';
import type { Untouchable } from './untouchable.ts';

/** All groups and which groups hold which: small beside the people, so it is kept whole. */
export interface GroupGraph {
  /** Groups that exist; a deleted group is not in here and passes nothing on. */
  readonly names: ReadonlyMap<GroupId, string>;
  /** For a group, the groups that hold it as a member. May have cycles. */
  readonly parents: ReadonlyMap<GroupId, readonly GroupId[]>;
}

/** What mapping and plan need to know of a target; nothing here changes while a plan is made. */
export interface TargetView {
  readonly id: string;
  readonly mode: Mode;
  readonly can: Capabilities;
  readonly createRoles: boolean;
  readonly profile: ProfileTemplate;
  /** Who is managed there; without it everybody is. Others are given nothing and keep what they have. */
  readonly scope?: Expression<boolean>;
  /** What no operation may touch there. */
  readonly untouchable?: Untouchable;
  /** What the settings say of single roles, by name. */
  readonly roles?: Readonly<Record<string, RoleSettings>>;
  /** How long an account stays that nothing is left on, ms; without it for good. */
  readonly idleAfter?: number;
  /** What may become ours that was there before us; without it nothing does but by an operator's word. */
  readonly adopt?: { readonly mode: AdoptionMode; readonly verifiedDomains: readonly string[] };
}

/**
 * How a role's name reads at a target. A pinned id decides; without one, the name must be there exactly once. `renamed`:
 * what the pinned role is called now, where that is not the name: then nobody can say which of the two is meant.
 */
export type RoleLookup = (
  role: string,
) => { readonly id: string; readonly managedBy?: string; readonly renamed?: string } | 'missing' | 'ambiguous';

export type EndedItems = ReadonlyMap<ItemKey, ReadonlySet<string>>;

/** What the rules came to for one person. */
export interface Wanted {
  /** By target id; a target at which nothing is wanted is not in here. */
  readonly desired: ReadonlyMap<string, Desired>;
  /** By target id: items whose rules could not be decided. Nothing is added or taken for them. */
  readonly undecided: ReadonlyMap<string, ReadonlySet<ItemKey>>;
  /** By target id, of each item: the rules that would still give it, had their time bound not passed. */
  readonly ended: ReadonlyMap<string, EndedItems>;
  /** Targets whose scope the person is not in, or of which that can't be told: there nothing is decided. */
  readonly outside?: ReadonlySet<string>;
  readonly findings: readonly Finding[];
  /** When the first of the time bounds passes that are still to come: then it may come to something else. */
  readonly next?: Date;
  /** What rules with `shadow: true` would change. */
  readonly shadow: readonly ShadowItem[];
}

/** What a shadow rule would give that is not given, or deny that is. */
export interface ShadowItem {
  readonly rule: string;
  readonly target: string;
  readonly item: ItemKey;
  readonly would: 'give' | 'deny';
  /** The rule could be decided for this person. */
  readonly decided: boolean;
}

/** What of others stands in the way of an alias. */
export interface TakenAlias {
  /** Other persons who want the same user name in the set, or have it by the ledger (`owner`). */
  readonly rivals: ReadonlyArray<{ readonly person: string; readonly owner: boolean }>;
  /** An account at the target, not this person's, that shows it. */
  readonly account?: { readonly id: string; readonly login: string };
  /** It was taken from this person not long ago, and is kept for them until then: another's before one's own. */
  readonly kept?: { readonly person: string; readonly until: Date };
}

/** Everything that one step is made of, for one person at one target. */
export interface StepInput {
  readonly person: Person;
  readonly target: TargetView;
  readonly desired?: Desired;
  readonly undecided: ReadonlySet<ItemKey>;
  readonly ended?: EndedItems;
  /** The account that the ledger or our mark says is this person's. */
  readonly observed?: Observed;
  /** Another account at the target that has the wanted login. */
  readonly loginHolder?: Observed;
  /** The person whose account that is by the ledger. */
  readonly holderOwner?: string;
  /** What an operator said about that account and this person. */
  readonly adoptionWord?: AdoptionWord;
  /** The account's last observation is known: false before the target was first read. */
  readonly targetRead: boolean;
  readonly ledger: readonly LedgerRow[];
  readonly roles: RoleLookup;
  /** Other persons who want the same login here; `owner` if one of them has the account in the ledger. */
  readonly rivals: ReadonlyArray<{ readonly person: string; readonly owner: boolean }>;
  /** By wanted alias: what stands in its way. One in whose way nothing stands is not in here. */
  readonly takenAliases?: ReadonlyMap<ItemKey, TakenAlias>;
  readonly rulesRevision: string;
  /** The account has been idle for longer than the target lets it. */
  readonly idleTooLong?: true;
  /** The ledger may be older than the target: nothing is given, and taken only from those who left explicitly. */
  readonly recovery?: boolean;
  /** The rules are lost: what the person has can't be told from what they are to have. */
  readonly withheld?: boolean;
  readonly now: Date;
  /** Roles that some `protected` rule gives at this target: of a leaver they are revoked first. */
  readonly protectedRoles?: ReadonlySet<string>;
  /** The name of an attached role that we did not give, for a leaver's step; without one the id stands in. */
  readonly roleName?: (roleId: string) => string | undefined;
}

export interface StepResult {
  readonly step?: Step;
  /** The digest that a step rests on, also when there is nothing to do. */
  readonly basis: string;
  readonly findings: readonly Finding[];
  /**
   * The account may sign in, and nothing that we gave is left on it, nor anything of another hand. `anew`: from now on, since
   * another hand has just lifted the block that this had led to.
   */
  readonly idle?: 'still' | 'anew';
}

export type { ExpressionInput, Outcome };

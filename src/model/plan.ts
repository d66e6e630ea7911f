import type { Cause, ItemKey } from './accounts.ts';
import type { Evidence } from './facts.ts';

/** `claim` and `adopt` write the ledger only. `destroy`: what can't be undone, after its delay. */
export type Op =
  | 'claim'
  | 'adopt'
  | 'create'
  | 'update'
  | 'enable'
  | 'block'
  | 'grant'
  | 'revoke'
  | 'alias'
  | 'unalias'
  | 'endSessions'
  | 'destroy';

/** How much a change can hurt if it is wrong. */
export type Risk = 'low' | 'medium' | 'high';

/**
 * One change of one item. `before` and `after` are plain JSON, as an operator reads them:
 * - create/update: `after` (and `before`) is a `Profile`;
 * - grant/revoke/claim of a role: `{ role, roleId? }`; no `roleId` in `after` means a role that is still to be made;
 * - alias/unalias/claim of an alias: `{ set, username }`; only that very user name is set or removed. `before` of a claim
 *   is what the ledger had instead, and lets go of;
 * - block/enable: `{ active: boolean }`.
 */
export interface Change {
  readonly op: Op;
  readonly item: ItemKey;
  readonly before?: unknown;
  readonly after?: unknown;
  /** ISO 8601. */
  readonly until?: string;
  readonly causes: readonly Cause[];
  readonly evidence?: Evidence;
  /** A time bound known from the start has passed: nothing is inferred here. */
  readonly expected?: true;
  /** The source in whose burst of leavers this explicit word came: it waits for approval. */
  readonly burst?: string;
  /** The source that had the person disabled already when it first told of them: it waits for approval. */
  readonly dormant?: string;
  readonly risk: Risk;
}

/** All changes for one person at one target, in order. */
export interface Step {
  readonly target: string;
  readonly person: string;
  /** Digest of the person's records, the rules revision, the observed object and time bounds passed: what the step rests on. */
  readonly basis: string;
  readonly changes: readonly Change[];
}

/** A planned change that waits for approval. It survives re-planning while its basis stands. */
export interface Hold {
  /** Stands for target, person, item, op and basis: `h_…`. */
  readonly id: string;
  readonly target: string;
  readonly person: string;
  readonly item: ItemKey;
  readonly op: Op;
  /** Digest of why the change is planned: rules revision, causes, evidence, what it was and would be. */
  readonly basis: string;
  readonly because: string;
  readonly change: Change;
  /** Somebody said no: it is held for as long as its basis stands, and nobody is asked again. */
  readonly rejected?: true;
}

/** What could not be planned, and why. */
export type FindingKind =
  /** Two persons want one login at a target: neither that lacks an account gets one. */
  | 'login-collision'
  /** An alias that another person has, wants too, or had not long ago: both keep what they have. */
  | 'alias-collision'
  /** An account with this login exists at the target and is not ours. */
  | 'account-exists'
  /** An account that is there already may be this person's: an operator says whether it is. */
  | 'adoption'
  /** What we gave is gone at the target: another hand took it, and it is not given again by itself. */
  | 'foreign-removal'
  /** The account is blocked at the target, and not by us. */
  | 'foreign-block'
  /** The account is managed by somebody else or an administrator's: read-only. */
  | 'read-only'
  /** The settings say that no operation may touch it. */
  | 'untouchable'
  /** A role that a rule names does not exist (or is there twice) at the target. */
  | 'role-missing'
  | 'role-ambiguous'
  /** The role that a name in the rules stood for is called otherwise at the target now. */
  | 'role-renamed'
  /** A rule could not be decided: it adds nothing, and what the person has stays. */
  | 'indeterminate'
  /** The target can't do what is wanted. */
  | 'not-capable'
  /** The profile lacks something that the target requires, or it is not valid there. */
  | 'profile-incomplete';

export interface Finding {
  readonly kind: FindingKind;
  readonly person?: string;
  readonly target?: string;
  /** What it is about: an item, a rule id, a login. */
  readonly object: string;
  readonly message: string;
  readonly remedy?: string;
}

/** Plain data; the hash is SHA-256 over the canonical JSON of the steps. */
export interface Plan {
  readonly hash: string;
  readonly steps: readonly Step[];
  readonly holds: readonly Hold[];
  readonly findings: readonly Finding[];
}

/** `observe` writes only by `apply HASH`; `add-only` still blocks and detaches leavers. */
export type Mode = 'observe' | 'add-only' | 'full';

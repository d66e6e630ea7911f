import type { ItemKey } from './accounts.ts';
import type { Op } from './plan.ts';

/** Trips above `max(abs, pct % of what is owned)`; below `from` owned only `abs` counts. */
export interface Budget {
  readonly abs: number;
  /** Per cent, 0 to 100. */
  readonly pct: number;
  readonly from: number;
}

/** What may be taken or given by inference within the window before somebody is asked. */
export interface GuardLimits {
  /** How far back changes count. Milliseconds. */
  readonly windowMs: number;
  /** Accounts blocked, per target. */
  readonly accounts: Budget;
  /** Roles and aliases taken, per target; and per source that had caused them. */
  readonly attachments: Budget;
  /** Attachments of one role taken. */
  readonly role: Budget;
  /** A role with at least this many owned attachments is not emptied. */
  readonly emptyFrom: number;
  /** Grants of one protected role. */
  readonly protectedGrants: Budget;
  /** Accounts created, per real target. */
  readonly creations: Budget;
}

export const GUARD_LIMITS: GuardLimits = {
  windowMs: 86_400_000,
  accounts: { abs: 3, pct: 5, from: 20 },
  attachments: { abs: 5, pct: 10, from: 20 },
  role: { abs: 2, pct: 25, from: 8 },
  emptyFrom: 3,
  protectedGrants: { abs: 5, pct: 50, from: 0 },
  creations: { abs: 100, pct: 20, from: 0 },
};

/**
 * How many people of one source may leave within the window before the further ones are held: `max(abs, pct % of the
 * source's people)`.
 */
export interface BurstLimit {
  readonly abs: number;
  /** Per cent, 0 to 100. */
  readonly pct: number;
  readonly windowMs: number;
}

/** The store has the same where the settings have not been told of a source yet. */
export const BURST_LIMIT: BurstLimit = { abs: 25, pct: 2, windowMs: 3_600_000 };

/** What a budget is counted for. */
export type GuardScope =
  | { readonly kind: 'accounts' | 'attachments' | 'creations'; readonly target: string }
  | { readonly kind: 'role' | 'protectedGrants'; readonly target: string; readonly role: string }
  | { readonly kind: 'source'; readonly source: string };

/** How a scope stands before the changes in question. */
export interface Tally {
  /** What the ledger has there. */
  readonly owned: number;
  /** Inferred changes let through within the window, without those that were approved. */
  readonly passed: number;
  /** Of these, what is not carried out yet: it is still owned and will go. */
  readonly pending: number;
}

/** Names one change of one person at one target, whatever it rests on. */
export interface ChangeKey {
  readonly target: string;
  readonly person: string;
  readonly item: ItemKey;
  readonly op: Op;
}

/** An operator's word on a hold. `rejected`: it stays as it is while its basis stands. */
export type Decision = 'approved' | 'rejected';

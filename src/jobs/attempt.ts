import type { Observed } from '../model/accounts.ts';
import { Failure } from '../model/failure.ts';
import type { Change, Op } from '../model/plan.ts';
import type { HeldLane } from '../store/held-lanes.ts';
import type { AccountRef, Applied, Target } from '../targets/target.ts';
import { callTarget } from './call.ts';
import type { WorkDeps } from './deps.ts';
import { isUntouchable } from '../model/untouchable.ts';
import { field, shows } from './read-back.ts';
import { type Made, madeOf } from './record.ts';

/** One lane under work. `account` is the account as it was last seen, and moves on with every change. */
export interface Attempt {
  readonly deps: WorkDeps;
  readonly held: HeldLane;
  readonly target: Target;
  /** Hash of the plan behind the changes. */
  readonly plan: string;
  /** Names the account where it was not seen yet. */
  readonly ref: AccountRef;
  account: Observed | undefined;
  /** The ledger said before this attempt that the account is blocked by us. */
  readonly blockedBefore: boolean;
  /** Some change went through in this attempt. */
  progress: boolean;
}

/** What a change came to; for a claim there may be no account yet. */
export type Outcome = Omit<Applied, 'account'> & { readonly account: Observed | undefined };

const ADDING: ReadonlySet<Op> = new Set(['claim', 'adopt', 'create', 'update', 'enable', 'grant', 'alias']);

/** Gives something, or makes more of an account: not for a person who has left meanwhile. */
export const isAdding = (change: Change): boolean => ADDING.has(change.op);

/**
 * Makes one change whose intent is written: what we give is ours before it is given, what we take is ours until it is
 * gone. Gives what is then to be written. A doubtful answer is followed by a look at the account; if that shows the
 * change, it is done. Throws `Failure`.
 */
export async function makeChange(attempt: Attempt, change: Change): Promise<Made> {
  const begun = performance.now();
  const outcome = change.op === 'claim' || change.op === 'adopt' ? ledgerOnly(attempt) : await call(attempt, change);
  attempt.account = outcome.account;
  return madeOf(attempt, change, outcome, Math.round(performance.now() - begun));
}

/** Writes what came of a change. */
export async function confirm(attempt: Attempt, made: Made): Promise<void> {
  await attempt.deps.together.confirm(made);
  attempt.progress = true;
}

const ledgerOnly = (attempt: Attempt): Outcome => ({ account: attempt.account, answer: 'ledger only', changed: false });

/** The account by the id it was seen with, else as the lane names it. */
export function refOf({ account, ref }: Attempt): AccountRef {
  return account === undefined ? ref : { person: ref.person, accountId: account.id, login: account.profile.login };
}

/**
 * What the settings call untouchable is not called for, whoever asked: a plan from before, or a leave that waits for no
 * planner. What the account's tags are has to be known for that. Throws `Failure` (refused).
 */
async function refuseUntouchable(attempt: Attempt, change: Change): Promise<void> {
  const list = attempt.deps.views().targets.find(({ id }) => id === attempt.target.id)?.untouchable;
  if (list === undefined || change.op === 'create') return;
  const account = attempt.account ?? (list.tags.length > 0 ? await look(attempt) : undefined);
  const ids = [account?.id ?? attempt.ref.accountId, field(change.before, 'roleId'), field(change.after, 'roleId')];
  const touched = ids.find((id) => id !== undefined && isUntouchable(list, { id }));
  const one = touched ?? (account !== undefined && isUntouchable(list, account) ? account.id : undefined);
  if (one === undefined) return;
  throw new Failure({ kind: 'refused' }, `the settings say that ${one} is untouchable`, {
    remedy: 'Do it there by hand, or take it out of untouchable.',
  });
}

async function call(attempt: Attempt, change: Change): Promise<Outcome> {
  const { deps, target } = attempt;
  await refuseUntouchable(attempt, change);
  try {
    return await callTarget(deps.timing.call, deps.log, (signal) => target.apply(refOf(attempt), change, signal));
  } catch (error) {
    if (!(error instanceof Failure) || error.verdict.kind !== 'doubtful') throw error;
    const account = await look(attempt).catch(() => undefined);
    if (account === undefined || !shows(account, change, attempt.ref.person)) throw error;
    return { account, answer: `read back after: ${error.message}`, changed: true };
  }
}

/** The account as the target shows it now, noted in the store; undefined when it is not there. Throws `Failure`. */
export async function look(attempt: Attempt): Promise<Observed | undefined> {
  const { deps, target, ref } = attempt;
  const asked = refOf(attempt);
  const found = await callTarget(deps.timing.call, deps.log, (signal) => target.observeOne(asked, signal));
  const { observations } = deps.store;
  const { person } = ref;
  if (found !== undefined) await observations.saveAccounts(deps.db, [{ target: target.id, person, account: found }]);
  else if (asked.accountId !== undefined) await observations.forgetAccount(deps.db, target.id, asked.accountId);
  return found;
}

import { itemRole, itemSet, nameKey } from '../model/accounts.ts';
import type { Change } from '../model/plan.ts';
import { RECYCLE_MS } from '../plan/aliases.ts';
import type { KeptAlias } from '../store/aliases.ts';
import type { Db } from '../store/db.ts';
import type { NewEvent } from '../store/events.ts';
import type { Blocked, Claim, LedgerKey } from '../store/ledger.ts';
import type { SeenOfPerson } from '../store/observations.ts';
import type { StoreParts } from '../store/parts.ts';
import type { Pin } from '../store/roles.ts';
import type { Attempt, Outcome } from './attempt.ts';
import { field } from './read-back.ts';

/** What is written before a change. */
export interface Intent {
  readonly claim?: Claim;
  readonly blocked?: Blocked;
  /** An alias that is to go: without an answer nobody can tell whether it is there. */
  readonly doubted?: LedgerKey;
  /** It is another person's only after a while. */
  readonly kept?: KeptAlias;
}

/**
 * Before the call: what is given is entered in the ledger, unconfirmed, and an alias that is taken is in doubt and kept for
 * the person. A block is entered as ours where the account was seen active, so that a lost answer can't make it look
 * like another's.
 */
export function intentOf(attempt: Attempt, change: Change): Intent | undefined {
  const { held, plan, account } = attempt;
  const { target, person } = held;
  switch (change.op) {
    case 'claim':
    case 'adopt':
    case 'create':
    case 'grant':
    case 'alias': {
      const created = change.op !== 'claim' && change.op !== 'adopt';
      const id = change.op === 'adopt' ? 'accountId' : itemSet(change.item) === undefined ? 'roleId' : 'username';
      const objectId = change.item === 'account' && change.op !== 'adopt' ? undefined : field(change.after, id);
      const claim = { target, person, item: change.item, created, plan, causes: change.causes, objectId };
      return { claim, ...keptOf(attempt, change) };
    }
    case 'unalias':
      return { doubted: { target, person, item: change.item }, ...keptOf(attempt, change) };
    case 'block':
      return account?.active === true ? { blocked: { target, person, blocked: true } } : undefined;
    default:
      return undefined;
  }
}

/** The user name that an alias has before the change and not after it. */
function keptOf({ deps, held: { target, person } }: Attempt, { item, before }: Change): Pick<Intent, 'kept'> {
  const username = itemSet(item) === undefined ? undefined : field(before, 'username');
  if (username === undefined) return {};
  const until = new Date(deps.now().getTime() + RECYCLE_MS);
  return { kept: { target, person, item, key: nameKey(username), until } };
}

export async function writeIntents(store: StoreParts, tx: Db, now: Date, intents: readonly Intent[]): Promise<void> {
  await store.ledger.claimItems(tx, present(intents, 'claim'));
  await store.ledger.setBlocked(tx, present(intents, 'blocked'));
  await store.ledger.doubtItems(tx, present(intents, 'doubted'));
  await store.aliases.keepAliases(tx, present(intents, 'kept'), now);
}

/** What is written after a change: the account as it is, the ledger, the role's pin, and the history. */
export interface Made {
  readonly seen?: SeenOfPerson;
  readonly confirmed?: LedgerKey & { readonly objectId?: string | undefined };
  readonly pin?: Pin;
  readonly released?: LedgerKey;
  readonly blocked?: Blocked;
  readonly event: NewEvent;
}

export function madeOf(attempt: Attempt, change: Change, outcome: Outcome, ms: number): Made {
  const { held, plan } = attempt;
  const { target, person, attempts } = held;
  const { op, item, before, after, evidence } = change;
  const { account, answer, changed } = outcome;
  const detail = { op, before, after, evidence, plan, answer, changed, ms, attempt: attempts + 1 };
  return {
    ...(account === undefined ? {} : { seen: { target, person, account } }),
    ...ledgerOf(attempt, change, outcome),
    event: { actor: 'drawbridge', kind: 'change.applied', person, target, object: item, detail },
  };
}

function ledgerOf(attempt: Attempt, change: Change, outcome: Outcome): Omit<Made, 'seen' | 'event'> {
  const { target, person } = attempt.held;
  const { item } = change;
  const role = itemRole(item);
  switch (change.op) {
    case 'create':
    case 'claim':
    case 'adopt':
    case 'grant':
    case 'alias': {
      const id = role === undefined ? outcome.account?.id : (outcome.role?.id ?? field(change.after, 'roleId'));
      const confirmed = { target, person, item, objectId: item.startsWith('alias:') ? undefined : id };
      if (role === undefined || id === undefined) return { confirmed };
      return { confirmed, pin: { target, name: role, role: outcome.role ?? { id, name: role } } };
    }
    case 'revoke':
    case 'unalias':
    case 'destroy':
      return { released: { target, person, item } };
    case 'block':
      return blockOf(attempt, outcome);
    case 'enable':
      return { blocked: { target, person, blocked: false } };
    default:
      return {};
  }
}

/**
 * The block is ours if we changed something. If the account was blocked already, it is another's, unless an earlier
 * attempt of ours may have done it and its answer was lost.
 */
function blockOf({ held, blockedBefore }: Attempt, { changed }: Outcome): Omit<Made, 'seen' | 'event'> {
  const { target, person, attempts } = held;
  if (changed) return { blocked: { target, person, blocked: true } };
  return attempts === 0 && !blockedBefore ? { blocked: { target, person, blocked: false } } : {};
}

export async function writeMade(store: StoreParts, tx: Db, made: readonly Made[]): Promise<void> {
  await store.observations.saveAccounts(tx, present(made, 'seen'));
  await store.ledger.confirmItems(tx, present(made, 'confirmed'));
  await store.ledger.releaseItems(tx, present(made, 'released'));
  await store.ledger.setBlocked(tx, present(made, 'blocked'));
  await store.roles.pinRoles(tx, present(made, 'pin'));
  await store.events.appendEvents(
    tx,
    made.map((one) => one.event),
  );
}

const present = <T extends object, K extends keyof T>(rows: readonly T[], name: K): Array<NonNullable<T[K]>> =>
  rows.flatMap((row) => row[name] ?? []);

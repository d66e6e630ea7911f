import { itemRole } from '../model/accounts.ts';
import type { Change } from '../model/plan.ts';
import type { Db } from '../store/db.ts';
import type { Attempt, Outcome } from './attempt.ts';
import { field } from './read-back.ts';

/**
 * Before the call: what is given is entered in the ledger, unconfirmed. A block is entered as ours where the account
 * was seen active, so that a lost answer can't make it look like another's.
 */
export async function intend(attempt: Attempt, change: Change): Promise<void> {
  const { deps, held } = attempt;
  const { db, store } = deps;
  switch (change.op) {
    case 'claim':
    case 'adopt':
    case 'create':
    case 'grant':
    case 'alias':
      return store.ledger.claimItem(db, {
        target: held.target,
        person: held.person,
        item: change.item,
        created: change.op !== 'claim' && change.op !== 'adopt',
        plan: attempt.plan,
        causes: change.causes,
        objectId: change.item === 'account' ? undefined : field(change.after, 'roleId'),
      });
    case 'block':
      if (attempt.account?.active === true) await store.ledger.setBlocked(db, held.target, held.person, true);
      return;
    default:
  }
}

/** After the call, in one transaction: the account as it is, the ledger, the role's pin, and the history. */
export async function confirm(attempt: Attempt, change: Change, outcome: Outcome, ms: number): Promise<void> {
  const { deps, held, plan } = attempt;
  await deps.db.tx(async (tx) => {
    const { observations, events } = deps.store;
    if (outcome.account !== undefined) await observations.saveAccount(tx, held.target, outcome.account, held.person);
    await confirmLedger(attempt, tx, change, outcome);
    await events.appendEvents(tx, [
      {
        actor: 'drawbridge',
        kind: 'change.applied',
        person: held.person,
        target: held.target,
        object: change.item,
        detail: {
          op: change.op,
          before: change.before,
          after: change.after,
          evidence: change.evidence,
          plan,
          answer: outcome.answer,
          changed: outcome.changed,
          ms,
          attempt: held.attempts + 1,
        },
      },
    ]);
  });
}

async function confirmLedger(attempt: Attempt, tx: Db, change: Change, outcome: Outcome): Promise<void> {
  const { ledger, roles } = attempt.deps.store;
  const { target, person } = attempt.held;
  const role = itemRole(change.item);
  switch (change.op) {
    case 'create':
    case 'claim':
    case 'adopt':
    case 'grant':
    case 'alias': {
      const id = role === undefined ? outcome.account?.id : (outcome.role?.id ?? field(change.after, 'roleId'));
      await ledger.confirmItem(tx, target, person, change.item, change.item.startsWith('alias:') ? undefined : id);
      if (role !== undefined && id !== undefined)
        await roles.pinRole(tx, target, role, outcome.role ?? { id, name: role });
      return;
    }
    case 'revoke':
    case 'unalias':
    case 'destroy':
      return ledger.releaseItem(tx, target, person, change.item);
    case 'block':
      return confirmBlock(attempt, tx, outcome);
    case 'enable':
      return ledger.setBlocked(tx, target, person, false);
    default:
  }
}

/**
 * The block is ours if we changed something. If the account was blocked already, it is another's, unless an earlier
 * attempt of ours may have done it and its answer was lost.
 */
async function confirmBlock(attempt: Attempt, tx: Db, outcome: Outcome): Promise<void> {
  const { deps, held } = attempt;
  if (outcome.changed) await deps.store.ledger.setBlocked(tx, held.target, held.person, true);
  else if (held.attempts === 0 && attempt.blockedBefore === false) {
    await deps.store.ledger.setBlocked(tx, held.target, held.person, false);
  }
}

import { foldCase } from '../model/filter.ts';
import { type Attempt, look } from './attempt.ts';
import { Failure } from '../model/failure.ts';
import type { Change } from '../model/plan.ts';
import { field } from './read-back.ts';

/**
 * Looks for an account that we may have made without hearing of it. One that is known by its id, or has our mark,
 * becomes the attempt's account: by its login alone it may be another's, which made our own attempt fail. Where there is
 * none, the ledger lets go of what was claimed with it; should it show up after all, it is known by our mark.
 * Throws `Failure`.
 */
export async function findOurs(attempt: Attempt): Promise<Attempt> {
  if (attempt.account !== undefined) return attempt;
  const login = attempt.ref.login === '' ? await lastLogin(attempt) : attempt.ref.login;
  const known = { ...attempt, ref: { ...attempt.ref, login } };
  const asked = login !== '' || known.ref.accountId !== undefined;
  const found = asked ? await look(known) : undefined;
  if (known.ref.accountId !== undefined || found?.mark === known.ref.person) return { ...known, account: found };
  await releaseUnmade(known);
  return known;
}

/** The login with which we last tried to make an account: it may be there although no answer came. */
async function lastLogin({ deps: { db, store }, held }: Attempt): Promise<string> {
  const steps = await store.plans.stepsOfPerson(db, held.person, 50);
  const changes = steps.flatMap((step) => (step.target === held.target ? step.changes : []));
  return field(changes.find((change) => change.op === 'create')?.after, 'login') ?? '';
}

async function releaseUnmade({ deps: { db, store }, held }: Attempt): Promise<void> {
  const rows = await store.ledger.ledgerOf(db, [held.person]);
  await store.ledger.releaseItems(
    db,
    rows.filter((row) => row.target === held.target && !row.confirmed),
  );
}

/**
 * Looks at the account that is to be adopted. It has to be as it was when that was decided: nobody's but the target's, and
 * under the login that spoke for it. Throws `Failure` (moved) otherwise: then it is planned again.
 */
export async function findToAdopt(attempt: Attempt, { after }: Change): Promise<Attempt> {
  const [accountId, login = ''] = [field(after, 'accountId'), field(after, 'login')];
  if (accountId === undefined) throw new Failure({ kind: 'refused' }, 'an adoption without an account');
  const known = { ...attempt, ref: { ...attempt.ref, accountId, login } };
  const found = await look({ ...known, account: undefined });
  const same = found !== undefined && foldCase(found.profile.login) === foldCase(login);
  if (!same || found.managedBy !== undefined || found.privileged === true || found.mark !== undefined) {
    throw new Failure({ kind: 'moved' }, 'the account that was to be adopted is not as it was');
  }
  return { ...known, account: found };
}

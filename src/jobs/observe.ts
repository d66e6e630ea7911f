import type { Observed } from '../model/accounts.ts';
import { Failure } from '../model/failure.ts';
import type { TargetRole } from '../model/target.ts';
import type { Target } from '../targets/target.ts';
import type { WorkDeps } from './deps.ts';
import { asError, pauseBroken } from './settle.ts';

/** Accounts that are written at a time. */
const PAGE = 500;

/**
 * Reads a target whole, roles and accounts, into the store, and marks the persons dirty whom a difference concerns; at
 * the first time everybody, since nothing was planned there before. An observation that breaks off adds and updates,
 * but takes nothing for gone. Gives the failure, if it was one; `broken` pauses the target.
 */
export async function observeTarget(deps: WorkDeps, target: Target, signal: AbortSignal): Promise<Failure | undefined> {
  const { db, store } = deps;
  try {
    const since = await store.observations.clock(db);
    const known = (await store.targets.targetStates(db)).get(target.id)?.observedAt != null;
    const roles = await collect(target.roles(signal));
    for await (const page of pages(target.observe(signal))) {
      await store.observations.savePage(db, target.id, page, since, known);
    }
    await db.tx(async (tx) => {
      await store.observations.sweepUnseen(tx, target.id, since);
      const rolesMoved = await store.roles.replaceRoles(tx, target.id, roles, since);
      const first = await store.targets.markObserved(tx, target.id);
      if (first || rolesMoved) await store.dirty.markAll(tx);
    });
    return undefined;
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    await store.targets.markObserveError(db, target.id, asError(error, deps.now()));
    if (error.verdict.kind === 'broken') await pauseBroken(deps, target.id, error);
    return error;
  }
}

async function collect(roles: AsyncIterable<TargetRole>): Promise<TargetRole[]> {
  const all: TargetRole[] = [];
  for await (const role of roles) all.push(role);
  return all;
}

async function* pages(accounts: AsyncIterable<Observed>): AsyncGenerator<Observed[]> {
  let page: Observed[] = [];
  for await (const account of accounts) {
    page.push(account);
    if (page.length < PAGE) continue;
    yield page;
    page = [];
  }
  if (page.length > 0) yield page;
}

import { setTimeout as sleep } from 'node:timers/promises';
import type { Observed } from '../model/accounts.ts';
import { Failure } from '../model/failure.ts';
import type { Lane } from '../model/job.ts';
import type { Change } from '../model/plan.ts';
import type { HeldLane, Settlement } from '../store/held-lanes.ts';
import type { Target } from '../targets/target.ts';
import { type Attempt, confirm, isAdding, look, makeChange } from './attempt.ts';
import type { PlannedLane } from './compute.ts';
import type { WorkDeps } from './deps.ts';
import { findOurs, findToAdopt } from './find-ours.ts';
import { field } from './read-back.ts';
import { rebase } from './rebase.ts';
import { type Intent, intentOf, type Made } from './record.ts';
import { afterFailure, asError, pauseBroken } from './settle.ts';
import type { Begun } from './together.ts';

/** A lane in which something newer is wanted at every turn is left to the next job after this many. */
const ROUNDS = 10;
/** How long it is tried to give a lane back to a store that does not answer, and the pause between two tries. */
const GIVE_BACK_MS = 10_000;
const GIVE_BACK_PAUSE_MS = 100;

/** `replan`: somebody was marked dirty on the way. */
export type CarriedOut = 'nothing' | 'done' | 'replan';

/**
 * Works on one lane until nothing is due there: first the block that a leave asked for, then the newest step, as far
 * as its basis holds. Safe to call for any lane at any time, from any number of processes.
 */
export async function carryOut(lane: Lane, deps: WorkDeps): Promise<CarriedOut> {
  const target = deps.targets.get(lane.target);
  if (target === undefined) return 'nothing';
  let worked = false;
  let replan = false;
  for (let round = 0; round < ROUNDS; round++) {
    const held = await deps.together.lease(lane);
    if (held === undefined) break;
    worked = true;
    try {
      const result = held.paused ? asItWas(held) : await workOn(deps, held, target);
      if (result === 'lost') break;
      replan ||= result.planAgain === true || held.blockGeneration !== null;
      if ((await deps.together.settle({ held, result })) !== 'changed') break;
    } catch (error) {
      await giveBack(deps, held, error);
      throw error;
    }
  }
  if (replan) return 'replan';
  return worked ? 'done' : 'nothing';
}

/**
 * After an error that no target makes, such as a store that was away for a moment. Left to its lease the lane would
 * wait, and with it a block that somebody's leave asked for.
 */
async function giveBack(deps: WorkDeps, held: HeldLane, cause: unknown): Promise<void> {
  const message = `unexpected: ${cause instanceof Error ? cause.message : String(cause)}`;
  const result = afterFailure(deps, held.attempts, new Failure({ kind: 'retry' }, message, { cause }));
  // Once its lease is over, the lane is free anyway.
  const end = performance.now() + Math.min(deps.timing.lease, GIVE_BACK_MS);
  while (performance.now() < end) {
    const given = await deps.together.settle({ held, result }).catch(() => undefined);
    if (given !== undefined) return;
    await sleep(GIVE_BACK_PAUSE_MS);
  }
}

const asItWas = (held: HeldLane): Settlement => ({ state: 'pending', attempts: held.attempts });
const DONE: Settlement = { state: 'done', step: 'done' };

async function workOn(deps: WorkDeps, held: HeldLane, target: Target): Promise<Settlement | 'lost'> {
  if (held.blockGeneration !== null) {
    const failed = await blockFirst(deps, held, target);
    if (failed !== undefined) return failed;
  }
  const { step } = held;
  if (step === null) return DONE;
  if (step.generation !== held.generation) return planAgain(held, 'superseded');
  const lane = await deps.together.compute(held);
  const begun = attemptOf(deps, held, target, step.plan, lane);
  if (lane?.result.step?.basis === step.basis) return runChanges(begun, step.changes);
  // Where nothing is done without an approval, the rest of what was approved keeps it, although we moved the basis.
  const rest = lane?.target.mode === 'observe' ? await rebase(deps, held, step.changes, lane) : undefined;
  return rest === undefined ? planAgain(held, 'moved') : runChanges(begun, rest);
}

/**
 * Blocks the sign-in of somebody who left, before anything else and whatever was planned. A refusal is noted, and the
 * rest of the leave goes on.
 */
async function blockFirst(deps: WorkDeps, held: HeldLane, target: Target): Promise<Settlement | undefined> {
  const lane = await deps.together.compute(held);
  const change: Change = {
    op: 'block',
    item: 'account',
    before: { active: true },
    after: { active: false },
    causes: [],
    evidence: 'explicit',
    risk: 'low',
  };
  try {
    const attempt = await findOurs(attemptOf(deps, held, target, 'leave', lane));
    if (attempt.account !== undefined || attempt.ref.accountId !== undefined) {
      const intent = intentOf(attempt, change);
      if (intent !== undefined) await deps.together.intend(intent);
      await confirm(attempt, await makeChange(attempt, change));
    }
  } catch (error) {
    const failure = toFailure(error);
    if (failure.verdict.kind === 'broken') await pauseBroken(deps, target.id, failure);
    if (failure.verdict.kind !== 'refused') return afterFailure(deps, held.attempts, stayPending(failure));
    deps.log.error({ target: target.id, person: held.person, reason: failure.message }, 'a block was refused');
    await noteRefused(deps, held, change, failure);
  }
  await deps.store.held.clearBlock(deps.db, held);
  await deps.store.dirty.markDirty(deps.db, [held.person], true);
  return undefined;
}

/** A block waits whatever the world looks like. */
const stayPending = (failure: Failure): Failure =>
  failure.verdict.kind === 'moved' ? new Failure({ kind: 'retry' }, failure.message) : failure;

async function noteRefused({ db, store }: WorkDeps, held: HeldLane, change: Change, failure: Failure): Promise<void> {
  const detail = { op: change.op, message: failure.message, remedy: failure.remedy };
  const { person, target } = held;
  const event = { actor: 'drawbridge', kind: 'change.refused', person, target, object: change.item, detail };
  await store.events.appendEvents(db, [event]);
}

function attemptOf(
  deps: WorkDeps,
  held: HeldLane,
  target: Target,
  plan: string,
  lane: PlannedLane | undefined,
): Attempt {
  const owned = lane?.ledger.find((row) => row.item === 'account');
  const account: Observed | undefined = lane?.observed;
  const login = account?.profile.login ?? lane?.login ?? '';
  const ref = { person: held.person, login, ...(owned?.objectId === undefined ? {} : { accountId: owned.objectId }) };
  return { deps, held, target, plan, ref, account, blockedBefore: owned?.blocked === true, progress: false };
}

const planAgain = (held: HeldLane, step: 'moved' | 'superseded'): Settlement => ({
  state: 'pending',
  step,
  dropStep: true,
  planAgain: true,
  attempts: held.attempts,
});

/**
 * The changes of a step in order. What can't be given or taken as it stands is left out and parks the lane at the end,
 * so that one refusal does not keep back the rest; a refused account ends it, since all else hangs on that.
 */
async function runChanges(begun: Attempt, changes: readonly Change[]): Promise<Settlement | 'lost'> {
  let attempt = begun;
  const { deps, held } = attempt;
  let refused: Failure | undefined;
  for (const change of changes) {
    try {
      if (isSearch(change)) {
        const go = await begin(attempt, change, undefined);
        if (go !== 'go') return notBegun(held, go);
        attempt = await findOurs(attempt);
        if (attempt.account === undefined) continue;
      }
      if (change.op === 'adopt') attempt = await findToAdopt(attempt, change);
      const go = await makeInTurn(attempt, change);
      if (go !== 'go') return notBegun(held, go);
    } catch (error) {
      const failure = toFailure(error);
      if (failure.verdict.kind !== 'refused') return afterTrouble(attempt, failure, changes);
      refused ??= failure;
      await noteRefused(deps, held, change, failure);
      if (change.item === 'account' && isAdding(change)) break;
    }
  }
  // A step that adopts does nothing else: what the account is to become is planned on what it is.
  if (refused === undefined) return changes.some(({ op }) => op === 'adopt') ? { ...DONE, planAgain: true } : DONE;
  // What went through changes the basis: the lane is planned again, and parked until then.
  return { ...afterFailure(deps, held.attempts, refused), planAgain: attempt.progress };
}

/**
 * Makes the change if it is still to be made. Of all that is at hand for a target only so much calls it at a time: that
 * is all that the call for somebody who leaves may have to wait for where the target takes only so many calls.
 */
async function makeInTurn(attempt: Attempt, change: Change): Promise<Begun> {
  const { deps, target } = attempt;
  let made: Made | undefined;
  let go: Begun = 'lost';
  await deps.turns(target.id).within(async () => {
    // Only now, since the lane may have waited longer for its turn than it was leased.
    go = await begin(attempt, change, intentOf(attempt, change));
    if (go === 'go') made = await makeChange(attempt, change);
  });
  if (made !== undefined) await confirm(attempt, made);
  return go;
}

/** Is the change still to be made? Then what is about to be given is entered. */
const begin = ({ deps, held }: Attempt, change: Change, intent: Intent | undefined): Promise<Begun> =>
  deps.together.begin({ held, intent, adds: isAdding(change) });

function notBegun(held: HeldLane, because: Exclude<Begun, 'go'>): Settlement | 'lost' {
  switch (because) {
    case 'lost':
      return 'lost';
    case 'changed':
      // Settling finds the newer revision and lets the next round begin with that.
      return asItWas(held);
    case 'superseded':
      return planAgain(held, 'superseded');
  }
}

/** An account that was claimed and never heard of: what is there decides. */
const isSearch = ({ op, item, after }: Change): boolean =>
  op === 'claim' && item === 'account' && field(after, 'accountId') === undefined;

async function afterTrouble(attempt: Attempt, failure: Failure, changes: readonly Change[]): Promise<Settlement> {
  const { deps, held } = attempt;
  switch (failure.verdict.kind) {
    case 'broken':
      await pauseBroken(deps, held.target, failure);
      break;
    case 'moved':
      await look(attempt).catch(() => undefined);
      break;
    default:
      deps.log.warn(
        { target: held.target, person: held.person, ...asError(failure, deps.now()) },
        'a step is tried again',
      );
  }
  if (failure.verdict.kind !== 'moved') await rebase(deps, held, changes, await deps.together.compute(held));
  return afterFailure(deps, held.attempts, failure);
}

function toFailure(error: unknown): Failure {
  if (error instanceof Failure) return error;
  throw error;
}

import type { Directory, OpenDirectory } from '../directories/directory.ts';
import { sealOf } from '../mapping/seal.ts';
import { GRACE } from '../mapping/standing.ts';
import { Failure } from '../model/failure.ts';
import type { Correlator } from '../model/correlation.ts';
import type { Reading, ReadingEnd } from '../model/facts.ts';
import type { ReadingSettings } from '../model/settings.ts';
import type { Db } from '../store/db.ts';
import type { StoreParts } from '../store/parts.ts';
import type { Delivered, StoredReading } from '../store/readings.ts';
import type { SourceState } from '../store/source-state.ts';
import { backoffMs } from './backoff.ts';
import type { Log } from './deps.ts';

/** What reading needs. */
export interface ReadDeps {
  readonly db: Db;
  readonly store: StoreParts;
  readonly log: Log;
  readonly now: () => Date;
  /** In [0, 1): spreads readings and retries. */
  readonly random: () => number;
  /** By what records find their persons at the moment. */
  readonly correlator?: () => Correlator | undefined;
}

export interface ReadRequest {
  /** Everything, although a cursor is there. */
  readonly full?: boolean;
  /** For the history. */
  readonly actor: string;
  readonly signal: AbortSignal;
  /** Is told of each page. */
  readonly onProgress?: (soFar: Delivered) => void;
}

/** `busy`: another reading of this source is under way, here or in another process. */
export type ReadOutcome =
  | { readonly outcome: 'busy' }
  | { readonly outcome: 'done'; readonly reading: StoredReading; readonly urgent: boolean };

/** Facts that are noted while a reading runs, at most so often. Milliseconds. */
const NOTE_EVERY = 2_000;
/** A full reading that was not sealed is tried again no sooner, if changes can be read meanwhile. */
const FULL_RETRY = 3_600_000;
const RETRY = { base: 5_000, cap: 300_000 };
/** Readings of sources that were set alike are spread over this part of the ttl. */
const JITTER = 0.1;

/** The lock of a source: one reading or acceptance at a time, over all processes. */
export const readLock = (source: string): string => `read:${source}`;

/**
 * Reads a source once: all of it, or what changed since the last sealed reading; stages it, admits it, and says when
 * the next one is due. A reading that breaks off changes nothing. Throws only for what is not the source's fault.
 */
export async function readSource(deps: ReadDeps, source: OpenDirectory, request: ReadRequest): Promise<ReadOutcome> {
  const { db, store } = deps;
  const { id } = source.directory;
  let outcome: ReadOutcome = { outcome: 'busy' };
  await store.leases.holdLock(db, readLock(id), async (lost) => {
    const signal = AbortSignal.any([request.signal, lost]);
    outcome = await readLocked(deps, source, { ...request, signal });
  });
  return outcome;
}

async function readLocked(deps: ReadDeps, source: OpenDirectory, request: ReadRequest): Promise<ReadOutcome> {
  const { db, store } = deps;
  const { directory, reading: settings } = source;
  const startedAt = deps.now();
  await store.sources.noteSource(db, directory.id, startedAt);
  const state = await store.sources.sourceState(db, directory.id);
  const since = await cursorFor(deps, source, state, request.full === true);
  const id = await store.readings.beginReading(db, { source: directory.id, actor: request.actor, startedAt });
  const begun = performance.now();
  let urgent = false;
  try {
    urgent = await readAndAdmit(deps, source, request, { id, since, startedAt, begun });
    await store.sources.scheduleReading(db, directory.id, nextAt(deps, settings.ttl), 0);
  } catch (error) {
    const failure = asFailure(error, request.signal);
    const failures = (state?.failures ?? 0) + 1;
    await store.readings.endReading(db, {
      id,
      endedAt: deps.now(),
      readMs: Math.round(performance.now() - begun),
      failed: { because: failure.message, remedy: failure.remedy, verdict: failure.verdict.kind },
    });
    const wait = request.signal.aborted ? 0 : waitAfter(failure, failures, settings, deps.random);
    await store.sources.scheduleReading(db, directory.id, new Date(deps.now().getTime() + wait), failures);
    if (!(error instanceof Failure) && !request.signal.aborted) throw error;
  }
  const [stored] = await store.readings.listReadings(db, directory.id, 1);
  if (stored === undefined) throw new Error(`reading ${id} is not in the store`);
  return { outcome: 'done', reading: stored, urgent };
}

interface Begun {
  readonly id: number;
  readonly since: string | undefined;
  readonly startedAt: Date;
  readonly begun: number;
}

/** Gives whether somebody left. */
async function readAndAdmit(deps: ReadDeps, source: OpenDirectory, request: ReadRequest, of: Begun): Promise<boolean> {
  const { db, store } = deps;
  const { directory, reading: settings } = source;
  const { signal } = request;
  const reading = await directory.read(of.since, signal);
  const staged = await store.readings.stageFacts(
    db,
    of.id,
    untilAborted(reading, signal),
    progress(deps, request, of.id),
  );
  const end = reading.end();
  const readMs = Math.round(performance.now() - of.begun);
  signal.throwIfAborted();
  const admission = await store.readings.admitReading(db, {
    reading: of.id,
    source: directory.id,
    scope: reading.scope,
    covers: covered(reading),
    canaries: settings.canaries,
    grace: GRACE,
    cursor: end.sealed ? end.cursor : undefined,
    cursorScope: directory.scope,
    startedAt: of.startedAt,
    now: deps.now(),
    actor: `directory:${directory.id}`,
    correlator: deps.correlator?.(),
    judge: (evidence) =>
      sealOf({
        ...evidence,
        scope: reading.scope,
        since: of.since !== undefined,
        end,
        nameless: staged.nameless,
        shrinkLimit: settings.shrinkLimit,
      }),
  });
  const { nameless: _, ...facts } = staged;
  await store.readings.endReading(db, {
    id: of.id,
    endedAt: deps.now(),
    readMs,
    admitMs: Math.round(performance.now() - of.begun) - readMs,
    facts: { ...facts, ...(end.notes !== undefined && { notes: end.notes }) },
    ...(mayBeAccepted(admission.verdict) && { keep: keepFor(directory, reading, end) }),
  });
  await store.ripening.ripenMissing(db, deps.now());
  return admission.urgent;
}

const mayBeAccepted = (verdict: { readonly sealed: boolean; readonly keptBack?: readonly string[] }): boolean =>
  !verdict.sealed && verdict.keptBack?.includes('source') !== true;

const keepFor = (directory: Directory, reading: Reading, end: ReadingEnd) => ({
  covers: covered(reading),
  cursor: end.sealed ? end.cursor : undefined,
  cursorScope: directory.scope,
});

const covered = (reading: Reading): string[] => [...new Set(reading.covers)].toSorted();

/** Ends the staging when the reading is to stop, also where the directory does not look at its signal. */
async function* untilAborted(reading: Reading, signal: AbortSignal): Reading['facts'] {
  for await (const fact of reading.facts) {
    signal.throwIfAborted();
    yield fact;
  }
}

/** Where changes are read from; undefined for a full reading. */
async function cursorFor(
  { db, store, now }: ReadDeps,
  { directory, reading: settings }: OpenDirectory,
  state: SourceState | undefined,
  full: boolean,
): Promise<string | undefined> {
  if (full || state?.cursor == null || state.fullAt === null || state.cursorScope !== directory.scope) return undefined;
  const last = (await store.readings.lastFullReadings(db)).find((reading) => reading.source === directory.id);
  const tried = last?.startedAt ?? state.fullAt;
  const at = now().getTime();
  const due = at - state.fullAt.getTime() >= settings.fullEvery;
  const rested = at - tried.getTime() >= Math.min(settings.fullEvery, FULL_RETRY);
  return due && rested ? undefined : state.cursor;
}

/** Tells the caller of each page, and whoever looks into the store every now and then. */
function progress({ db, store, log }: ReadDeps, request: ReadRequest, id: number): (soFar: Delivered) => void {
  let noted = performance.now();
  return (soFar) => {
    request.onProgress?.(soFar);
    if (performance.now() - noted < NOTE_EVERY) return;
    noted = performance.now();
    store.readings
      .noteProgress(db, id, soFar)
      .catch((error: unknown) => log.debug({ err: error }, 'progress not noted'));
  };
}

const nextAt = ({ now, random }: ReadDeps, ttl: number): Date =>
  new Date(now().getTime() + Math.round(ttl * (1 + JITTER * (2 * random() - 1))));

/** What can be mended by waiting is tried again soon; what an operator has to mend, at the usual pace. */
function waitAfter(failure: Failure, failures: number, settings: ReadingSettings, random: () => number): number {
  const { verdict } = failure;
  if (verdict.kind === 'broken' || verdict.kind === 'refused') return settings.ttl;
  const afterMs = verdict.kind === 'retry' ? (verdict.afterMs ?? 0) : 0;
  return backoffMs(failures, random, { base: RETRY.base, cap: Math.min(RETRY.cap, settings.ttl), afterMs });
}

function asFailure(error: unknown, signal: AbortSignal): Failure {
  if (error instanceof Failure) return error;
  if (signal.aborted) return new Failure({ kind: 'retry' }, 'it was stopped before its end');
  return new Failure({ kind: 'retry' }, 'the program failed while it read', {
    remedy: 'This is a fault of the program: the log has the error. Report it.',
    cause: error,
  });
}

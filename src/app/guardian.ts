import type { Log, Views } from '../jobs/deps.ts';
import { ENDS_RECOVERY, type Recovery } from '../model/recovery.ts';
import type { Db } from '../store/db.ts';
import { beginRecovery } from '../store/recovery.ts';
import { doubt, lookBeside, type Seen } from '../store/witness.ts';
import { type FoundWitness, readWitness, writeWitness } from '../store/witness-file.ts';

/** Looks after the witness of a store, and knows whether the store is in recovery. */
export interface Guardian {
  /** As it was at the last look. */
  recovery(): Recovery | undefined;
  /** What planning goes by: the same, and that the store is in recovery. */
  guarded(views: Views): Views;
  /** Notes a last time how far the store has come. Before the store is closed. */
  close(): Promise<void>;
}

export interface GuardianOptions {
  readonly db: Db;
  /** Path of the witness. */
  readonly file: string;
  readonly log: Log;
  /** A recovery began or ended while the service runs. */
  readonly changed: () => void;
  /** Between two looks, ms: so much of the history at most is not witnessed after a crash. */
  readonly everyMs?: number;
}

const EVERY_MS = 1_000;

/**
 * Compares the store with its witness, and from then on keeps the witness up with it. While the store is in recovery
 * the witness stays as it is: should the right store come back, it is known again. Throws what the store throws at the
 * first look.
 */
export async function watchStore(options: GuardianOptions): Promise<Guardian> {
  const { db, file, log } = options;
  let known: FoundWitness = await readWitness(file);
  let recovery: Recovery | undefined;
  let told = false;

  const look = async (changed: () => void): Promise<void> => {
    const seen = await lookBeside(db, known.witness);
    const was = recovery;
    recovery = seen.recovery ?? (await begin(seen));
    if ((was === undefined) !== (recovery === undefined)) {
      tellRecovery(log, recovery);
      changed();
    }
    if (recovery === undefined && hasMoved(known, seen)) await note(seen);
  };
  const begin = async (seen: Seen): Promise<Recovery | undefined> => {
    const because = doubt(known, seen);
    return because === undefined ? undefined : beginRecovery(db, because);
  };
  const note = async ({ now }: Seen): Promise<void> => {
    try {
      await writeWitness(file, now);
      known = { witness: now };
      told = false;
    } catch (error) {
      // What was seen is remembered nevertheless: this process would notice a store that falls back.
      known = { witness: now };
      if (!told) log.warn({ err: error, file }, 'the witness of the store can not be written');
      told = true;
    }
  };

  const ignore = (): void => undefined;
  await look(ignore);
  let turning = Promise.resolve();
  let busy = false;
  const timer = setInterval(() => {
    if (busy) return;
    busy = true;
    // A store that is away is told by others; it is looked at again at the next turn.
    turning = look(options.changed)
      .catch(ignore)
      .finally(() => (busy = false));
  }, options.everyMs ?? EVERY_MS);
  timer.unref();
  return {
    recovery: () => recovery,
    guarded: (views) => (recovery === undefined ? views : { ...views, recovery }),
    close: async () => {
      clearInterval(timer);
      await turning;
      await look(ignore).catch(ignore);
    },
  };
}

/** For a command: is the store in recovery, or will it be at the next start? Writes nothing. */
export async function recoveryNow(db: Db, file: string): Promise<Recovery | undefined> {
  const found = await readWitness(file);
  const seen = await lookBeside(db, found.witness);
  if (seen.recovery !== null) return seen.recovery;
  const because = doubt(found, seen);
  return because === undefined ? undefined : { because, since: new Date().toISOString() };
}

/** Written only when there is something new to witness. */
function hasMoved({ witness }: FoundWitness, { now }: Seen): boolean {
  return witness?.store !== now.store || witness.event !== now.event || witness.count !== now.count;
}

function tellRecovery(log: Log, recovery: Recovery | undefined): void {
  if (recovery === undefined) log.info({}, 'the recovery has ended: everybody is planned again');
  else {
    const fields = { because: recovery.because, since: recovery.since, remedy: ENDS_RECOVERY };
    log.error(fields, 'the store is in recovery: nothing is given, and taken only from explicit leavers');
  }
}

import { setTimeout as sleep } from 'node:timers/promises';
import type { OpenDirectory } from '../directories/directory.ts';
import type { StoredReading } from '../store/readings.ts';
import { type ReadDeps, readSource } from './read.ts';

export interface ReadingsOptions extends ReadDeps {
  /** The directories as the settings have them now. */
  readonly directories: () => ReadonlyMap<string, OpenDirectory>;
  /** Something changed that has to be planned; `urgent` when somebody left. */
  readonly wake: (urgent: boolean) => void;
  /** Is told of each reading. For metrics. */
  readonly onReading?: (reading: StoredReading) => void;
  /** At the latest after this long everything is looked at again. Milliseconds. */
  readonly poll?: number;
}

export interface Readings {
  /** Reads a source now, whenever it is due. Undefined when a reading is under way. Throws for an unknown source. */
  refresh(id: string, request: { readonly full?: boolean; readonly actor: string }): Promise<StoredReading | undefined>;
  /** Stops what is being read, and waits for that. */
  close(): Promise<void>;
}

/**
 * Reads each directory when it is due, freezes the people of those that can't be read for too long, and lets go of
 * records whose grace has run out. Times stand in the store, so that restarts and other processes change nothing: who
 * holds the lock of a source reads it.
 */
export function startReadings(options: ReadingsOptions): Readings {
  const { db, store, log, now } = options;
  const closing = new AbortController();
  const { signal } = closing;
  const running = new Map<string, Promise<StoredReading | undefined>>();

  const read = (source: OpenDirectory, request: { readonly full?: boolean; readonly actor: string }) => {
    const { id } = source.directory;
    const mine = readSource(options, source, { ...request, signal })
      .then((result) => {
        if (result.outcome === 'busy') return undefined;
        tell(result.reading);
        options.wake(result.urgent);
        return result.reading;
      })
      .finally(() => running.delete(id));
    running.set(id, mine);
    return mine;
  };

  const tell = (reading: StoredReading): void => {
    options.onReading?.(reading);
    const { source, state, scope, because, remedy, facts, changes, readMs, admitMs } = reading;
    const fields = { source, reading: reading.id, state, scope, ...facts, changes, readMs, admitMs };
    if (state === 'failed') log.warn({ ...fields, because, remedy }, 'a source could not be read');
    else if (state === 'unsealed')
      log.warn({ ...fields, because }, 'a reading is not whole: nobody is taken anything for it');
    else log.info(fields, 'a source was read');
  };

  const turn = async (): Promise<void> => {
    const at = now();
    const directories = options.directories();
    if (directories.size === 0) return;
    const states = await store.sources.sourceStates(db);
    for (const [id, source] of directories) {
      const state = states.get(id);
      if (state?.paused != null) continue;
      if (!running.has(id) && (state?.nextAt == null || state.nextAt <= at)) {
        read(source, { actor: 'drawbridge' }).catch((error: unknown) => {
          if (!signal.aborted) log.error({ err: error, source: id }, 'reading a source failed and is tried again');
        });
      }
      const before = new Date(at.getTime() - source.reading.maxStale);
      if (await store.sources.freezeStale(db, id, before, at)) {
        log.warn({ source: id }, 'a source has not been read whole for too long: its people are frozen');
        options.wake(false);
      }
    }
    if ((await store.ripening.ripenMissing(db, at)) > 0) options.wake(false);
  };

  const loop = async (): Promise<void> => {
    while (!signal.aborted) {
      await turn().catch((error: unknown) => {
        if (!signal.aborted) log.error({ err: error }, 'looking after the sources failed and is tried again');
      });
      await sleep(options.poll ?? 1_000, undefined, { signal }).catch(() => undefined);
    }
  };
  const looping = loop();

  return {
    refresh: async (id, request) => {
      const source = options.directories().get(id);
      if (source === undefined) throw new Error(`there is no directory ${id} in the settings`);
      return running.has(id) ? undefined : read(source, request);
    },
    close: async () => {
      closing.abort(new Error('the service is stopping'));
      await looping;
      await Promise.allSettled(running.values());
    },
  };
}

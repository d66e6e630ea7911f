import { isDeepStrictEqual } from 'node:util';
import type { OpenDirectory } from '../directories/directory.ts';
import { directoryKinds } from '../directories/index.ts';
import { type Readings, type ReadingsOptions, startReadings } from '../jobs/reading-loop.ts';
import type { SourceSettings } from '../model/settings.ts';
import { storeParts } from '../store/parts.ts';

/** The directories among the sources, opened by their kinds. Connects to nothing yet. */
export interface Directories {
  /** As the settings have them now. One whose settings changed is opened anew. */
  current(): ReadonlyMap<string, OpenDirectory>;
  close(): Promise<void>;
}

export function openDirectories(sources: () => readonly SourceSettings[]): Directories {
  let open = new Map<string, { readonly settings: SourceSettings; readonly opened: OpenDirectory }>();
  const closing = new Set<Promise<void>>();
  const shut = ({ opened }: { readonly opened: OpenDirectory }): void => {
    const end = opened.directory.close().catch(() => undefined);
    closing.add(end);
    void end.finally(() => closing.delete(end));
  };
  return {
    current: () => {
      const next: typeof open = new Map();
      for (const settings of sources()) {
        const kind = directoryKinds.find((k) => k.type === settings.type);
        if (kind === undefined) continue;
        const before = open.get(settings.id);
        const same = before !== undefined && isDeepStrictEqual(before.settings, settings);
        next.set(settings.id, same ? before : { settings, opened: kind.open(settings) });
      }
      for (const [id, one] of open) if (next.get(id) !== one) shut(one);
      open = next;
      return new Map([...open].map(([id, { opened }]) => [id, opened]));
    },
    close: async () => {
      for (const one of open.values()) shut(one);
      open = new Map();
      await Promise.all(closing);
    },
  };
}

/** Reads the directories among the sources for as long as the service runs. */
export function readDirectories(
  options: Pick<ReadingsOptions, 'db' | 'log' | 'wake' | 'onReading' | 'correlator'> & {
    readonly sources: () => readonly SourceSettings[];
  },
): Readings {
  const directories = openDirectories(options.sources);
  const readings = startReadings({
    ...options,
    store: storeParts,
    now: () => new Date(),
    random: Math.random,
    directories: () => directories.current(),
  });
  return {
    refresh: (id, request) => readings.refresh(id, request),
    close: async () => {
      await readings.close();
      await directories.close();
    },
  };
}

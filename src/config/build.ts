import { dirname, join, resolve } from 'node:path';
import { GUARD_LIMITS } from '../model/guard.ts';
import type { Settings, StoreSettings } from '../model/settings.ts';
import type { Override } from './environment.ts';
import { parseListen, sourceSchema, targetSchema, type SettingsFile } from './schema.ts';

/** The settings of a checked file: paths absolute, the environment's word over the file's. */
export function build(file: string, data: SettingsFile, override: Override): Settings {
  const folder = dirname(file);
  const listen = parseListen(data.server.listen);
  if (listen === undefined) throw new Error('server.listen was not checked');
  const store = storeOf(folder, override.databaseUrl ?? data.store.url);
  return {
    file,
    server: {
      host: listen.host,
      port: override.port ?? listen.port,
      ...(data.server.publicUrl === undefined ? {} : { publicUrl: data.server.publicUrl.replace(/\/+$/, '') }),
    },
    store,
    queue: {},
    data: dataFolder(folder, data.data, store),
    sources: Object.entries(data.sources).map(([id, entry]) => ({
      id,
      type: entry.type,
      options: optionsOf(folder, entry, Object.keys(sourceSchema.shape)),
    })),
    targets: Object.entries(data.targets).map(([id, entry]) => ({
      id,
      type: entry.type,
      mode: entry.mode,
      simulator: entry.simulator,
      baseline: entry.baseline,
      createRoles: entry.createRoles,
      profile: entry.profile as Record<string, string>,
      options: optionsOf(folder, entry, Object.keys(targetSchema.shape)),
    })),
    guard: { ...GUARD_LIMITS, ...data.guard },
    rules: resolve(folder, data.rules),
    log: { level: override.logLevel ?? data.log.level },
  };
}

function storeOf(folder: string, url: string): StoreSettings {
  if (!url.startsWith('embedded:')) return { kind: 'postgres', url };
  return { kind: 'embedded', folder: resolve(folder, url.slice('embedded:'.length)) };
}

function dataFolder(folder: string, named: string | undefined, store: StoreSettings): string {
  if (named !== undefined) return resolve(folder, named);
  return store.kind === 'embedded' ? store.folder : join(folder, 'data');
}

/** What a kind gets: without what every kind has, and with paths (options named `…File`) made absolute. */
function optionsOf(folder: string, entry: Readonly<Record<string, unknown>>, common: readonly string[]) {
  const own = Object.entries(entry).filter(([key]) => !common.includes(key));
  return Object.fromEntries(
    own.map(([key, value]) => [
      key,
      key.endsWith('File') && typeof value === 'string' ? resolve(folder, value) : value,
    ]),
  );
}

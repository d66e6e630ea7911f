import { userInfo } from 'node:os';
import { resolve } from 'node:path';
import { kinds } from '../app/kinds.ts';
import { countProblems } from '../config/render.ts';
import type { SettingsDocument } from '../config/document.ts';
import { loadSettings } from '../config/load.ts';
import { createLog, type Log, type Secrets } from '../log.ts';
import type { Settings } from '../model/settings.ts';
import { openServer, openStore, type Store, type StoreServer } from '../store/open.ts';
import { CommandError, EXIT } from './exit.ts';
import type { Io } from './io.ts';
import { endingWithSignal } from './signals.ts';

/** Options that every command has. */
export interface CommonOptions {
  readonly config?: string;
  readonly json?: boolean;
}

/** What a command works with. */
export interface Context {
  readonly io: Io;
  readonly json: boolean;
  readonly secrets: Secrets;
  /** For the history: `local:<os user>`. */
  readonly actor: string;
  /** Absolute path of the settings file. */
  readonly file: string;
  /** The settings; a CommandError with every problem (exit 2) when they are bad. */
  settings(): Settings;
  document(): SettingsDocument | undefined;
  /** Warnings and errors only, on standard error. */
  log(): Log;
  /** Opens the store of the settings for the length of `work`. */
  withStore<T>(work: (store: Store, settings: Settings) => Promise<T>): Promise<T>;
  /** The same for its database alone, whatever is in it. `alone`: an embedded one must not be in use by a service. */
  withServer<T>(
    work: (server: StoreServer, settings: Settings) => Promise<T>,
    options?: { readonly alone?: boolean },
  ): Promise<T>;
}

export function createContext(io: Io, options: CommonOptions, secrets: Secrets): Context {
  const file = settingsFile(io, options);
  let loaded: { settings: Settings; document: SettingsDocument | undefined } | undefined;
  let log: Log | undefined;
  const logger = (): Log => (log ??= createLog({ level: io.env['LOG_LEVEL']?.toLowerCase() || 'warn', secrets }));
  const told = (event: string, fields: Readonly<Record<string, unknown>>): void => logger().info(fields, event);
  const load = (): NonNullable<typeof loaded> => {
    if (loaded !== undefined) return loaded;
    const { settings, problems, secrets: found, document } = loadSettings({ file, env: io.env, kinds });
    for (const value of found) secrets.add(value);
    if (settings === undefined) {
      throw new CommandError(EXIT.usage, `the settings can't be used: ${countProblems(problems)}`, { problems });
    }
    return (loaded = { settings, document });
  };
  return {
    io,
    json: options.json === true,
    secrets,
    actor: `local:${osUser()}`,
    file,
    settings: () => load().settings,
    document: () => load().document,
    log: logger,
    withStore: (work) => {
      const { settings } = load();
      return using(openStore(settings.store, { log: told }), (store) => work(store, settings));
    },
    withServer: (work, { alone = false } = {}) => {
      const { settings } = load();
      return using(openServer(settings.store, { log: told, service: alone }), (server) => work(server, settings));
    },
  };
}

/** Closes what was opened, also when a signal ends the command. */
function using<S extends StoreServer, T>(opening: Promise<S>, work: (opened: S) => Promise<T>): Promise<T> {
  return endingWithSignal(
    async () => {
      const opened = await opening;
      try {
        return await work(opened);
      } finally {
        await opened.close();
      }
    },
    async () => (await opening).abandon(),
  );
}

function settingsFile(io: Io, options: CommonOptions): string {
  const fromEnv = io.env['DRAWBRIDGE_CONFIG'];
  return resolve(
    io.cwd,
    options.config ?? (fromEnv === undefined || fromEnv === '' ? 'config/drawbridge.yaml' : fromEnv),
  );
}

function osUser(): string {
  try {
    return userInfo().username;
  } catch {
    // A user id without an entry in the system's list, as in containers.
    return `uid-${process.getuid?.() ?? 'unknown'}`;
  }
}

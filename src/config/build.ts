import { dirname, join, resolve } from 'node:path';
import { parseDuration } from '../model/duration.ts';
import { BURST_LIMIT, GUARD_LIMITS } from '../model/guard.ts';
import type { CorrelationSettings } from '../model/correlation.ts';
import type { ListenSettings, RoleSettings, ServerSettings, Settings, StoreSettings } from '../model/settings.ts';
import type { Override } from './environment.ts';
import { extensionsOf } from './extensions.ts';
import { sourceSchema, targetSchema } from './entries.ts';
import { parseListen, type SettingsFile } from './schema.ts';

/** The settings of a checked file: paths absolute, the environment's word over the file's. */
export function build(file: string, data: SettingsFile, override: Override): Settings {
  const folder = dirname(file);
  const store = storeOf(folder, override.databaseUrl ?? data.store.url);
  const own = dataFolder(folder, data.data, store);
  return {
    file,
    server: serverOf(folder, data.server, override.port),
    store,
    queue: {},
    witness: data.store.witness === undefined ? join(own, 'witness.json') : resolve(folder, data.store.witness),
    data: own,
    sources: Object.entries(data.sources).map(([id, entry]) => ({
      id,
      type: entry.type,
      ...(entry.was === undefined ? {} : { was: entry.was }),
      ...(entry.trusted === undefined ? {} : { trusted: entry.trusted }),
      ...(entry.selfEditable === undefined ? {} : { selfEditable: entry.selfEditable }),
      ...(entry.leaverBurst === undefined ? {} : { leaverBurst: burstOf(entry.leaverBurst) }),
      ...(entry.issuer === undefined ? {} : { issuer: entry.issuer }),
      ...(entry.people === undefined ? {} : { people: entry.people }),
      ...(entry.secondary === undefined ? {} : { secondary: entry.secondary }),
      options: optionsOf(folder, entry, Object.keys(sourceSchema.shape)),
    })),
    ...(data.schemas.length === 0 ? {} : { schemas: extensionsOf(data.schemas) }),
    ...(data.precedence === undefined ? {} : { precedence: data.precedence }),
    ...(data.verifiedDomains === undefined
      ? {}
      : { verifiedDomains: data.verifiedDomains.map((domain) => domain.toLowerCase()) }),
    ...(data.correlation === undefined ? {} : { correlation: correlationOf(data.correlation) }),
    targets: Object.entries(data.targets).map(([id, entry]) => ({
      id,
      type: entry.type,
      mode: entry.mode,
      simulator: entry.simulator,
      baseline: entry.baseline,
      adopt: entry.adopt,
      ...(entry.scope === undefined ? {} : { scope: entry.scope }),
      ...(entry.untouchable.length === 0 ? {} : { untouchable: untouchableOf(entry.untouchable) }),
      ...(Object.keys(entry.roles).length === 0 ? {} : { roles: entry.roles as Record<string, RoleSettings> }),
      ...(entry.idleAfter === 'never' ? {} : { idleAfter: parseDuration(entry.idleAfter) ?? 0 }),
      createRoles: entry.createRoles,
      profile: entry.profile as Record<string, string>,
      options: optionsOf(folder, entry, Object.keys(targetSchema.shape)),
    })),
    guard: { ...GUARD_LIMITS, ...data.guard },
    rules: resolve(folder, data.rules),
    ...(override.rulesCommit === undefined ? {} : { rulesCommit: override.rulesCommit }),
    log: { level: override.logLevel ?? data.log.level },
  };
}

const burstOf = ({ abs, pct, within }: NonNullable<SettingsFile['sources'][string]['leaverBurst']>) => ({
  abs,
  pct,
  windowMs: parseDuration(within) ?? BURST_LIMIT.windowMs,
});

/** What may be given to somebody else after its owner has gone. */
const REUSED = new Set(['userName', 'email', 'emails']);

function correlationOf({ keys, recycle }: NonNullable<SettingsFile['correlation']>): CorrelationSettings {
  return {
    keys: keys.map((key) => {
      const { name, sources, reused } = typeof key === 'string' ? { name: key } : key;
      return {
        name,
        reused: reused ?? REUSED.has(name),
        // Each client gives out its own; one that is known elsewhere is named by source.
        perSource: name === 'externalId' && sources === undefined,
        ...(sources === undefined ? {} : { sources }),
      };
    }),
    recycle: parseDuration(recycle) ?? 0,
  };
}

const TAG = 'tag:';

const untouchableOf = (entries: readonly string[]) => ({
  ids: entries.filter((entry) => !entry.startsWith(TAG)),
  tags: entries.flatMap((entry) => (entry.startsWith(TAG) ? [entry.slice(TAG.length)] : [])),
});

type Address = Pick<SettingsFile['server'], 'listen' | 'publicUrl' | 'tls'>;

function serverOf(folder: string, server: SettingsFile['server'], port: number | undefined): ServerSettings {
  const own = addressOf(folder, server);
  const { scim, trustProxy } = server;
  return {
    ...own,
    port: port ?? own.port,
    ...(trustProxy.length === 0 ? {} : { trustProxy }),
    ...(scim === undefined
      ? {}
      : {
          scim: {
            ...addressOf(folder, scim),
            alsoInside: scim.alsoInside,
            ...(scim.allow === undefined ? {} : { allow: scim.allow }),
          },
        }),
  };
}

function addressOf(folder: string, { listen, publicUrl, tls }: Address): ListenSettings {
  const place = parseListen(listen);
  if (place === undefined) throw new Error('an address was not checked');
  return {
    ...place,
    ...(publicUrl === undefined ? {} : { publicUrl: publicUrl.replace(/\/+$/, '') }),
    ...(tls === undefined
      ? {}
      : { tls: { certFile: resolve(folder, tls.certFile), keyFile: resolve(folder, tls.keyFile) } }),
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

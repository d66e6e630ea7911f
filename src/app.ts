import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { startCorrelation } from './app/correlation.ts';
import { readDirectories } from './app/directories.ts';
import { createFigures } from './app/figures.ts';
import { allowedPeers, openListener } from './app/listeners.ts';
import { watchStore } from './app/guardian.ts';
import { createLive, tell } from './app/live.ts';
import { lostRules, withholdLostRules } from './app/views.ts';
import { countIrregular } from './app/irregular.ts';
import { createBurstAlert } from './app/burst-alert.ts';
import { settleSources } from './app/retired.ts';
import { measured } from './app/measured.ts';
import { scimSourcesOf } from './app/scim-sources.ts';
import { makeFirstTokens } from './app/first-tokens.ts';
import { openTargets, startSimulators } from './app/targets.ts';
import { needingRoom, watchRoom } from './app/room.ts';
import { watchSources } from './app/watch-sources.ts';
import { addressMatcher } from './web/addresses.ts';
import type { Loaded } from './config/load.ts';
import { type Jobs, startJobs, type Timing, type Views } from './jobs/index.ts';
import type { Readings } from './jobs/reading-loop.ts';
import type { Log, Secrets } from './log.ts';
import type { Settings, TargetSettings } from './model/settings.ts';
import { createScim, scimError } from './scim/index.ts';
import { openStore, type Store } from './store/open.ts';
import { storeParts } from './store/parts.ts';
import { cursorKey } from './store/meta.ts';
import { createResources } from './store/resources.ts';
import { authenticate } from './store/tokens.ts';
import type { Target } from './targets/target.ts';
import { createMetrics } from './web/metrics.ts';
import { createScimWeb, createWeb } from './web/web.ts';

export interface ServiceOptions {
  readonly log: Log;
  /** Rules and profiles of these settings, checked. */
  readonly views: Views;
  readonly version: string;
  readonly secrets?: Secrets;
  /** Reads the settings file again: settings and rules are then watched and swapped when they change. */
  readonly read?: () => Loaded;
  /** Make a token for each SCIM source that never had one. */
  readonly firstTokens?: boolean;
  readonly timing?: Partial<Timing>;
  /** How long open requests may take when the service stops. Milliseconds. */
  readonly drainMs?: number;
}

export interface Service {
  /** `http://HOST:PORT` that it listens on. */
  readonly url: string;
  /** Where clients reach it: `server.publicUrl`, else `url`. */
  readonly publicUrl: string;
  /** Where SCIM clients reach it: the same, unless SCIM has an address of its own. */
  readonly scimUrl: string;
  readonly store: Store;
  readonly jobs: Jobs;
  readonly readings: Readings;
  readonly targets: ReadonlyMap<string, Target>;
  /** Settings of the targets with address and keys filled in, also where a built-in simulator runs. */
  readonly targetSettings: readonly TargetSettings[];
  /** Tokens made by this start, shown here and never again. */
  readonly firstTokens: ReadonlyArray<{ readonly source: string; readonly token: string }>;
  /** Reads settings and rules again. False when they were refused; then the old ones stay. */
  reload(): Promise<boolean>;
  /** Takes no new request, ends what runs, stops what was started. Calling it twice does no harm. */
  close(): Promise<void>;
}

const WATCH_EVERY_MS = 500;

/** Puts everything together and serves. What was started is stopped again when a later part can't be. */
export async function startService(start: Settings, options: ServiceOptions): Promise<Service> {
  const { log } = options;
  const opened: Array<() => Promise<void>> = [];
  const closeAll = async (): Promise<void> => {
    for (const close of opened.splice(0).toReversed()) {
      await close().catch((error: unknown) => log.error({ err: error }, 'something did not stop as it should'));
    }
  };
  try {
    return await open(start, options, opened, closeAll);
  } catch (error) {
    await closeAll();
    throw error;
  }
}

async function open(
  start: Settings,
  options: ServiceOptions,
  opened: Array<() => Promise<void>>,
  closeAll: () => Promise<void>,
): Promise<Service> {
  const { log, read } = options;
  const live = createLive(
    { settings: start, views: options.views },
    { log, read, loaded: (good) => metrics.rules(good) },
  );
  const store = await openStore(start.store, { service: true, log: (event, fields) => log.info(fields, event) });
  opened.push(() => store.close());
  const { db } = store;
  live.setViews(await withholdLostRules(live.views(), () => storeParts.rules.everHadRules(db)));
  live.setKnown(await settleSources(db, start, log, new Date()));

  let jobs: Jobs | undefined;
  let scimUrl = '';
  const guardian = await watchStore({
    db,
    file: start.witness,
    log: log.child({ part: 'store' }),
    changed: () => {
      jobs?.rulesChanged().catch((error: unknown) => log.error({ err: error }, 'a recovery could not be noted'));
    },
  });
  opened.push(() => guardian.close());
  const room = store.folder === undefined ? undefined : await watchRoom(store.folder, log.child({ part: 'store' }));
  opened.push(async () => room?.close());
  const views = (): Views => guardian.guarded(live.views());
  const figures = createFigures(
    db,
    () => live.settings(),
    () => jobs,
    views,
  );
  const metrics = createMetrics(() => figures.figures());
  if (live.views().withheld === true) {
    tell(log, lostRules(start.rules));
    metrics.rules(false);
  }

  const targetSettings = await startSimulators(start, options, opened);
  const targets = openTargets(targetSettings, store.instance, (target) => measured(target, db, metrics));
  opened.push(async () => void (await Promise.all([...targets.values()].map((target) => target.close()))));

  const burstAlert = createBurstAlert(log.child({ part: 'jobs' }));
  jobs = await startJobs({
    db,
    store: storeParts,
    targets,
    views,
    log: log.child({ part: 'jobs' }),
    instance: `${hostname()}/${process.pid}/${randomUUID()}`,
    postgres: store.config,
    alone: start.store.kind === 'embedded',
    onPlanned: (planned) => {
      const { ms, held } = planned;
      metrics.plan(ms / 1000);
      burstAlert(planned, new Date());
      if (held > 0) log.warn({ changes: held }, 'the guard holds changes for approval: drawbridge holds list');
    },
    ...(options.timing === undefined ? {} : { timing: options.timing }),
  });
  const running = jobs;
  opened.push(() => running.close());

  const sources = scimSourcesOf(() => live.settings());
  const { server } = start;
  const scimPublicUrl = (server.scim ?? server).publicUrl;
  const correlation = await startCorrelation(live.views().correlator, {
    db,
    log: log.child({ part: 'correlation' }),
    wake: () => running.wake(),
  });
  opened.push(() => correlation.close());
  const readings = readDirectories({
    db,
    correlator: () => correlation.now(),
    sources: () => live.settings().sources,
    log: log.child({ part: 'readings' }),
    wake: (urgent) => running.wake(urgent),
    onReading: (reading) => metrics.reading(reading),
  });
  opened.push(() => readings.close());

  const resources = createResources(db, () => correlation.now());
  const scim = createScim({
    resources: room === undefined ? resources : needingRoom(resources, room),
    authenticate: async (presented) => {
      const token = await authenticate(db, presented, new Date());
      return token?.source == null ? undefined : { id: token.id, name: token.name, source: token.source };
    },
    sources,
    cursorKey: await cursorKey(db),
    onIrregular: countIrregular(metrics, log.child({ part: 'scim' })),
    onLeaveRefused: ({ source }) => metrics.leaveRefused(source),
    onChange: ({ urgent }) => running.wake(urgent),
    log: log.child({ part: 'scim' }),
    ...(scimPublicUrl === undefined ? {} : { publicUrl: scimPublicUrl }),
  });
  const trustProxy = server.trustProxy ?? [];
  const ids = (): string[] => [...sources().keys()];
  const web = createWeb({
    scim: server.scim === undefined || server.scim.alsoInside ? scim : undefined,
    trustProxy,
    metrics,
    log: log.child({ part: 'http' }),
    version: options.version,
    sources: ids,
    readiness: () => figures.readiness(),
    url: () => scimUrl,
  });
  const httpLog = log.child({ part: 'http' });
  const drainMs = options.drainMs ?? 15_000;
  const inner = await openListener(web, server, { log: httpLog });
  opened.push(() => inner.close(drainMs));
  const outer =
    server.scim === undefined
      ? undefined
      : await openListener(
          createScimWeb({
            scim,
            metrics,
            log: httpLog,
            sources: ids,
            trustProxy,
            allowed: scimAllowed(server),
            refuse: scimError,
          }),
          server.scim,
          { log: httpLog, allowed: allowedPeers(server) },
        );
  if (outer !== undefined) opened.push(() => outer.close(drainMs));
  const { url } = inner;
  scimUrl = scimPublicUrl ?? (outer ?? inner).url;
  // After all that can fail: a token that was made and never shown would be lost.
  const firstTokens = options.firstTokens === true ? await makeFirstTokens(store, start, options.secrets) : [];

  const stopWatching = watchSources({ db, settings: () => live.settings(), log: log.child({ part: 'sources' }) });
  opened.push(async () => stopWatching());

  const changed = async (): Promise<void> => {
    await settleSources(db, live.settings(), log, new Date());
    correlation.follow(live.views().correlator);
    await running.rulesChanged();
    running.wake();
  };
  const reload = async (): Promise<boolean> => {
    inner.refresh();
    outer?.refresh();
    if (!live.reload()) return false;
    await changed();
    return true;
  };
  if (read !== undefined) {
    const stop = live.watch(WATCH_EVERY_MS, () => {
      changed().catch((error: unknown) => log.error({ err: error }, 'changed rules could not be noted'));
    });
    opened.push(async () => stop());
  }
  let closed: Promise<void> | undefined;
  return {
    url,
    publicUrl: server.publicUrl ?? url,
    scimUrl,
    store,
    jobs,
    readings,
    targets,
    targetSettings,
    firstTokens,
    reload,
    close: () => (closed ??= closeAll()),
  };
}

/** Whose requests are taken at the address of SCIM: of clients behind a proxy, their own addresses count. */
const scimAllowed = ({ scim }: Settings['server']) =>
  scim?.allow === undefined ? undefined : addressMatcher(scim.allow);

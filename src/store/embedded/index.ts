import { existsSync } from 'node:fs';
import type { PoolConfig } from 'pg';
import { StoreRefused } from '../errors.ts';
import { asUnavailable } from '../unavailable.ts';
import { findBinaries } from './binaries.ts';
import { ensureCluster } from './cluster.ts';
import { keep, type Keeper, serverConfig } from './keeper.ts';
import { withLock } from './lock.ts';
import { rotateLog } from './log.ts';
import { type Elsewhere, linkPidFile, locate, type Place, refuseLostCluster, settle } from './place.ts';
import { findPostmaster, type Postmaster, startPostmaster, stopPostmaster } from './postmaster.ts';
import { sleep } from './process.ts';
import { removeSocketFolder } from './socket.ts';

export interface EmbeddedOptions extends Elsewhere {
  /** Told what happens to the server after it was opened: `store.server-lost`, `store.server-started`, … */
  readonly log?: (event: string, fields: Readonly<Record<string, unknown>>) => void;
  /** For the service: a second one on the same folder is refused. */
  readonly exclusive?: boolean;
  /** For tests: no fsync. */
  readonly unsafe?: boolean;
}

export interface Embedded {
  /** For a pool on the database `drawbridge`. The same over all restarts of the server. */
  readonly config: PoolConfig;
  /** PostgreSQL's own folder. */
  readonly cluster: string;
  /** Gives up the use; the last user stops the server. Close pools before. */
  close(): Promise<void>;
}

const DATABASE = 'drawbridge';
/** How long a server may be neither ready nor gone, ms. */
const PATIENCE = 120_000;

/**
 * Opens the PostgreSQL server of a data folder: joins the one that runs, also one that a killed process left behind, or
 * starts it, making the database at first use. While open, a server that died is started again. Throws `StoreRefused`.
 */
export async function openEmbedded(folder: string, options: EmbeddedOptions = {}): Promise<Embedded> {
  const log = options.log ?? (() => undefined);
  let place = locate(folder, options);
  const state = { closing: false };
  let keeper: Keeper | undefined;
  let pid = 0;

  const join = async (): Promise<Postmaster> => {
    const joined = await joinServer(place, options, () => state.closing);
    ({ place, keeper } = joined);
    pid = joined.server.pid;
    return joined.server;
  };

  const supervise = async (): Promise<void> => {
    for (let wait = 0; !state.closing; wait = Math.min(wait * 2 + 50, 5_000)) {
      if (keeper === undefined) {
        await sleep(wait);
        if (state.closing) return;
        await join().then(
          (server) => log('store.server-joined', { pid: server.pid }),
          (error: unknown) =>
            log('store.server-failed', { error: error instanceof Error ? error.message : String(error) }),
        );
      } else {
        await keeper.lost;
        keeper = undefined;
        wait = 0;
        if (!state.closing) log('store.server-lost', { pid });
      }
    }
  };

  const server = await join();
  const supervising = supervise();
  const rotation = setInterval(() => rotateLog(place.log), 60_000).unref();
  let closed: Promise<void> | undefined;
  const close = async (): Promise<void> => {
    state.closing = true;
    clearInterval(rotation);
    if (keeper !== undefined) await leave(place, keeper, pid);
    await supervising;
    // A server that was just being started again when the call came.
    if (keeper !== undefined) await leave(place, keeper, pid);
  };
  return {
    config: { ...serverConfig(server.socketFolder, DATABASE) },
    cluster: place.cluster,
    close: () => (closed ??= close()),
  };
}

async function leave(place: Place, keeper: Keeper, pid: number): Promise<void> {
  const last = await keeper.release().catch(() => false);
  if (last) await stopServer(place, pid);
  await keeper.end().catch(() => undefined);
}

async function stopServer(place: Place, pid: number): Promise<void> {
  const folder = findPostmaster(place)?.socketFolder;
  await stopPostmaster(pid);
  await withLock(place.lock, () => {
    if (folder !== undefined && findPostmaster(place) === undefined) removeSocketFolder(folder);
    return Promise.resolve();
  });
}

interface Joined {
  readonly place: Place;
  readonly server: Postmaster;
  readonly keeper: Keeper;
}

/** Joins the running server or starts one, until one of the two succeeds or there is a reason that waiting won't mend. */
async function joinServer(start: Place, options: EmbeddedOptions, stopped: () => boolean): Promise<Joined> {
  let place = start;
  const end = performance.now() + PATIENCE;
  for (;;) {
    let server = findPostmaster(place);
    if (server === undefined) {
      ({ place, server } = await withLock(place.lock, () => startServer(place, options)));
    }
    try {
      const as = { service: options.exclusive === true, database: DATABASE };
      const keeper = await keep(place, server.socketFolder, as);
      return { place, server, keeper };
    } catch (error) {
      const config = serverConfig(server.socketFolder, DATABASE);
      const away = asUnavailable(error, config);
      // Not up yet, or about to stop because its last user left: both pass. A socket that we may not enter does not.
      if (away === undefined || away.code === 'EACCES') throw away ?? error;
      if (performance.now() > end || stopped()) {
        throw new StoreRefused(`The PostgreSQL server (process ${server.pid}) on ${place.cluster} does not answer`, {
          remedy: `See ${place.log}; stop it with: kill -INT ${server.pid}`,
          cause: error,
        });
      }
      await sleep(30);
    }
  }
}

/** Under the start lock: another process may have started it meanwhile. */
async function startServer(start: Place, options: EmbeddedOptions): Promise<{ place: Place; server: Postmaster }> {
  refuseLostCluster(start);
  // The pointer may have been written since this process looked.
  const place = settle(locate(start.folder, start));
  const running = findPostmaster(place);
  if (running !== undefined) return { place, server: running };
  const binaries = await findBinaries(place);
  await ensureCluster(place, binaries, options.unsafe !== true);
  const server = await startPostmaster(place, binaries, options.unsafe === true);
  linkPidFile(place);
  options.log?.('store.server-started', { pid: server.pid, cluster: place.cluster });
  return { place, server };
}

/** For tests and diagnosis: does a server run on this data folder? */
export function embeddedPid(folder: string, elsewhere: Elsewhere = {}): number | undefined {
  return existsSync(folder) ? findPostmaster(locate(folder, elsewhere))?.pid : undefined;
}

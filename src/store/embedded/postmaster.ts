import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { StoreRefused } from '../errors.ts';
import type { Binaries } from './binaries.ts';
import { lastLines } from './cluster.ts';
import { openLog, rotateLog } from './log.ts';
import type { Place } from './place.ts';
import { processOf, servesCluster, signal, sleep, until } from './process.ts';
import { serverEnv } from './run.ts';
import { clearSocket, PORT, socketFolder } from './socket.ts';

/** A server process of ours, as its `postmaster.pid` describes it. */
export interface Postmaster {
  readonly pid: number;
  readonly socketFolder: string;
  readonly state: 'ready' | 'starting' | 'stopping';
}

/** How long recovery after a crash may take, ms. */
const START_LIMIT = 120_000;
/** How long old backends may hold the shared memory after their postmaster was killed, ms. */
const DRAIN_LIMIT = 10_000;

/** Settings of the server. Durability is PostgreSQL's default: fsync and synchronous_commit on. */
const SETTINGS: Readonly<Record<string, string>> = {
  cluster_name: 'drawbridge',
  listen_addresses: '',
  port: String(PORT),
  unix_socket_permissions: '0700',
  max_connections: '100',
  shared_buffers: '128MB',
  max_wal_size: '1GB',
  checkpoint_timeout: '10min',
  random_page_cost: '1.1',
  jit: 'off',
  timezone: 'UTC',
  log_timezone: 'UTC',
  // The server's own matters only: statements and their values are people's data.
  log_min_messages: 'log',
  log_min_error_statement: 'panic',
  log_error_verbosity: 'terse',
  log_checkpoints: 'off',
  logging_collector: 'off',
  log_destination: 'stderr',
};

/** For tests: nothing survives a power cut, everything survives kill -9. */
const UNSAFE: Readonly<Record<string, string>> = { fsync: 'off', full_page_writes: 'off' };

/** The server that runs on this cluster; undefined when none does, whatever a stale file says. */
export function findPostmaster(place: Place): Postmaster | undefined {
  const lines = pidFile(place)?.split('\n') ?? [];
  const pid = Number(lines[0]);
  // Its number may belong to another program by now, after a restart of the machine or container.
  if (!Number.isInteger(pid) || pid <= 0 || processOf(pid) === undefined) return undefined;
  if (!servesCluster(pid, place.cluster)) return undefined;
  const state = lines[7]?.trim();
  return {
    pid,
    socketFolder: lines[4] ?? '',
    state: state === 'ready' || state === 'stopping' ? state : 'starting',
  };
}

function pidFile(place: Place): string | undefined {
  try {
    return readFileSync(join(place.cluster, 'postmaster.pid'), 'utf8');
  } catch {
    return undefined;
  }
}

/**
 * Starts the server, detached and in a process group of its own, and waits until it takes connections.
 * Tries again while what a killed server left behind is still going away. Only under the start lock, and when
 * none runs.
 */
export async function startPostmaster(place: Place, binaries: Binaries, unsafe: boolean): Promise<Postmaster> {
  const end = performance.now() + DRAIN_LIMIT;
  let previous: string | undefined;
  for (;;) {
    // A file that is left belongs to a killed server. Whoever used that one looks for it at the same socket.
    previous ??= pidFile(place)?.split('\n')[4];
    rmSync(join(place.cluster, 'postmaster.pid'), { force: true });
    const socket = socketFolder(place, previous);
    clearSocket(socket);
    rotateLog(place.log);
    const from = size(place.log);
    const child = spawnServer(place, binaries, socket, unsafe);
    const started = await waitReady(place, child);
    if (started !== undefined) return started;
    const said = readFileSync(place.log, 'utf8').slice(from);
    const draining = /still in use|pre-existing shared memory|is another postmaster/i.test(said);
    if (!draining || performance.now() > end) {
      throw new StoreRefused(`PostgreSQL did not start on ${place.cluster}: ${lastLines(said) || 'no message'}`, {
        remedy: `See ${place.log}.`,
      });
    }
    await sleep(100);
  }
}

function spawnServer(place: Place, binaries: Binaries, socket: string, unsafe: boolean): ChildProcess {
  const settings = { ...SETTINGS, ...(unsafe ? UNSAFE : {}), unix_socket_directories: socket };
  const args = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const log = openLog(place);
  try {
    const child = spawn(join(binaries.bin, 'postgres'), ['-D', place.cluster, ...args], {
      detached: true,
      cwd: '/',
      env: serverEnv(),
      stdio: ['ignore', log, log],
      ...place.user,
    });
    child.on('error', () => undefined);
    child.unref();
    return child;
  } finally {
    closeSync(log);
  }
}

/** The server once it is ready; undefined when it ended before. */
async function waitReady(place: Place, child: ChildProcess): Promise<Postmaster | undefined> {
  let found: Postmaster | undefined;
  const ended = (): boolean => child.pid === undefined || child.exitCode !== null || child.signalCode !== null;
  const ready = (): boolean => {
    found = findPostmaster(place);
    return found?.pid === child.pid && found?.state === 'ready';
  };
  const done = await until(() => ended() || ready(), START_LIMIT);
  if (!done && child.pid !== undefined) {
    await stopPostmaster(child.pid);
    throw new StoreRefused(`PostgreSQL on ${place.cluster} was not ready after ${START_LIMIT / 1000} s`, {
      remedy: `See ${place.log}.`,
    });
  }
  return ended() ? undefined : found;
}

/** Stops the server: connections are cut and everything is written out; if that takes too long, by force. */
export async function stopPostmaster(pid: number): Promise<void> {
  const gone = (): boolean => processOf(pid) === undefined;
  for (const [name, ms] of [
    ['SIGINT', 30_000],
    ['SIGQUIT', 5_000],
    ['SIGKILL', 5_000],
  ] as const) {
    signal(pid, name);
    if (await until(gone, ms)) return;
  }
}

function size(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0;
}

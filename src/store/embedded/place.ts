import { createHash } from 'node:crypto';
import {
  accessSync,
  chmodSync,
  constants,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative, resolve } from 'node:path';
import { StoreRefused } from '../errors.ts';
import { barredAt, isRoot, type ServerUser, serverUser } from './user.ts';

/** Where a root process keeps what the server's user must be able to reach. */
export const STATE_FOLDER = '/var/lib/drawbridge';

/** Where everything of one embedded server lies. */
export interface Place {
  /** The data folder of the settings, by its real path. */
  readonly folder: string;
  /** PostgreSQL's own folder: `postgres` in the data folder, or what the pointer file names. */
  readonly cluster: string;
  readonly user: ServerUser | undefined;
  /** Where a root process puts a cluster that the server's user could not reach otherwise. */
  readonly state: string;
  /** Where it puts a copy of the programs, for the same reason. */
  readonly programs: string;
  /** Where the socket's folder is made. */
  readonly temp: string;
  readonly lock: string;
  readonly log: string;
}

/** Other folders than the usual ones. */
export interface Elsewhere {
  readonly state?: string | undefined;
  readonly programs?: string | undefined;
  readonly temp?: string | undefined;
}

const POINTER = 'postgres.location';

/** Finds the place of a data folder, and makes the folder. Throws `StoreRefused` when it can't be used. */
export function locate(
  folder: string,
  { state = STATE_FOLDER, programs = STATE_FOLDER, temp = tmpdir() }: Elsewhere = {},
): Place {
  const real = makeFolder(resolve(folder));
  const cluster = readPointer(real) ?? clusterIn(real);
  const user = serverUser(cluster);
  return {
    folder: real,
    cluster,
    user,
    state,
    programs,
    temp,
    lock: join(real, 'start.lock'),
    log: join(real, 'postgres.log'),
  };
}

/**
 * The place with a cluster folder that the server's user can reach. Where a parent folder bars the way (a home folder
 * of root, say), a new cluster goes to the state folder and a pointer file in the data folder names it.
 * Only under the start lock.
 */
export function settle(place: Place): Place {
  if (place.user === undefined || existsSync(place.cluster)) return place;
  let barred = barredAt(place.folder, place.user);
  if (barred === place.folder) {
    // Our own folder: entering it is enough for the server's user, what lies in it keeps its own rights.
    chmodSync(place.folder, (statSync(place.folder).mode & 0o7777) | 0o011);
    barred = undefined;
  }
  if (barred === undefined) return place;
  const cluster = join(place.state, createHash('sha256').update(place.folder).digest('hex').slice(0, 24));
  makeStateFolder(place, barred);
  // A cluster that no pointer names any more: its data folder was deleted. Kept, since it is somebody's data.
  if (existsSync(cluster)) renameSync(cluster, `${cluster}.${Date.now()}.left`);
  writeFileSync(join(place.folder, POINTER), `${cluster}\n`, { mode: 0o644 });
  return { ...place, cluster };
}

function makeStateFolder({ folder, state }: Place, barred: string): void {
  try {
    // The chmod is for a umask that would keep the server's user out.
    if (mkdirSync(state, { recursive: true }) !== undefined) chmodSync(state, 0o755);
  } catch (error) {
    throw new StoreRefused(
      `The server's user can't come through ${barred} to the data folder ${folder}, and ${state} can't be made instead`,
      { remedy: `Open the way (chmod o+x ${barred}), or name a data folder elsewhere in store.url.`, cause: error },
    );
  }
}

/** Shows the server's `postmaster.pid` in the data folder, where people and tools look for it. */
export function linkPidFile(place: Place): void {
  const link = join(place.folder, 'postmaster.pid');
  const inside = place.cluster === clusterIn(place.folder);
  // Relative, so that a data folder can be moved.
  const target = join(inside ? relative(place.folder, place.cluster) : place.cluster, 'postmaster.pid');
  try {
    const found = lstatSync(link, { throwIfNoEntry: false });
    if (found?.isSymbolicLink() && readlinkSync(link) === target) return;
    rmSync(link, { force: true });
    symlinkSync(target, link);
  } catch {
    // Nothing of ours rests on it.
  }
}

const clusterIn = (folder: string): string => join(folder, 'postgres');

function makeFolder(folder: string): string {
  try {
    mkdirSync(folder, { recursive: true, mode: isRoot() ? 0o711 : 0o700 });
    accessSync(folder, constants.R_OK | constants.W_OK | constants.X_OK);
    return realpathSync(folder);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    const why =
      code === 'ENOTDIR' || code === 'EEXIST' ? 'a file is in its way' : `this user can't write to it (${code})`;
    throw new StoreRefused(`The data folder ${folder} can't be used: ${why}`, {
      remedy:
        'Give the folder to the user that Drawbridge runs as, name another one in store.url, or set DATABASE_URL.',
      cause: error,
    });
  }
}

function readPointer(folder: string): string | undefined {
  const file = join(folder, POINTER);
  if (!existsSync(file)) return undefined;
  const cluster = readFileSync(file, 'utf8').trim();
  if (cluster !== '') return cluster;
  throw new StoreRefused(`${file} is empty: it must name the folder where the database lies`, {
    remedy: `Write the folder's path into it; on this machine it is a folder in ${STATE_FOLDER}.`,
  });
}

/** A pointer was written, so a database was made: a missing one is a loss, never a reason to begin an empty one. */
export function refuseLostCluster(place: Place): void {
  if (place.cluster === clusterIn(place.folder) || existsSync(place.cluster)) return;
  const pointer = join(place.folder, POINTER);
  throw new StoreRefused(`${pointer} says that the database lies in ${place.cluster}, and there is nothing`, {
    remedy: `Bring that folder back, from a backup if need be; or delete ${pointer} to begin with an empty store.`,
  });
}

import { createHash } from 'node:crypto';
import { chmodSync, chownSync, lstatSync, mkdirSync, rmdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { StoreRefused } from '../errors.ts';
import type { Place } from './place.ts';
import { barredAt } from './user.ts';

/** sockaddr_un holds 107 characters and a NUL. */
const LIMIT = 107;
export const PORT = 5432;
const FILE = `/.s.PGSQL.${PORT}`;

/**
 * The folder of the server's socket, made with mode 0700 for the server's user: who may enter it is the superuser.
 * The same one at every start, so that pools find a server again that was started anew. A folder of that name that
 * somebody else made is not used. `previous`: where a killed server had it, to which pools may still hold.
 */
export function socketFolder(place: Place, previous?: string): string {
  if (previous !== undefined && previous !== '' && make(previous, place)) return previous;
  const { temp } = place;
  const name = `drawbridge-${createHash('sha256').update(place.cluster).digest('hex').slice(0, 16)}`;
  const bases = [temp, '/tmp'].filter(
    (base) => base.length + name.length + 2 + FILE.length <= LIMIT && !(place.user && barredAt(base, place.user)),
  );
  for (const base of bases) {
    for (const suffix of ['', 'a', 'b', 'c']) {
      const folder = join(base, name + suffix);
      if (make(folder, place)) return folder;
    }
  }
  throw new StoreRefused(`There is no temporary folder for the database's socket (${temp}, /tmp)`, {
    remedy: `Set TMPDIR to a folder that can be written and whose path is shorter than ${LIMIT - name.length - FILE.length} characters.`,
  });
}

function make(folder: string, place: Place): boolean {
  const uid = place.user?.uid ?? process.getuid?.();
  try {
    mkdirSync(folder, { mode: 0o700 });
    if (place.user !== undefined) chownSync(folder, place.user.uid, place.user.gid);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') return false;
  }
  // lstat: a symbolic link that somebody laid there must not lead us elsewhere.
  const found = lstatSync(folder, { throwIfNoEntry: false });
  if (found === undefined || !found.isDirectory() || found.uid !== uid) return false;
  if ((found.mode & 0o777) !== 0o700) chmodSync(folder, 0o700);
  return true;
}

/**
 * Removes what a killed server left in its folder. PostgreSQL would do so itself, but takes a process that is dead and
 * still in the table (a container whose first process reaps none) for a living one.
 */
export function clearSocket(folder: string): void {
  rmSync(folder + FILE, { force: true });
  rmSync(`${folder}${FILE}.lock`, { force: true });
}

/** Takes the folder of a stopped server away; one that something else lies in stays. */
export function removeSocketFolder(folder: string): void {
  try {
    rmdirSync(folder);
  } catch {
    // Not ours to remove, or gone.
  }
}

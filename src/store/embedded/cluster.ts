import {
  chownSync,
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { StoreRefused } from '../errors.ts';
import type { Binaries } from './binaries.ts';
import type { Place } from './place.ts';
import { run } from './run.ts';

/** PostgreSQL's superuser of the embedded server: whoever may enter the socket's folder is it. */
export const OWNER = 'drawbridge';

/**
 * Makes the cluster if there is none, whole or not at all, and refuses one of another major version.
 * Only under the start lock.
 */
export async function ensureCluster(place: Place, binaries: Binaries, sync: boolean): Promise<void> {
  if (existsSync(join(place.cluster, 'PG_VERSION'))) return refuseOtherMajor(place, binaries);
  if (existsSync(place.cluster)) {
    if (readdirSync(place.cluster).length > 0) {
      throw new StoreRefused(`${place.cluster} is not empty and holds no PostgreSQL database`, {
        remedy: 'Move away what lies there, or name another data folder in store.url.',
      });
    }
    rmSync(place.cluster, { recursive: true });
  }
  const fresh = `${place.cluster}.new`;
  rmSync(fresh, { recursive: true, force: true });
  mkdirSync(fresh, { mode: 0o700 });
  if (place.user !== undefined) chownSync(fresh, place.user.uid, place.user.gid);
  const args = ['-D', fresh, '-U', OWNER, '--auth=trust', '--encoding=UTF8', '--locale=C.UTF-8'];
  const { code, output } = await run(join(binaries.bin, 'initdb'), sync ? args : [...args, '--no-sync'], place.user);
  if (code !== 0) {
    rmSync(fresh, { recursive: true, force: true });
    throw new StoreRefused(`initdb could not make a database in ${fresh}: ${lastLines(output)}`, {
      remedy: /could not look up effective user/.test(output)
        ? 'Run Drawbridge as a user who is in /etc/passwd: PostgreSQL asks for that. Or set DATABASE_URL.'
        : 'See that the disk has space and the folder can be written, or set DATABASE_URL.',
    });
  }
  renameSync(fresh, place.cluster);
  if (sync) syncFolder(dirname(place.cluster));
}

function refuseOtherMajor(place: Place, binaries: Binaries): void {
  const found = readFileSync(join(place.cluster, 'PG_VERSION'), 'utf8').trim();
  if (Number(found) === binaries.major) return;
  throw new StoreRefused(
    `The data folder ${place.folder} was made by PostgreSQL ${found}; this version runs PostgreSQL ${binaries.major}`,
    {
      remedy:
        `Nothing in it was changed. Write the store out with the programs of that version, of the system or of an ` +
        `earlier Drawbridge: PG_BIN=/usr/lib/postgresql/${found}/bin drawbridge store export -o FILE. ` +
        'Then move the data folder away and read the file in: drawbridge store import FILE ' +
        '--witness OLD/witness.json. See "Another major version of PostgreSQL" in docs/operations.md.',
    },
  );
}

/** So that a power cut can't undo the renaming once there is data inside. */
function syncFolder(folder: string): void {
  const handle = openSync(folder, 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

export const lastLines = (text: string): string => text.trim().split('\n').slice(-4).join(' | ').slice(-600);

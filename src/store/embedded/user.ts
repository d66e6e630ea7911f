import { readFileSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { StoreRefused } from '../errors.ts';

/** Whom the server runs as. */
export interface ServerUser {
  readonly uid: number;
  readonly gid: number;
}

export const isRoot = (): boolean => process.getuid?.() === 0;

/**
 * PostgreSQL refuses to run as root: a root process runs it as the owner of an existing cluster, or else as `nobody`.
 * Any other process runs it as itself (undefined), and can't use another user's cluster.
 */
export function serverUser(cluster: string): ServerUser | undefined {
  const owner = statSync(cluster, { throwIfNoEntry: false });
  if (isRoot()) return owner === undefined || owner.uid === 0 ? nobody() : { uid: owner.uid, gid: owner.gid };
  if (owner !== undefined && owner.uid !== process.getuid?.()) {
    throw new StoreRefused(`The database in ${cluster} belongs to the user with id ${owner.uid}`, {
      remedy: 'Run Drawbridge as that user or as root, or name another data folder in store.url.',
    });
  }
  return undefined;
}

function nobody(): ServerUser {
  const line = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find((entry) => entry.startsWith('nobody:'));
  const [, , uid, gid] = line?.split(':') ?? [];
  if (uid === undefined || gid === undefined) {
    throw new StoreRefused('PostgreSQL does not run as root, and there is no user "nobody" in /etc/passwd', {
      remedy: 'Start Drawbridge as an ordinary user, or set DATABASE_URL.',
    });
  }
  return { uid: Number(uid), gid: Number(gid) };
}

/** The first folder, from the top, that this user can't enter, by its mode bits; undefined when the way is free. */
export function barredAt(folder: string, user: ServerUser): string | undefined {
  const above = dirname(folder);
  const barred = above === folder ? undefined : barredAt(above, user);
  if (barred !== undefined) return barred;
  const { mode, uid, gid } = statSync(folder);
  const bit = uid === user.uid ? 0o100 : gid === user.gid ? 0o010 : 0o001;
  return (mode & bit) === 0 ? folder : undefined;
}

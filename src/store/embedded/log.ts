import { copyFileSync, fchownSync, openSync, statSync, truncateSync } from 'node:fs';
import type { Place } from './place.ts';

const LIMIT = 8 * 1024 * 1024;

/** Keeps the server's log at one file and one older, 8 MiB each. The server goes on appending to the same file. */
export function rotateLog(file: string, limit: number = LIMIT): void {
  if ((statSync(file, { throwIfNoEntry: false })?.size ?? 0) < limit) return;
  copyFileSync(file, `${file}.1`);
  truncateSync(file);
}

/** Opens the server's log for appending. It belongs to the data folder's owner, also when root makes it. */
export function openLog(place: Place): number {
  const log = openSync(place.log, 'a', 0o600);
  if (place.user !== undefined) {
    const { uid, gid } = statSync(place.folder);
    fchownSync(log, uid, gid);
  }
  return log;
}

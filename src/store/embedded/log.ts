import { copyFileSync, statSync, truncateSync } from 'node:fs';

const LIMIT = 8 * 1024 * 1024;

/** Keeps the server's log at one file and one older, 8 MiB each. The server goes on appending to the same file. */
export function rotateLog(file: string, limit: number = LIMIT): void {
  if ((statSync(file, { throwIfNoEntry: false })?.size ?? 0) < limit) return;
  copyFileSync(file, `${file}.1`);
  truncateSync(file);
}

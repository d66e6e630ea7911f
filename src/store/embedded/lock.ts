import { randomBytes } from 'node:crypto';
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { StoreRefused } from '../errors.ts';
import { type ProcessIdentity, processOf, sleep } from './process.ts';

/**
 * Runs `work` while no other process does so with the same lock file. A lock whose holder was killed counts for
 * nothing. It spares processes that start at once from getting in each other's way; that two servers never run on one
 * folder is PostgreSQL's own doing.
 */
export async function withLock<T>(file: string, work: () => Promise<T>, waitMs = 150_000): Promise<T> {
  const mine = JSON.stringify({ ...processOf(process.pid), nonce: randomBytes(8).toString('hex') });
  const end = performance.now() + waitMs;
  while (!take(file, mine)) {
    if (performance.now() > end) {
      throw new StoreRefused(`${file} is held by process ${holder(file)?.pid ?? 'unknown'} for too long`, {
        remedy: 'See what that process does; stop it, or remove the file if it is no Drawbridge.',
      });
    }
    await sleep(15);
  }
  try {
    return await work();
  } finally {
    if (read(file) === mine) rmSync(file, { force: true });
  }
}

function take(file: string, mine: string): boolean {
  const own = `${file}.${randomBytes(6).toString('hex')}`;
  writeFileSync(own, mine, { mode: 0o644 });
  try {
    // A link either appears with its content or not at all.
    linkSync(own, file);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    clearDead(file, own);
    return false;
  } finally {
    rmSync(own, { force: true });
  }
}

/** Removes the lock of a dead process. What was moved away by mistake, a living one's taken just now, is put back. */
function clearDead(file: string, own: string): void {
  const found = read(file);
  if (found === undefined || alive(found)) return;
  const aside = `${own}.dead`;
  try {
    renameSync(file, aside);
    if (read(aside) !== found) linkSync(aside, file);
  } catch {
    // Another process was faster; the next round sees how it stands.
  } finally {
    rmSync(aside, { force: true });
  }
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}

function holder(file: string): ProcessIdentity | undefined {
  return parse(read(file) ?? '');
}

function parse(text: string): ProcessIdentity | undefined {
  try {
    const value = JSON.parse(text) as Partial<ProcessIdentity>;
    return typeof value.pid === 'number' && typeof value.started === 'string'
      ? { pid: value.pid, started: value.started }
      : undefined;
  } catch {
    return undefined;
  }
}

function alive(text: string): boolean {
  const identity = parse(text);
  return identity !== undefined && processOf(identity.pid)?.started === identity.started;
}

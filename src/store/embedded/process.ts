import { execFileSync } from 'node:child_process';
import { readFileSync, readlinkSync, realpathSync } from 'node:fs';
import { basename } from 'node:path';

/** What identifies a process beyond its number, which the system gives out again. */
export interface ProcessIdentity {
  readonly pid: number;
  /** When it started, in the system's own notation. */
  readonly started: string;
}

/** The process with this number; undefined when there is none, or only what a dead one left in the table (zombie). */
export function processOf(pid: number): ProcessIdentity | undefined {
  if (process.platform === 'linux') {
    try {
      // The name in parentheses may hold blanks and parentheses itself; after it come state (3) … start time (22).
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      const started = fields[19];
      return fields[0] === 'Z' || fields[0] === 'X' || started === undefined ? undefined : { pid, started };
    } catch {
      return undefined;
    }
  }
  try {
    const started = execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim();
    return started === '' ? undefined : { pid, started };
  } catch {
    return undefined;
  }
}

/** Is it the PostgreSQL server of this cluster? A server's working folder is its cluster, however it was started. */
export function servesCluster(pid: number, cluster: string): boolean {
  if (process.platform === 'linux') {
    try {
      return readlinkSync(`/proc/${pid}/cwd`) === realpathSync(cluster);
    } catch {
      // Root in a container may not look there; the command line is open to all.
    }
  }
  const [program = '', ...args] = commandLine(pid);
  return /^postgres$|^postmaster$/.test(basename(program)) && args.includes(cluster);
}

function commandLine(pid: number): string[] {
  try {
    return process.platform === 'linux'
      ? readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')
      : execFileSync('ps', ['-o', 'command=', '-p', String(pid)], { encoding: 'utf8' })
          .trim()
          .split(' ');
  } catch {
    return [];
  }
}

/** Sends a signal; a process that is gone already is no error. */
export function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Waits until `done` says so; false when `ms` have passed first. */
export async function until(done: () => boolean, ms: number): Promise<boolean> {
  const end = performance.now() + ms;
  while (!done()) {
    if (performance.now() > end) return false;
    await sleep(10);
  }
  return true;
}

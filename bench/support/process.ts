import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';

/** A server under test, in a process of its own, so that memory and CPU time are its own. */
export interface Running {
  readonly pid: number;
  /** What followed `ready ` on its standard output. */
  readonly url: string;
  /** The lines before. */
  readonly lines: readonly string[];
  /** SIGTERM, then waits for the end, at most 30 s; throws when it had to be killed or failed. */
  stop(): Promise<void>;
}

const START_LIMIT_MS = 60_000;
const STOP_LIMIT_MS = 30_000;
const children = new Set<ChildProcess>();

/** Whatever happens to the bench, no server outlives it. */
process.on('exit', () => {
  for (const child of children) child.kill('SIGKILL');
});

/**
 * Starts a script with Node and waits for `ready URL`. What it logs goes to nowhere, as to a collector; the end of it
 * is in the error when it doesn't get ready. `DRAWBRIDGE_BENCH_NODE` holds options for Node, such as --cpu-prof.
 */
export async function startProcess(
  script: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Running> {
  const options = (process.env['DRAWBRIDGE_BENCH_NODE'] ?? '').split(' ').filter((option) => option !== '');
  const child = spawn(process.execPath, [...options, script, ...args], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  children.add(child);
  const exited = once(child, 'exit').finally(() => children.delete(child));
  let tail = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (tail = (tail + text).slice(-4_000)));
  const lines: string[] = [];
  const url = await new Promise<string>((resolve, reject) => {
    const limit = setTimeout(() => reject(new Error(`${script} was not ready in time:\n${tail}`)), START_LIMIT_MS);
    createInterface({ input: child.stdout }).on('line', (line) => {
      if (line.startsWith('ready ')) {
        clearTimeout(limit);
        resolve(line.slice(6).trim());
      } else lines.push(line);
    });
    exited.then(
      ([code]) => reject(new Error(`${script} ended with ${String(code)} before it was ready:\n${tail}`)),
      reject,
    );
  });
  return {
    pid: child.pid as number,
    url,
    lines,
    stop: async () => {
      child.kill('SIGTERM');
      const kill = setTimeout(() => child.kill('SIGKILL'), STOP_LIMIT_MS);
      const [code, signal] = (await exited) as [number | null, NodeJS.Signals | null];
      clearTimeout(kill);
      if (code !== 0) throw new Error(`${script} ended with ${code ?? signal}:\n${tail}`);
    },
  };
}

const status = (pid: number, field: string): number =>
  Number(
    new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? Number.NaN,
  );

/** The most memory that a process has held since `resetPeak`, in MB. */
export const peakMb = (pid: number): number => (status(pid, 'VmHWM') * 1024) / 1e6;

/** What a process holds in memory now, in MB. */
export const memoryMb = (pid: number): number => (status(pid, 'VmRSS') * 1024) / 1e6;

/** From here on `peakMb` counts anew. */
export const resetPeak = (pid: number): void => writeFileSync(`/proc/${pid}/clear_refs`, '5');

/** CPU time that a process has used, user and system, in ms. */
export const cpuMs = (pid: number): number => times(pid).own;

/** The same with its children, also those that have ended: a PostgreSQL server with all its processes. */
export function familyCpuMs(pid: number): number {
  const children = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  const family = children.map((name) => timesIfThere(Number(name))).filter((one) => one?.parent === pid);
  const { own, ended } = times(pid);
  return own + ended + family.reduce((sum, one) => sum + (one?.own ?? 0), 0);
}

const TICK_MS = 10;

/** From /proc/PID/stat: what comes after the name, which may hold anything. */
function times(pid: number): { readonly parent: number; readonly own: number; readonly ended: number } {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /s, '')
    .split(' ')
    .map(Number);
  const [parent = 0, user = 0, system = 0, endedUser = 0, endedSystem = 0] = [1, 11, 12, 13, 14].map((i) => fields[i]);
  return { parent, own: (user + system) * TICK_MS, ended: (endedUser + endedSystem) * TICK_MS };
}

function timesIfThere(pid: number): ReturnType<typeof times> | undefined {
  try {
    return times(pid);
  } catch {
    return undefined;
  }
}

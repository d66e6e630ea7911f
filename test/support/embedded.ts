import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { type Embedded, type EmbeddedOptions, embeddedPid, openEmbedded } from '../../src/store/embedded/index.ts';
import { stopPostmaster } from '../../src/store/embedded/postmaster.ts';
import { barredAt, isRoot, type ServerUser, serverUser } from '../../src/store/embedded/user.ts';

/** A temporary place for embedded servers; nothing of it is left after `clear`. */
export interface Ground {
  readonly base: string;
  readonly data: string;
  readonly elsewhere: { readonly state: string; readonly temp: string };
  /** Opens the server of `data` in this process; `clear` closes what the test did not. */
  open(options?: EmbeddedOptions): Promise<Embedded>;
  /** The server's process id, if one runs. */
  pid(): number | undefined;
  /** Processes that a test started; `stop` ends those that still run. */
  readonly processes: Set<ChildProcess>;
  /** Closes what a test left open and stops the server; the data stay. */
  stop(): Promise<void>;
  clear(): Promise<void>;
}

/** A new temporary folder that the server's user can enter, also where TMPDIR is root's alone. */
export function temporaryFolder(): string {
  const user = serverUser('/nonexistent');
  const open = user === undefined || barredAt(tmpdir(), user) === undefined;
  const folder = mkdtempSync(join(open ? tmpdir() : '/tmp', 'drawbridge-test-'));
  chmodSync(folder, 0o711);
  return folder;
}

export function ground(owner?: ServerUser): Ground {
  const base = temporaryFolder();
  if (owner !== undefined) chownSync(base, owner.uid, owner.gid);
  const data = join(base, 'data');
  const elsewhere = { state: join(base, 'state'), temp: base };
  const opened: Embedded[] = [];
  const pid = (): number | undefined => embeddedPid(data, elsewhere);
  const processes = new Set<ChildProcess>();
  const stop = async (): Promise<void> => {
    for (const child of processes) child.kill('SIGKILL');
    await Promise.all(opened.splice(0).map((embedded) => embedded.close()));
    const left = pid();
    if (left !== undefined) await stopPostmaster(left);
  };
  return {
    base,
    data,
    elsewhere,
    processes,
    pid,
    open: async (options = {}) => {
      const embedded = await openEmbedded(data, { ...elsewhere, unsafe: true, ...options });
      opened.push(embedded);
      return embedded;
    },
    stop,
    clear: async () => {
      try {
        await stop();
      } finally {
        rmSync(base, { recursive: true, force: true });
      }
    },
  };
}

/** Another process that opens the embedded server of a folder, as a service or command of its own would. */
export interface OtherProcess {
  readonly process: ChildProcess;
  /** The server's process id once it is open, or the error's message. */
  readonly opened: Promise<{ readonly pid?: number; readonly error?: string }>;
  /** Closes properly and waits for the process's end; gives its exit code. */
  close(): Promise<number | null>;
}

export function otherProcess(
  place: Ground,
  options: { readonly exclusive?: boolean; readonly user?: ServerUser } = {},
): OtherProcess {
  const script = fileURLToPath(new URL('embedded-process.ts', import.meta.url));
  const settings = JSON.stringify({ ...place.elsewhere, unsafe: true, exclusive: options.exclusive === true });
  const child = spawn(process.execPath, [script, place.data, settings], {
    detached: true,
    stdio: ['pipe', 'pipe', 'inherit'],
    ...options.user,
  });
  place.processes.add(child);
  child.once('exit', () => place.processes.delete(child));
  const ended = once(child, 'exit') as Promise<[number | null]>;
  const opened = new Promise<{ pid?: number; error?: string }>((resolve) => {
    const lines = createInterface({ input: child.stdout });
    lines.once('line', (line) => resolve(JSON.parse(line) as { pid?: number; error?: string }));
    lines.once('close', () => resolve({ error: 'ended without a word' }));
  });
  return {
    process: child,
    opened,
    close: async () => {
      child.stdin.end();
      return (await ended)[0];
    },
  };
}

/** May this user run our scripts with our Node from where they lie? Not in a checkout in root's home folder. */
export function canRunAs(user: ServerUser): boolean {
  const folders = [dirname(process.execPath), dirname(fileURLToPath(import.meta.url))];
  return isRoot() && folders.every((folder) => barredAt(folder, user) === undefined);
}

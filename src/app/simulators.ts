import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Log } from '../log.ts';
import type { TargetSettings } from '../model/settings.ts';

/** A built-in simulator that runs. */
export interface RunningSim {
  /** The target's settings with the simulator's address and keys as options. */
  readonly settings: TargetSettings;
  readonly secrets: readonly string[];
  close(): Promise<void>;
}

interface Address {
  readonly host: string;
  readonly accessKey: string;
  readonly secretKey: string;
}

const START_LIMIT_MS = 20_000;
const STOP_LIMIT_MS = 5_000;
const LARGEST_PAUSE_MS = 10_000;

/**
 * Runs the simulator of a target as a child, with its journal and keys in the data folder. One that dies is started
 * again on the same port. It ends with us, even when we are killed: its standard input is a pipe from us.
 */
export async function runSimulator(target: TargetSettings, dataFolder: string, log: Log): Promise<RunningSim> {
  const folder = join(dataFolder, 'simulators', target.id);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const state = { closing: false };
  let child = await start(target.type, folder, 0);
  const { address } = child;
  const port = Number(address.host.slice(address.host.lastIndexOf(':') + 1));
  writeAddress(folder, address);
  const watch = async (): Promise<void> => {
    for (let pause = 100; !state.closing; pause = Math.min(pause * 2, LARGEST_PAUSE_MS)) {
      await child.ended;
      if (state.closing) return;
      log.warn({ target: target.id }, 'the simulator ended; it is started again');
      await sleep(pause);
      if (state.closing) return;
      const again = await start(target.type, folder, port).catch((error: unknown) => {
        log.error({ target: target.id, err: error }, 'the simulator could not be started again');
        return undefined;
      });
      if (again !== undefined) [child, pause] = [again, 50];
      if (state.closing) await child.stop();
    }
  };
  const watching = watch();
  return {
    ...described(target, address),
    close: async () => {
      state.closing = true;
      await child.stop();
      rmSync(join(folder, ADDRESS), { force: true });
      await Promise.race([watching, sleep(LARGEST_PAUSE_MS, undefined, { ref: false })]);
    },
  };
}

function described(target: TargetSettings, { host, accessKey, secretKey }: Address) {
  return {
    settings: { ...target, options: { ...target.options, host, accessKey, secretKey } },
    secrets: [secretKey],
  };
}

interface Child {
  readonly address: Address;
  readonly ended: Promise<void>;
  stop(): Promise<void>;
}

async function start(type: string, folder: string, port: number): Promise<Child> {
  const bin = fileURLToPath(new URL('../../bin/drawbridge.js', import.meta.url));
  const state = join(folder, 'journal');
  const process_ = spawn(
    process.execPath,
    [bin, 'sim', type, '--state', state, '--port', String(port), '--with-starter'],
    // A process group of its own: a signal to ours must not take the simulator away while work is still being ended.
    { stdio: ['pipe', 'pipe', 'pipe'], env: ownEnvironment(), detached: true },
  );
  const ended = new Promise<void>((resolve) => {
    process_.on('exit', () => resolve());
    process_.on('error', () => resolve());
  });
  let complaint = '';
  process_.stderr.on('data', (chunk: Buffer) => (complaint = `${complaint}${chunk.toString()}`.slice(-2_000)));
  process_.stdin.on('error', () => undefined);
  try {
    const address = await readAddress(process_, ended, () => complaint.trim());
    // Written by the child with the mode of its umask; it holds keys.
    if (existsSync(state)) chmodSync(state, 0o600);
    return { address, ended, stop: () => stop(process_, ended) };
  } catch (error) {
    process_.kill('SIGKILL');
    throw error;
  }
}

/** Keys in our environment are a real system's: the simulator makes its own. */
function ownEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^(SDM_|NODE_OPTIONS$|NODE_TEST)/.test(name)),
  );
}

async function readAddress(child: ChildProcess, ended: Promise<void>, complaint: () => string): Promise<Address> {
  const values = new Map<string, string>();
  const lines = createInterface({ input: child.stdout ?? process.stdin });
  const ready = new Promise<boolean>((resolve) => {
    lines.on('line', (line) => {
      if (line.startsWith('ready ')) return resolve(true);
      const equals = line.indexOf('=');
      if (equals > 0) values.set(line.slice(0, equals), line.slice(equals + 1));
    });
    void ended.then(() => resolve(false));
  });
  const timer = new AbortController();
  const late = sleep(START_LIMIT_MS, false, { signal: timer.signal }).catch(() => false);
  const good = await Promise.race([ready, late]);
  timer.abort();
  const [host, accessKey, secretKey] = ['SDM_API_HOST', 'SDM_API_ACCESS_KEY', 'SDM_API_SECRET_KEY'].map((n) =>
    values.get(n),
  );
  if (!good || host === undefined || accessKey === undefined || secretKey === undefined) {
    throw new Error(`the simulator did not start: ${complaint() || `no answer within ${START_LIMIT_MS / 1000} s`}`);
  }
  return { host, accessKey, secretKey };
}

async function stop(child: ChildProcess, ended: Promise<void>): Promise<void> {
  child.stdin?.end();
  child.kill('SIGTERM');
  const timer = new AbortController();
  const late = sleep(STOP_LIMIT_MS, 'late', { signal: timer.signal }).catch(() => undefined);
  if ((await Promise.race([ended, late])) === 'late') child.kill('SIGKILL');
  timer.abort();
  await ended;
}

const ADDRESS = 'address.json';

function writeAddress(folder: string, address: Address): void {
  const file = join(folder, ADDRESS);
  writeFileSync(`${file}.new`, JSON.stringify(address), { mode: 0o600 });
  renameSync(`${file}.new`, file);
}

/** The settings of a target whose simulator a running service keeps; undefined when none answers. */
export async function findSimulator(target: TargetSettings, dataFolder: string): Promise<TargetSettings | undefined> {
  try {
    const file = join(dataFolder, 'simulators', target.id, ADDRESS);
    const address = JSON.parse(readFileSync(file, 'utf8')) as Address;
    return (await answers(address.host)) ? described(target, address).settings : undefined;
  } catch {
    return undefined;
  }
}

function answers(host: string): Promise<boolean> {
  const [name = '', port] = [host.slice(0, host.lastIndexOf(':')), Number(host.slice(host.lastIndexOf(':') + 1))];
  return new Promise((resolve) => {
    const socket = connect({ host: name, port, timeout: 1_000 });
    const end = (answer: boolean) => (): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.on('connect', end(true)).on('timeout', end(false)).on('error', end(false));
  });
}

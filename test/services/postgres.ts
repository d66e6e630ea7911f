import { execFileSync } from 'node:child_process';
import { randomBytes, randomInt } from 'node:crypto';
import { appendFileSync, chownSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { processOf } from '../../src/store/embedded/process.ts';
import { isRoot, type ServerUser, serverUser } from '../../src/store/embedded/user.ts';

/** Debian's packages lie here, one folder a major version; `apt-get install postgresql` is enough. */
const DEBIAN = '/usr/lib/postgresql';
/** The versions that we promise to work on begin here. */
const OLDEST = 15;
const DATABASE = 'drawbridge';
const USER = 'drawbridge';

/** A PostgreSQL as operators have it: reached by TCP with a password, run by another user than ours. */
export interface PostgresServer {
  /** The address of a database; by default one that is there and empty. */
  url(database?: string): string;
  /** The server's process, if it runs. */
  pid(): number | undefined;
  /** Starts it, with the data that it has; nothing when it runs. Blocks until it takes connections. */
  start(): void;
  /** Ends it by SIGKILL: the next start recovers from the log. */
  kill(): void;
  /** Ends it in order, ending sessions that are open. The data stay. */
  stop(): void;
}

export interface PostgresOptions {
  /** Empty, and reachable for every user. */
  readonly folder: string;
  /** Default false: quicker, and nothing but the server's own end is survived. */
  readonly durable?: boolean;
}

/** Ports outside of those that the system gives out by itself: one of ours stays ours while its server is down. */
const PORTS = { from: 20_000, count: 10_000 };

/** Makes a server and starts it, on a port of its own. Blocks meanwhile. Throws with what to install when the system has none. */
export function startPostgres({ folder, durable = false }: PostgresOptions): PostgresServer {
  const bin = binaries();
  const data = join(folder, 'data');
  const password = randomBytes(12).toString('hex');
  const user = isRoot() ? serverUser(data) : undefined;
  const run = (program: string, ...args: string[]): void => runAs(user, folder, join(bin, program), args);
  mkdirSync(folder, { recursive: true });
  const secret = join(folder, 'password');
  writeFileSync(secret, password, { mode: 0o600 });
  if (user !== undefined) for (const path of [folder, secret]) chownSync(path, user.uid, user.gid);
  run('initdb', '-D', data, '-U', USER, '-A', 'scram-sha-256', `--pwfile=${secret}`, '-E', 'UTF8', '--locale=C.UTF-8');
  const lines = [
    `listen_addresses = '127.0.0.1'`,
    `unix_socket_directories = ''`,
    'max_connections = 200',
    'log_min_messages = warning',
    ...(durable ? [] : ['fsync = off', 'full_page_writes = off']),
  ];
  appendFileSync(join(data, 'postgresql.conf'), `\n${lines.join('\n')}\n`);

  let port = 0;
  const url = (database = DATABASE): string => `postgres://${USER}:${password}@127.0.0.1:${port}/${database}`;
  const pid = (): number | undefined => {
    const file = join(data, 'postmaster.pid');
    const found = existsSync(file) ? Number(readFileSync(file, 'utf8').split('\n')[0]) : 0;
    return found > 0 && processOf(found) !== undefined ? found : undefined;
  };
  const launch = (): void => {
    const log = join(folder, 'postgres.log');
    run('pg_ctl', '-D', data, '-l', log, '-o', `-p ${port}`, '-w', '-t', '60', 'start');
  };
  // After SIGKILL of the postmaster its children may still hold the data for a moment.
  const start = (): void => (pid() === undefined ? retrying(20, launch) : undefined);
  const stop = (): void => {
    if (pid() !== undefined) run('pg_ctl', '-D', data, '-m', 'fast', '-w', 'stop');
  };
  const kill = (): void => {
    const found = pid();
    if (found === undefined) return;
    process.kill(found, 'SIGKILL');
    // A start that finds it alive still would do nothing.
    for (let i = 0; i < 1_000 && processOf(found) !== undefined; i++) pause(10);
  };
  retrying(5, () => {
    port = PORTS.from + randomInt(PORTS.count);
    launch();
  });
  runAs(user, folder, join(bin, 'createdb'), ['-h', '127.0.0.1', '-p', String(port), '-U', USER, DATABASE], {
    PGPASSWORD: password,
  });
  return { url, pid, start, kill, stop };
}

/** The oldest version that we promise to work on and the system has: what is new in later ones must not be needed. */
function binaries(): string {
  const [version] = existsSync(DEBIAN)
    ? readdirSync(DEBIAN)
        .map(Number)
        .filter((n) => n >= OLDEST && existsSync(join(DEBIAN, String(n), 'bin/postgres')))
        .toSorted((a, b) => a - b)
    : [];
  if (version === undefined) {
    throw new Error(`no PostgreSQL ${OLDEST} or later in ${DEBIAN}; install it: apt-get install postgresql`);
  }
  return join(DEBIAN, String(version), 'bin');
}

function runAs(
  user: ServerUser | undefined,
  cwd: string,
  program: string,
  args: readonly string[],
  more: Readonly<Record<string, string>> = {},
): void {
  const env = { ...process.env, LC_ALL: 'C.UTF-8', ...more };
  try {
    // Its output is not waited for: what pg_ctl starts keeps a pipe open as long as it runs.
    execFileSync(program, args, { ...user, cwd, env, stdio: ['ignore', 'ignore', 'ignore'] });
  } catch (error) {
    const log = join(cwd, 'postgres.log');
    const tail = existsSync(log) ? readFileSync(log, 'utf8').slice(-1_000) : '';
    throw new Error(`${[program, ...args].join(' ')} failed\n${tail}`, { cause: error });
  }
}

function retrying(times: number, work: () => void): void {
  for (let left = times; ; left--) {
    try {
      return work();
    } catch (error) {
      if (left === 0) throw error;
      pause(100);
    }
  }
}

const sleeper = new Int32Array(new SharedArrayBuffer(4));
const pause = (ms: number): void => void Atomics.wait(sleeper, 0, 0, ms);

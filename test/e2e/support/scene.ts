import { readFileSync, readdirSync, readlinkSync, rmSync, writeFileSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { embeddedPid } from '../../../src/store/embedded/index.ts';
import { stopPostmaster } from '../../../src/store/embedded/postmaster.ts';
import type { StoreSettings } from '../../../src/model/settings.ts';
import { type PostgresServer, startPostgres } from '../../services/postgres.ts';
import { temporaryFolder } from '../../support/embedded.ts';
import { guard } from '../../support/guard.ts';
import { onPostgres } from '../../support/server.ts';
import { readyUrl, startDrawbridge, type Started } from '../../support/service-process.ts';

/** A service that runs in a process of its own. */
export interface Bridge extends Started {
  readonly url: string;
  /** kill -9, and waits for its end. */
  kill(): Promise<void>;
  /** SIGTERM; gives how it ended. */
  stop(): Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>;
}

/** How to reach a simulator. */
export interface SimAddress {
  readonly host: string;
  readonly accessKey: string;
  readonly secretKey: string;
}

/** A simulator that runs in a process of its own, with its journal in the scene's folder. */
export interface SimProcess extends SimAddress, Started {
  readonly port: number;
  kill(): Promise<void>;
}

/** A folder with settings and data, and the processes that work on it. */
export interface Scene {
  readonly folder: string;
  /** The data folder, of `store: { url: embedded:data }`. */
  readonly data: string;
  readonly config: string;
  /** The journal of the simulator that `sim` starts. */
  readonly journal: string;
  write(name: string, text: string): void;
  start(...args: string[]): Started;
  /** Starts the service and waits until it is ready. */
  serve(): Promise<Bridge>;
  /** Runs a command to its end. */
  command(...args: string[]): Promise<{ readonly code: number | null; readonly out: string; readonly err: string }>;
  sim(options?: { readonly port?: number; readonly faults?: string; readonly keys?: SimAddress }): Promise<SimProcess>;
  /** Where the data lie: in `data`, or on a PostgreSQL of the scene's own when the run is on such. */
  readonly store: StoreSettings;
  /** What processes of this scene need in their environment. */
  readonly env: Readonly<Record<string, string>>;
  /** The PostgreSQL server's process, if one runs. */
  postmaster(): number | undefined;
  /** kill -9 of the PostgreSQL server. */
  killPostmaster(): void;
  /** Starts it again where nobody else would: who uses the embedded one does so by itself. */
  startPostmaster(): void;
  /** Ends everything, however far a test came. */
  clear(): Promise<void>;
}

/** Rules and settings of all scenes: one source, three ways to a role. */
const RULES = `rules:
  - id: dba
    when: { group: { source: okta, name: dba, nested: true } }
    grant: [ { target: strongdm, role: db } ]
  - id: ops
    when: { group: { source: okta, name: ops, nested: true } }
    grant: [ { target: strongdm, role: prod } ]
  - id: sre
    if: user.department == "SRE"
    grant: [ { target: strongdm, role: staging } ]
`;

/** Settings with this target; `target` is the inside of its YAML map. */
export const settings = (target: string): string => `server: { listen: 127.0.0.1:0 }
store: { url: embedded:data }
# Storms move whole groups and disable many, and nobody is there to approve it.
sources: { okta: { type: scim, leaverBurst: { abs: 100000 } } }
targets: { strongdm: { type: strongdm, mode: full, createRoles: true, ${target} } }
guard: { attachments: { abs: 100000 }, role: { abs: 100000 }, emptyFrom: 100000 }
rules: rules
`;

/** The inside of the map for a simulator of our own. */
export const reachedAt = ({ host, accessKey, secretKey }: SimAddress): string =>
  `baseline: auto, host: "${host}", accessKey: "${accessKey}", secretKey: "${secretKey}"`;

function ownPostgres(): { readonly server: PostgresServer; remove(): void } | undefined {
  if (!onPostgres) return undefined;
  const folder = temporaryFolder();
  const release = guard(folder);
  const server = startPostgres({ folder, durable: true });
  const remove = (): void => {
    server.stop();
    rmSync(folder, { recursive: true, force: true });
    release();
  };
  return { server, remove };
}

export function openScene(): Scene {
  const folder = temporaryFolder();
  const data = join(folder, 'data');
  const config = join(folder, 'drawbridge.yaml');
  const journal = join(folder, 'strongdm.journal');
  const running = new Set<Started>();
  const own = ownPostgres();
  const postmaster = (): number | undefined => (own ? own.server.pid() : embeddedPid(data, { temp: folder }));
  const sceneEnv = { TMPDIR: folder, ...(own && { DATABASE_URL: own.server.url() }) };
  const write = (name: string, text: string): void => {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  };
  const start = (args: readonly string[], env: Readonly<Record<string, string>> = {}): Started => {
    const started = startDrawbridge(args, { ...sceneEnv, ...env }, folder);
    running.add(started);
    void started.ended.then(() => running.delete(started));
    return started;
  };
  const killer = (started: Started) => async (): Promise<void> => {
    started.child.kill('SIGKILL');
    await started.ended;
  };
  write('rules/rules.yaml', RULES);
  return {
    folder,
    data,
    config,
    journal,
    write,
    store: own ? { kind: 'postgres', url: own.server.url() } : { kind: 'embedded', folder: data },
    env: sceneEnv,
    postmaster,
    killPostmaster: () => {
      const pid = postmaster();
      if (own) own.server.kill();
      else if (pid !== undefined) process.kill(pid, 'SIGKILL');
    },
    startPostmaster: () => own?.server.start(),
    start: (...args) => start(args),
    serve: async () => {
      const started = start(['serve', '--config', config]);
      const url = await readyUrl(started);
      return {
        ...started,
        url,
        kill: killer(started),
        stop: () => {
          started.child.kill('SIGTERM');
          return started.ended;
        },
      };
    },
    command: async (...args) => {
      const started = start([...args, '--config', config]);
      const { code } = await started.ended;
      return { code, out: started.out(), err: started.err() };
    },
    sim: async ({ port = 0, faults, keys } = {}) => {
      const args = ['sim', 'strongdm', '--port', String(port), '--state', journal];
      const env = keys && { SDM_API_ACCESS_KEY: keys.accessKey, SDM_API_SECRET_KEY: keys.secretKey };
      const started = start([...args, ...(faults === undefined ? [] : ['--faults', faults])], env);
      const host = await readyUrl(started);
      const said = (name: string): string => new RegExp(`^${name}=(\\S+)$`, 'm').exec(started.out())?.[1] ?? '';
      return {
        ...started,
        host,
        port: Number(host.slice(host.lastIndexOf(':') + 1)),
        accessKey: said('SDM_API_ACCESS_KEY'),
        secretKey: said('SDM_API_SECRET_KEY'),
        kill: killer(started),
      };
    },
    clear: async () => {
      await Promise.all([...running].map((started) => killer(started)()));
      // A simulator whose service was killed ends by itself; a server that was just being started shows in a moment.
      await waitFor(() => processesOf(folder).every((line) => line.includes('postgres')), 5_000);
      const pid = postmaster();
      if (own) own.remove();
      else if (pid !== undefined) await stopPostmaster(pid);
      rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
    },
  };
}

/** Processes that work in a folder, by command line or working folder: `pid command`. Other users' too, for root. */
export function processesOf(folder: string): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .flatMap((pid) => {
      const command = look(() => readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim());
      const cwd = look(() => readlinkSync(`/proc/${pid}/cwd`));
      // A zombie has neither.
      return command !== '' && (command.includes(folder) || cwd.startsWith(folder)) ? [`${pid} ${command}`] : [];
    });
}

function look(read: () => string): string {
  try {
    return read();
  } catch {
    return '';
  }
}

/** Asks until the answer is yes; false when `ms` have passed first. */
export async function waitFor(done: () => boolean | Promise<boolean>, ms: number, every = 25): Promise<boolean> {
  const end = performance.now() + ms;
  while (!(await done())) {
    if (performance.now() > end) return false;
    await sleep(every);
  }
  return true;
}

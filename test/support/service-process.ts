import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const BIN = fileURLToPath(new URL('../../bin/drawbridge.js', import.meta.url));
const START_LIMIT_MS = 60_000;

/** A drawbridge command line in a process of its own. */
export interface Started {
  readonly child: ChildProcess;
  readonly out: () => string;
  readonly err: () => string;
  /** Settles with exit code and signal. */
  readonly ended: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>;
}

/** Starts `drawbridge ARGS`. Nothing of the test's own environment that means something to it goes along. */
export function startDrawbridge(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  cwd?: string,
  /** With a process group of its own, to be signalled as a whole. */
  options: { readonly group?: boolean } = {},
): Started {
  const inherited = Object.entries(process.env).filter(
    ([name]) => !/^(NODE_|DRAWBRIDGE|DATABASE_URL|REDIS_URL|PORT|LOG_LEVEL|SDM_)/.test(name),
  );
  const child = spawn(process.execPath, [BIN, ...args], {
    env: { ...Object.fromEntries(inherited), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: options.group === true,
    ...(cwd === undefined ? {} : { cwd }),
  });
  const texts = { out: '', err: '' };
  child.stdout.on('data', (chunk: Buffer) => (texts.out += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (texts.err += chunk.toString()));
  const ended = once(child, 'close').then(([code, signal]) => ({
    code: code as number | null,
    signal: signal as NodeJS.Signals | null,
  }));
  return { child, out: () => texts.out, err: () => texts.err, ended };
}

/** The address in the `ready` line of a service. Rejects when the process ends before, or takes too long. */
export async function readyUrl(started: Started): Promise<string> {
  const end = performance.now() + START_LIMIT_MS;
  let over = false;
  void started.ended.then(() => (over = true));
  while (performance.now() < end) {
    const [, url] = /^ready (\S+)$/m.exec(started.out()) ?? [];
    if (url !== undefined) return url;
    if (over) break;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  started.child.kill('SIGKILL');
  throw new Error(`the service did not start:\n${started.out()}\n${started.err()}`);
}

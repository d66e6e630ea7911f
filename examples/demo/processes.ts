import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const BIN = fileURLToPath(new URL('../../bin/drawbridge.js', import.meta.url));

export interface Server {
  /** What followed `ready ` on stdout. */
  readonly ready: string;
  /** `NAME=value` lines that came before it. */
  readonly facts: Readonly<Record<string, string>>;
  /** SIGTERM, then the exit code. */
  stop(): Promise<number | null>;
  kill(): void;
}

/** Starts `drawbridge …` and waits for its `ready` line, 30 s at most. Its log goes to `log`. */
export async function start(
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  log: (text: string) => void,
): Promise<Server> {
  const child = spawn(process.execPath, [BIN, ...args], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  child.stderr.setEncoding('utf8').on('data', log);
  const facts: Record<string, string> = {};
  const ready = await firstReady(child, facts);
  return {
    ready,
    facts,
    stop: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      await ended;
      return child.exitCode;
    },
    kill: () => void child.kill('SIGKILL'),
  };
}

function firstReady(child: ChildProcess, facts: Record<string, string>): Promise<string> {
  return new Promise((resolve, reject) => {
    const limit = setTimeout(() => reject(new Error('no ready line within 30 s')), 30_000);
    const done = (act: () => void): void => {
      clearTimeout(limit);
      act();
    };
    child.once('exit', (code) => done(() => reject(new Error(`it ended with ${code} before it was ready`))));
    let rest = '';
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        const fact = /^([A-Z][A-Z0-9_]*)=(.*)$/.exec(line);
        if (fact) facts[fact[1]!] = fact[2]!;
        if (line.startsWith('ready ')) done(() => resolve(line.slice(6).trim()));
      }
    });
  });
}

/** Runs one command to its end; gives what it wrote. Throws when it exits with another code than those allowed. */
export async function run(
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
  allowed: readonly number[] = [0],
): Promise<string> {
  const child = spawn(process.execPath, args[0]?.endsWith('.mjs') ? args : [BIN, ...args], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let out = '';
  let err = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text));
  const [code] = (await once(child, 'close')) as [number | null];
  if (code === null || !allowed.includes(code))
    throw new Error(`drawbridge ${args.join(' ')} ended with ${code}:\n${err}${out}`);
  return out;
}

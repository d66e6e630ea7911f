import { spawn } from 'node:child_process';
import type { ServerUser } from './user.ts';

/** The server's environment: nothing of ours but the way to programs and libraries. PG* variables would change it. */
export function serverEnv(): NodeJS.ProcessEnv {
  const env: NodeJS.ProcessEnv = { LC_ALL: 'C.UTF-8', TZ: 'UTC' };
  for (const name of ['PATH', 'LD_LIBRARY_PATH', 'DYLD_LIBRARY_PATH', 'TMPDIR']) {
    if (process.env[name] !== undefined) env[name] = process.env[name];
  }
  return env;
}

export interface RunResult {
  readonly code: number | undefined;
  readonly output: string;
}

/** Runs one of PostgreSQL's programs as the server's user to its end. Never throws: what went wrong is in the result. */
export function run(program: string, args: readonly string[], user: ServerUser | undefined): Promise<RunResult> {
  return new Promise((resolve) => {
    const child = spawn(program, args, { env: serverEnv(), cwd: '/', stdio: ['ignore', 'pipe', 'pipe'], ...user });
    let output = '';
    const take = (chunk: Buffer): void => {
      output = (output + chunk.toString()).slice(-20_000);
    };
    child.stdout.on('data', take);
    child.stderr.on('data', take);
    child.on('error', (error) => resolve({ code: undefined, output: error.message }));
    child.on('close', (code) => resolve({ code: code ?? undefined, output }));
  });
}

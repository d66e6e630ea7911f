import { fork } from 'node:child_process';
import { peakMb } from './process.ts';

/** What a part that ran apart gave, and what it cost its process. */
export interface Apart<T> {
  readonly result: T;
  readonly peakMb: number;
}

type Message<T> = { readonly said: string } | { readonly result: T } | { readonly error: string };

/**
 * Runs a script in a process of its own, which calls `answer`, and waits for what that gives, at most `limitMs`: its
 * memory is then its own. The process is gone afterwards.
 */
export async function apart<J, T>(
  script: URL,
  job: J,
  options: { readonly limitMs: number; readonly say: (text: string) => void },
): Promise<Apart<T>> {
  const execArgv = (process.env['DRAWBRIDGE_BENCH_NODE'] ?? '').split(' ').filter((option) => option !== '');
  const child = fork(script, { execArgv });
  const kill = (): void => void child.kill('SIGKILL');
  process.on('exit', kill);
  const late = setTimeout(kill, options.limitMs);
  try {
    return await new Promise((resolve, reject) => {
      child.on('message', (message: Message<T>) => {
        if ('said' in message) options.say(message.said);
        else if ('error' in message) reject(new Error(message.error));
        else resolve({ result: message.result, peakMb: peakMb(child.pid as number) });
      });
      child.once('exit', (code, signal) => reject(new Error(`${script.pathname} ended with ${code ?? signal}`)));
      child.send({ job });
    });
  } finally {
    clearTimeout(late);
    if (child.exitCode === null && child.signalCode === null) {
      const gone = new Promise((resolve) => child.once('exit', resolve));
      child.disconnect();
      const stuck = setTimeout(kill, 10_000);
      await gone;
      clearTimeout(stuck);
    }
    process.off('exit', kill);
  }
}

/** In the script that runs apart: takes the job, sends what comes of it. */
export function answer<J, T>(work: (job: J, say: (text: string) => void) => Promise<T>): void {
  const send = (message: Message<T>): void => void process.send?.(message);
  process.once('message', ({ job }: { job: J }) => {
    work(job, (said) => send({ said })).then(
      (result) => send({ result }),
      (error: unknown) => send({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
    );
  });
}

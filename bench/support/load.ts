import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** Requests of one kind, sent by a fixed number of clients, each of which waits for the answer before it goes on. */
export interface Load {
  readonly url: string;
  readonly method: string;
  /** Used in turn. `{n}` stands for the number of the request, `{n:12}` for the same in twelve digits. */
  readonly paths: readonly string[];
  /** Numbered likewise. */
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly clients: number;
  /** Requests before anything is measured. */
  readonly warmUp: number;
  /** Requests that are measured. */
  readonly count: number;
  /** Warm-up and measurement each end earlier when this has passed. Milliseconds. */
  readonly limitMs: number;
  /** The number of the first request. */
  readonly from?: number;
  /** Every other answer fails the bench. */
  readonly expect: number;
}

export interface LoadResult {
  readonly count: number;
  readonly seconds: number;
  readonly perSecond: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
  /** Of the bodies. */
  readonly bytes: number;
  /** Requests of each tenth of the time, so that a figure that falls over time shows. */
  readonly tenths: readonly number[];
}

/** Runs in a process of its own, so that it takes nothing from the process that it measures but the machine's time. */
export async function load(
  job: Load,
  on: { readonly warm?: () => void; readonly done?: () => void } = {},
): Promise<LoadResult> {
  const child = fork(fileURLToPath(new URL('load-worker.ts', import.meta.url)), { execArgv: [] });
  const stop = (): void => void child.kill('SIGKILL');
  process.on('exit', stop);
  try {
    return await new Promise<LoadResult>((resolve, reject) => {
      child.on('message', (message: { warm?: true; result?: LoadResult; error?: string }) => {
        if (message.warm === true) on.warm?.();
        else if (message.result === undefined) reject(new Error(message.error ?? 'the load ended without a word'));
        else {
          on.done?.();
          resolve(message.result);
        }
      });
      child.on('exit', (code) => reject(new Error(`the load ended with ${String(code)}`)));
      child.send(job);
    });
  } finally {
    process.off('exit', stop);
    stop();
  }
}

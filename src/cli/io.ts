import { once } from 'node:events';
import process from 'node:process';

/** What a command reads and writes. Tests give their own. */
export interface Io {
  out(text: string): void;
  err(text: string): void;
  /** Writes what is too long to be held as one text, as fast as it is read. */
  stream(parts: AsyncIterable<string>): Promise<void>;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** Is a person watching standard error? */
  readonly watched: boolean;
}

export const processIo = (): Io => ({
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
  stream: async (parts) => {
    for await (const part of parts) if (!process.stdout.write(part)) await once(process.stdout, 'drain');
  },
  env: process.env,
  cwd: process.cwd(),
  watched: process.stderr.isTTY,
});

let serving = false;

/** A reader that went away (`drawbridge people list | head`) is no error: the command has nobody to talk to. */
export function endWithReader(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error;
      if (!serving) process.exit(0);
    });
  }
}

/** From now on the process goes on when nobody reads what it says. */
export function keepServing(): void {
  serving = true;
}

/** Shows what takes longer than 2 s, to a person only. `done` takes the line away. */
export function progress(io: Io, text: string | (() => string)): { done(): void } {
  if (!io.watched) return { done: () => undefined };
  const started = performance.now();
  let shown = false;
  const timer = setInterval(() => {
    const seconds = Math.round((performance.now() - started) / 1000);
    if (seconds < 2) return;
    shown = true;
    io.err(`\r\u001b[K${typeof text === 'string' ? text : text()} … ${seconds} s`);
  }, 500);
  timer.unref();
  return {
    done: () => {
      clearInterval(timer);
      if (shown) io.err('\r\u001b[K');
    },
  };
}

import { constants } from 'node:os';

/** Signals that ask for an end. npm, npx and terminals send them more than once. */
const ENDS = ['SIGTERM', 'SIGINT'] as const;
/** A second signal forces the end only after this long: repeats of one wish come at once. Milliseconds. */
const PATIENCE = 30_000;

/**
 * Settles when a signal asks for an end; with `starter` also when standard input ends. Repeats are ignored for 30 s
 * after the first one, and then end the process at once.
 */
export async function untilSignal(starter = false): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  let first: number | undefined;
  const onSignal = (): void => {
    if (first !== undefined && performance.now() - first > PATIENCE) process.exit(1);
    first ??= performance.now();
    resolve();
  };
  // Stay installed: without a handler a repeat would kill the process in the middle of its end.
  for (const signal of ENDS) process.on(signal, onSignal);
  if (starter) {
    process.stdin.on('end', onSignal).on('close', onSignal).on('error', onSignal).resume();
  }
  await promise;
  if (starter) process.stdin.destroy();
}

/** How long an interrupted command may take to put down what it holds. Milliseconds. */
const PUT_DOWN = 20_000;

/**
 * Runs the work of a command. A signal that asks for an end meanwhile ends the process, with 128 and the signal's
 * number as shells have it, but not before `putDown` is done: an embedded PostgreSQL would outlive the command.
 */
export async function endingWithSignal<T>(work: () => Promise<T>, putDown: () => Promise<void>): Promise<T> {
  let ending = false;
  const onSignal = (signal: NodeJS.Signals): void => {
    if (ending) return;
    ending = true;
    const exit = (): never => process.exit(128 + constants.signals[signal]);
    setTimeout(exit, PUT_DOWN);
    void putDown().then(exit, exit);
  };
  for (const signal of ENDS) process.on(signal, onSignal);
  // What the work says of a store that goes away under it is of no interest; the process is about to end.
  const settled = async <R>(result: R): Promise<R> => (ending ? new Promise<never>(() => undefined) : result);
  try {
    return await work().then(settled, async (error: unknown) => {
      throw await settled(error);
    });
  } finally {
    for (const signal of ENDS) process.off(signal, onSignal);
  }
}

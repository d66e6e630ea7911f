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

/** How long a run may take before others don't wait for it any more: a connection may be dead. Milliseconds. */
const PATIENCE = 200;

/**
 * One `work` at a time for each key. Calls that come while it runs share the next run, so that nobody gets a result of
 * a run that had begun before they called: unlike a cache it never gives anything old.
 * A run that takes longer than `patience` is left to those who have it already.
 */
export function shareFresh<T>(work: (key: string) => Promise<T>, patience = PATIENCE): (key: string) => Promise<T> {
  interface Runs {
    readonly begun: number;
    readonly now: Promise<T>;
    next?: Promise<T>;
  }
  const running = new Map<string, Runs>();
  const start = (key: string): Promise<T> => {
    const runs: Runs = { begun: performance.now(), now: work(key) };
    running.set(key, runs);
    const ended = (): void => {
      // Those who waited have begun the next run by now, or there is none.
      if (running.get(key) === runs && runs.next === undefined) running.delete(key);
    };
    runs.now.then(ended, ended);
    return runs.now;
  };
  return (key) => {
    const runs = running.get(key);
    if (runs === undefined || performance.now() - runs.begun > patience) return start(key);
    return (runs.next ??= runs.now.then(
      () => start(key),
      () => start(key),
    ));
  };
}

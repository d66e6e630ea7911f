/**
 * One `work` at a time for each key. Calls that come while it runs share the next run, so that nobody gets a result of
 * a run that had begun before they called: unlike a cache it never gives anything old.
 */
export function shareFresh<T>(work: (key: string) => Promise<T>): (key: string) => Promise<T> {
  interface Runs {
    readonly now: Promise<T>;
    next?: Promise<T>;
  }
  const running = new Map<string, Runs>();
  const start = (key: string): Promise<T> => {
    const runs: Runs = { now: work(key) };
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
    if (runs === undefined) return start(key);
    return (runs.next ??= runs.now.then(
      () => start(key),
      () => start(key),
    ));
  };
}

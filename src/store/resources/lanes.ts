/**
 * Runs works of one key one after the other, those of different keys at the same time. PostgreSQL's row locks would do
 * that too; but then every waiting request holds a connection, and a busy group takes the pool from everybody else.
 */
export function createLanes(): <T>(key: string, work: () => Promise<T>) => Promise<T> {
  const last = new Map<string, Promise<unknown>>();
  return async (key, work) => {
    const before = last.get(key) ?? Promise.resolve();
    const own = before.then(work, work);
    last.set(key, own);
    try {
      return await own;
    } finally {
      if (last.get(key) === own) last.delete(key);
    }
  };
}

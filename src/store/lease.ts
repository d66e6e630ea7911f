import type { PoolClient } from 'pg';
import type { Db } from './db.ts';

/** Namespace of our advisory locks: 'DRAW'. */
const SPACE = 0x44524157;

/**
 * Runs `work` while this process alone holds the named lock, on a connection of its own. `lost` is aborted when that
 * connection goes, and with it the lock; `work` must then end. False when another process holds it.
 * Notifications on `channel` are handed to `heard` for as long as the lock is held.
 */
export async function holdLock(
  db: Db,
  name: string,
  work: (lost: AbortSignal) => Promise<void>,
  listen?: { readonly channel: string; readonly heard: (payload: string) => void },
): Promise<boolean> {
  return db.connection(async (client) => {
    const { rows } = await client.query('select pg_try_advisory_lock($1, hashtext($2)) as held', [SPACE, name]);
    if ((rows as Array<{ held: boolean }>)[0]?.held !== true) return false;
    const lost = new AbortController();
    const gone = () => lost.abort(new Error(`the lock ${name} was lost with its connection`));
    const heard = (message: { readonly payload?: string | undefined }) => listen?.heard(message.payload ?? '');
    client.on('error', gone).on('end', gone).on('notification', heard);
    try {
      if (listen !== undefined) await client.query(`listen ${client.escapeIdentifier(listen.channel)}`);
      await work(lost.signal);
    } finally {
      client.off('error', gone).off('end', gone).off('notification', heard);
      if (!lost.signal.aborted) {
        await client.query(`unlisten *; select pg_advisory_unlock_all()`);
      }
    }
    return true;
  });
}

/** The lock of the process that plans and dispatches; whenever a service runs on a store, one process holds it. */
export const LEADER = 'leader';

/** Takes the lock to the end of the transaction. False when another process holds it. */
export async function lockForTransaction(client: PoolClient, name: string): Promise<boolean> {
  const { rows } = await client.query<{ held: boolean }>('select pg_try_advisory_xact_lock($1, hashtext($2)) as held', [
    SPACE,
    name,
  ]);
  return rows[0]?.held === true;
}

/** Held to the end of the transaction: only one of them is under way at a time. */
export async function oneAtATime(db: Db, name: string): Promise<void> {
  await db.rows({
    name: 'lease-one-at-a-time',
    text: `select pg_advisory_xact_lock($1, hashtext($2))`,
    values: [SPACE, name],
  });
}

/** Tells the service, wherever it runs, that there is something to plan. Lost calls do no harm: it looks by itself. */
export async function notifyWake(db: Db, urgent: boolean): Promise<void> {
  await db.rows({ text: `select pg_notify('drawbridge_wake', $1)`, values: [urgent ? 'urgent' : ''] });
}

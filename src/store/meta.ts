import { randomBytes } from 'node:crypto';
import type { Db } from './db.ts';

/** A value that the store keeps about itself; undefined when it was never set. */
export async function getMeta(db: Db, key: string): Promise<unknown> {
  const row = await db.row<{ value: unknown }>({
    name: 'meta-get',
    text: 'select value from meta where key = $1',
    values: [key],
  });
  return row?.value;
}

export async function setMeta(db: Db, key: string, value: unknown): Promise<void> {
  await db.rows({
    text: `insert into meta (key, value) values ($1, $2::jsonb)
      on conflict (key) do update set value = excluded.value`,
    values: [key, JSON.stringify(value)],
  });
}

/** The value of `key`, which is made once and then never changes: of several processes that ask at once, one makes it. */
export async function metaOnce<T>(db: Db, key: string, make: () => T): Promise<T> {
  const found = await getMeta(db, key);
  if (found !== undefined) return found as T;
  const row = await db.row<{ value: T }>({
    text: `insert into meta (key, value) values ($1, $2::jsonb)
      on conflict (key) do update set value = meta.value returning value`,
    values: [key, JSON.stringify(make())],
  });
  if (row === undefined) throw new Error(`meta ${key} was not stored`);
  return row.value;
}

/** The key that SCIM's cursors are sealed with: of the store, so that every process that serves it reads them. */
export async function cursorKey(db: Db): Promise<Buffer> {
  return Buffer.from(await metaOnce(db, 'cursor-key', () => randomBytes(32).toString('base64')), 'base64');
}

/** Random id of this store: goes into the ownership marks at targets, so that two bridges can be told apart. */
export function instanceId(db: Db): Promise<string> {
  return metaOnce(db, 'instance', () => `db_${randomBytes(9).toString('base64url')}`);
}

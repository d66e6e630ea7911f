import type { Db } from './db.ts';

/** One thing that has to be planned again. `expanded`: how far a row that stands for many persons has been worked off. */
export interface DirtyRow {
  readonly id: number;
  readonly kind: 'user' | 'group' | 'person' | 'all';
  /** Key of the user's or group's record. */
  readonly record: number | null;
  /** For kinds `user` and `person`; null for a record that is linked to nobody. */
  readonly person: string | null;
  readonly urgent: boolean;
  readonly expanded: string | null;
}

/**
 * The oldest dirty rows, urgent ones alone if there are any. Nothing is removed: `removeDirty` does that together with
 * the plan that came of them.
 */
export async function oldestDirty(db: Db, limit: number): Promise<DirtyRow[]> {
  const urgent = await read(db, true, limit);
  return urgent.length > 0 ? urgent : read(db, false, limit);
}

function read(db: Db, urgent: boolean, limit: number): Promise<DirtyRow[]> {
  return db.rows<DirtyRow>({
    name: urgent ? 'dirty-oldest-urgent' : 'dirty-oldest',
    text: `select d.id, d.kind, d.record_key as record, coalesce(d.person, pr.person) as person, d.urgent, d.expanded
      from dirty d left join person_record pr on d.kind = 'user' and pr.record_key = d.record_key
      where ${urgent ? 'd.urgent' : 'not d.urgent'} order by d.id limit $1`,
    values: [limit],
  });
}

/**
 * Removes rows that were planned. False when one of them was gone already: another planner took them, and this
 * transaction must not go on.
 */
export async function removeDirty(db: Db, ids: readonly number[]): Promise<boolean> {
  if (ids.length === 0) return true;
  const rows = await db.rows<{ id: number }>({
    name: 'dirty-remove',
    text: `delete from dirty where id = any($1::bigint[]) returning id`,
    values: [ids],
  });
  return rows.length === ids.length;
}

/** Notes how far a row has been worked off, if it still stands where it was read. */
export async function advanceDirty(db: Db, row: DirtyRow, expanded: string): Promise<boolean> {
  const done = await db.row<{ id: number }>({
    name: 'dirty-advance',
    text: `update dirty set expanded = $3 where id = $1 and expanded is not distinct from $2 returning id`,
    values: [row.id, row.expanded, expanded],
  });
  return done !== undefined;
}

/** Has these persons planned again. */
export async function markDirty(db: Db, persons: readonly string[], urgent = false): Promise<void> {
  if (persons.length === 0) return;
  await db.rows({
    name: 'dirty-mark',
    text: `insert into dirty (kind, person, urgent) select distinct 'person', person, $2::boolean
      from unnest($1::text[]) as p(person)`,
    values: [persons, urgent],
  });
}

/** Has everybody planned again; a sweep that is already under way starts anew. */
export async function markAll(db: Db): Promise<void> {
  await db.rows({
    name: 'dirty-mark-all',
    text: `with old as (delete from dirty where kind = 'all') insert into dirty (kind) values ('all')`,
  });
}

/**
 * Has everybody planned again when what plans rest on (rules, settings of targets) is not what it was at the last
 * call; `signature` stands for it. Gives whether it was so. A restart without a change marks nobody.
 */
export async function markAllIfNew(db: Db, signature: string): Promise<boolean> {
  return db.tx(async (tx) => {
    const changed = await tx.row({
      text: `insert into meta (key, value) values ('planned', to_jsonb($1::text))
        on conflict (key) do update set value = excluded.value where meta.value is distinct from excluded.value
        returning key`,
      values: [signature],
    });
    if (changed === undefined) return false;
    await markAll(tx);
    return true;
  });
}

/** Is anything waiting to be planned? */
export async function anyDirty(db: Db): Promise<boolean> {
  const row = await db.row<{ any: boolean }>({
    name: 'dirty-any',
    text: `select exists (select 1 from dirty) as any`,
  });
  return row?.any ?? false;
}

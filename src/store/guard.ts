import type { ChangeKey } from '../model/guard.ts';
import type { ItemKey } from '../model/accounts.ts';
import type { Db } from './db.ts';

/** How much is owned of one item at a target, by the source that had caused it (`''`: none). */
export interface OwnedCount {
  readonly target: string;
  readonly item: ItemKey;
  readonly source: string;
  readonly n: number;
}

/** What the guard let through within the window without approval, counted. */
export interface PassedCount {
  readonly target: string;
  readonly item: ItemKey;
  readonly source: string;
  readonly kind: 'take' | 'give';
  readonly n: number;
  /** Of these, what the ledger still has: it is not carried out yet. */
  readonly pending: number;
}

/** What is owned, exactly, as this transaction sees it. Costs the items times the sources that there are. */
export async function ownedCounts(db: Db): Promise<OwnedCount[]> {
  return db.rows({
    name: 'guard-owned',
    text: `select target, item, source, sum(n)::bigint as n
      from (select target, item, source, n from owned_count union all select target, item, source, n from owned_delta) c
      group by 1, 2, 3 having sum(n) <> 0`,
  });
}

/** Folds what writers of the ledger appended into the counts, and forgets what no window of `windowMs` reaches. */
export async function tidyCounts(db: Db, windowMs: number): Promise<void> {
  await db.rows({
    name: 'guard-fold',
    text: `with taken as (delete from owned_delta returning target, item, source, n)
      insert into owned_count (target, item, source, n)
      select target, item, source, sum(n) from taken group by 1, 2, 3 having sum(n) <> 0 order by 1, 2, 3
      on conflict (target, item, source) do update set n = owned_count.n + excluded.n`,
  });
  await db.rows({
    name: 'guard-forget',
    text: `delete from guarded where at < now() - $1 * interval '1 ms'`,
    values: [windowMs],
  });
}

/** What was let through in the last `windowMs`, without what was approved. Costs what was let through. */
export async function passedCounts(db: Db, windowMs: number): Promise<PassedCount[]> {
  return db.rows({
    name: 'guard-passed',
    text: `select g.target, g.item, g.source, g.kind, count(*) as n,
        count(*) filter (where g.kind = 'take' and l.given_at <= g.at) as pending
      from guarded g left join ledger l on l.target = g.target and l.person = g.person and l.item = g.item
      where g.at > now() - $1 * interval '1 ms' and not g.approved group by 1, 2, 3, 4`,
    values: [windowMs],
  });
}

/** Changes of these persons let through in the last `windowMs`, and not of something that was given again after. */
export async function passedOf(
  db: Db,
  persons: readonly string[],
  windowMs: number,
): Promise<Array<ChangeKey & { readonly approved: boolean }>> {
  return db.rows({
    name: 'guard-passed-of',
    text: `select g.target, g.person, g.item, g.op, g.approved
      from guarded g left join ledger l on l.target = g.target and l.person = g.person and l.item = g.item
      where g.person = any($1::text[]) and g.at > now() - $2 * interval '1 ms'
        and (g.kind = 'give' or l.given_at is null or l.given_at <= g.at)`,
    values: [persons, windowMs],
  });
}

export interface NewPassed extends ChangeKey {
  readonly kind: 'take' | 'give';
  readonly source?: string;
  readonly approved: boolean;
}

/** Counts these changes from now on. One that counts already, within the last `windowMs`, keeps its time. */
export async function addPassed(db: Db, passed: readonly NewPassed[], windowMs: number): Promise<void> {
  if (passed.length === 0) return;
  await db.rows({
    name: 'guard-add-passed',
    text: `insert into guarded (target, person, item, op, kind, source, approved, at)
      select target, person, item, op, kind, coalesce(source, ''), approved, now() from jsonb_to_recordset($1::jsonb)
        as p(target text, person text, item text, op text, kind text, source text, approved boolean)
      on conflict (target, person, item, op) do update set
        kind = excluded.kind, source = excluded.source, approved = excluded.approved, at = excluded.at
      where guarded.at <= now() - $2 * interval '1 ms' or (excluded.approved and not guarded.approved) or exists (
        select 1 from ledger l where l.target = guarded.target and l.person = guarded.person
          and l.item = guarded.item and l.given_at > guarded.at)`,
    values: [JSON.stringify(passed), windowMs],
  });
}

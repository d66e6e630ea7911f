import type { Decision } from '../model/guard.ts';
import type { Hold } from '../model/plan.ts';
import type { Db } from './db.ts';

export type HoldState = 'held' | Decision;

export interface StoredHold extends Omit<Hold, 'rejected'> {
  readonly state: HoldState;
  /** Hash of the newest plan that it stands in. */
  readonly plan: string;
  readonly since: Date;
  readonly decidedBy: string | null;
  readonly decidedAt: Date | null;
  readonly reason: string | null;
  readonly ticket: string | null;
  /** Of an approval: what is not carried out by then waits again. */
  readonly expiresAt: Date | null;
}

/** What was not held before. */
export interface NewHolds {
  readonly changes: number;
  /** By source: people of whom something is held because they left in a burst. */
  readonly bursts: ReadonlyMap<string, number>;
}

const COLUMNS = `id, target, person, item, op, basis, because, change, plan, state, since, decided_by as "decidedBy",
  decided_at as "decidedAt", reason, ticket, expires_at as "expiresAt"`;

/** What was decided about holds of these persons, by id; an approval that has expired counts no more. */
export async function decisionsOf(db: Db, persons: readonly string[]): Promise<Map<string, Decision>> {
  const rows = await db.rows<{ id: string; state: Decision }>({
    name: 'holds-decisions',
    text: `select id, state from hold where person = any($1::text[])
      and (state = 'rejected' or (state = 'approved' and expires_at > now()))`,
    values: [persons],
  });
  return new Map(rows.map(({ id, state }) => [id, state]));
}

/**
 * Replaces the holds of these persons by what their new plan holds: what was approved and is let through now is none any
 * more. One that was there keeps its `since` and what was decided, but for an approval that has expired. Gives what is
 * new.
 */
export async function replaceHolds(
  db: Db,
  persons: readonly string[],
  holds: readonly Hold[],
  plan: string,
): Promise<NewHolds> {
  if (persons.length === 0) return { changes: 0, bursts: new Map() };
  const rows = await db.rows<{ burst: string | null; changes: number; people: number }>({
    name: 'holds-replace',
    text: `with new as (
        select * from jsonb_to_recordset($2::jsonb) as h(id text, target text, person text, item text, op text,
          basis text, because text, change jsonb)
      ),
      gone as (
        delete from hold h where h.person = any($1::text[])
          and not exists (select 1 from new n where n.id = h.id)
      ),
      put as (
        insert into hold (id, target, person, item, op, basis, because, change, plan)
        select id, target, person, item, op, basis, because, change, $3 from new order by id
        on conflict (id) do update set plan = excluded.plan,
          because = case when hold.state = 'rejected' then hold.because else excluded.because end,
          state = case when hold.state = 'approved' and hold.expires_at <= now() then 'held' else hold.state end
        returning xmax = 0 as inserted, person, change ->> 'burst' as burst
      )
      select burst, count(*) as changes, count(distinct person) as people from put where inserted group by burst`,
    values: [persons, JSON.stringify(holds), plan],
  });
  return {
    changes: rows.reduce((sum, row) => sum + row.changes, 0),
    bursts: new Map(rows.flatMap(({ burst, people }) => (burst === null ? [] : [[burst, people]]))),
  };
}

/** Fields that holds are found by, each with an SQL `like` pattern. `burst`: the source of a burst of leavers. */
export const HOLD_FIELDS = ['state', 'target', 'person', 'item', 'op', 'plan', 'because', 'burst'] as const;
export type HoldTerm = { readonly field: (typeof HOLD_FIELDS)[number]; readonly like: string };

const matching = (terms: readonly HoldTerm[], from: number): string =>
  terms.map(({ field }, i) => ` and ${field === 'burst' ? `change ->> 'burst'` : field} ilike $${from + i}`).join('');

/** The oldest first, after the one named `after`. */
export async function listHolds(
  db: Db,
  query: {
    readonly terms: readonly HoldTerm[];
    readonly limit: number;
    readonly after?: string;
    /** Pattern of the id. */
    readonly like?: string;
  },
): Promise<StoredHold[]> {
  return db.rows<StoredHold>({
    text: `select ${COLUMNS} from hold where ($1::text is null or (since, id) > (select since, id from hold where id = $1))
      and ($3::text is null or id like $3)${matching(query.terms, 4)} order by since, id limit $2`,
    values: [query.after ?? null, query.limit, query.like ?? null, ...query.terms.map((term) => term.like)],
  });
}

/** How many wait at each target. */
export async function countHolds(db: Db): Promise<Array<{ readonly target: string; readonly n: number }>> {
  return db.rows({
    name: 'holds-count',
    text: `select target, count(*) as n from hold where state = 'held' group by target order by target`,
  });
}

/**
 * Ids of the holds that are meant by `names` (ids, hashes of plans, or what they begin with: 8 characters at least) and
 * of those that the terms find, and the names that stand for none. Locked to the end of the transaction.
 */
export async function chooseHolds(
  db: Db,
  names: readonly string[],
  terms: readonly HoldTerm[],
): Promise<{ readonly ids: string[]; readonly unknown: string[] }> {
  const named = await db.rows<{ id: string; name: string }>({
    text: `select h.id, n.name from unnest($1::text[]) n(name)
      join hold h on length(n.name) >= 8 and (starts_with(h.id, n.name) or starts_with(h.plan, n.name))
      order by h.id for update of h`,
    values: [names],
  });
  const found = terms.length === 0 ? [] : await findHolds(db, terms);
  const known = new Set(named.map((row) => row.name));
  return { ids: [...new Set([...named, ...found].map((row) => row.id))], unknown: names.filter((n) => !known.has(n)) };
}

const findHolds = (db: Db, terms: readonly HoldTerm[]): Promise<Array<{ id: string }>> =>
  db.rows({
    text: `select id from hold where true${matching(terms, 1)} order by id for update`,
    values: terms.map((term) => term.like),
  });

/** Writes an operator's word. Gives the holds as they are now; one that has this state already is left as it is. */
export async function decideHolds(
  db: Db,
  ids: readonly string[],
  word: {
    readonly state: Decision;
    readonly by: string;
    readonly reason: string;
    readonly ticket?: string | undefined;
    /** Of an approval: it holds for this long. */
    readonly forMs?: number;
  },
): Promise<StoredHold[]> {
  return db.rows<StoredHold>({
    text: `update hold set state = $2, decided_by = $3, decided_at = now(), reason = $4, ticket = $5,
        expires_at = now() + $6 * interval '1 ms'
      where id = any($1::text[]) and (state <> $2 or expires_at <= now()) returning ${COLUMNS}`,
    values: [ids, word.state, word.by, word.reason, word.ticket ?? null, word.forMs ?? null],
  });
}

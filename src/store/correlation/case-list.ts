import type { CaseKind } from '../../model/correlation.ts';
import type { Db } from '../db.ts';
import { NAME_TO_READ } from '../names.ts';

export interface StoredCase {
  readonly id: string;
  readonly kind: CaseKind;
  /** The key that found the persons, and its value in the record. */
  readonly key: string | null;
  readonly value: string | null;
  readonly persons: readonly string[];
  readonly state: 'open' | 'ignored' | 'resolved';
  readonly source: string;
  readonly anchor: string;
  readonly userName: string;
  readonly displayName: string | null;
  /** To whom the record is linked now. */
  readonly person: string | null;
  readonly since: Date;
  /** `linked`, `new`, `ignored`; `cleared`: by itself, when the record or others had changed. */
  readonly outcome: string | null;
  readonly decidedBy: string | null;
  readonly decidedAt: Date | null;
  readonly reason: string | null;
  readonly ticket: string | null;
}

export const CASE_FIELDS = ['id', 'kind', 'state', 'source', 'user', 'key', 'person'] as const;
export interface CaseTerm {
  readonly field: (typeof CASE_FIELDS)[number];
  /** An SQL `like` pattern. */
  readonly like: string;
}

const CONDITIONS: Readonly<Record<CaseTerm['field'], (n: number) => string>> = {
  id: (n) => `c.id like $${n}`,
  kind: (n) => `c.kind like $${n}`,
  state: (n) => `c.state like $${n}`,
  source: (n) => `r.source like $${n}`,
  user: (n) => `lower(coalesce(r.user_name, r.anchor)) like lower($${n})`,
  key: (n) => `c.key_name like $${n}`,
  person: (n) => `(pr.person like $${n} or exists (select 1 from unnest(c.persons) p where p like $${n}))`,
};

export interface CaseQuery {
  readonly terms: readonly CaseTerm[];
  readonly limit: number;
  /** The last case of the page before. */
  readonly after?: string | undefined;
}

/** Cases, the oldest first. One whose record has gone waits for nobody, and is not among the open ones. */
export async function listCases(db: Db, query: CaseQuery): Promise<StoredCase[]> {
  const values: unknown[] = [query.limit, query.after ?? null];
  const conditions = query.terms.map(({ field, like }) => {
    values.push(like);
    return `and ${CONDITIONS[field](values.length)}`;
  });
  return db.rows<StoredCase>({
    text: `select c.id, c.kind, c.key_name as key, (select string_agg(k.value, ', ' order by k.value) from correlation_key k
          where k.record_key = c.record_key and k.name = c.key_name) as value,
        c.persons, c.state, r.source, r.anchor, coalesce(r.user_name, r.anchor) as "userName",
        ${NAME_TO_READ} as "displayName", pr.person, c.since, c.outcome, c.decided_by as "decidedBy",
        c.decided_at as "decidedAt", c.reason, c.ticket
      from identity_case c join record r on r.key = c.record_key left join person_record pr on pr.record_key = r.key
      where ($2::text is null or (c.since, c.id) > (select since, id from identity_case where id = $2))
        and (c.state <> 'open' or r.gone_at is null) ${conditions.join(' ')}
      order by c.since, c.id limit $1`,
    values,
  });
}

/** How many wait for somebody. */
export async function countCases(db: Db): Promise<number> {
  const row = await db.row<{ n: number }>({
    name: 'cases-count',
    text: `select count(*) as n from identity_case c join record r on r.key = c.record_key
      where c.state = 'open' and r.gone_at is null`,
  });
  return row?.n ?? 0;
}

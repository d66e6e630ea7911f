import type { AdoptionWord } from '../model/adoption.ts';
import type { Db } from './db.ts';

/** An account at a target that may be a person's. */
export interface AdoptionKey {
  readonly target: string;
  readonly accountId: string;
  readonly person: string;
}

/** What operators said about accounts that may be these persons'. */
export async function adoptionWords(
  db: Db,
  persons: readonly string[],
): Promise<Array<AdoptionKey & { readonly word: AdoptionWord }>> {
  if (persons.length === 0) return [];
  return db.rows({
    name: 'adoption-words',
    text: `select target, account_id as "accountId", person, word from adoption where person = any($1::text[])`,
    values: [persons],
  });
}

export interface ListedAdoption extends AdoptionKey {
  readonly userName: string | null;
  readonly login: string;
  readonly active: boolean;
  /** How many roles are attached. */
  readonly roles: number;
  /** Of the finding, which says what speaks for it. */
  readonly message: string;
  readonly since: Date;
  readonly word: AdoptionWord | null;
  readonly saidBy: string | null;
  readonly saidAt: Date | null;
  readonly reason: string | null;
}

/** Fields that adoptions are found by. */
export const ADOPTION_FIELDS = ['target', 'person', 'login', 'evidence', 'state'] as const;
export type AdoptionTerm = { readonly field: (typeof ADOPTION_FIELDS)[number]; readonly like: string };

/** What waits (a finding of the last plan), and what somebody spoke about; one row each. */
const LISTED = `select * from (
    select coalesce(f.target, a.target) as target, coalesce(f.person, a.person) as person,
      coalesce(f.object, a.account_id) as "accountId", r.user_name as "userName",
      coalesce(o.account->'profile'->>'login', '') as login, coalesce((o.account->>'active')::boolean, false) as active,
      coalesce(jsonb_array_length(o.account->'roles'), 0) as roles, coalesce(f.message, '') as message,
      coalesce(f.since, a.said_at) as since, a.word, a.said_by as "saidBy", a.said_at as "saidAt", a.reason,
      coalesce(substring(f.message from '^by its (.*?) the account '), '') as evidence, coalesce(a.word, 'open') as state
    from (select * from finding where kind = 'adoption') f
    full join adoption a on a.target = f.target and a.person = f.person and a.account_id = f.object
    left join observed o on o.target = coalesce(f.target, a.target) and o.account_id = coalesce(f.object, a.account_id)
    left join lateral (
      select user_name from person_record pr join record on record.key = pr.record_key
      where pr.person = coalesce(f.person, a.person) order by pr.record_key limit 1) r on true
  ) x`;

const condition = ({ field }: AdoptionTerm, n: number): string =>
  field === 'person' ? `(person ilike $${n} or "userName" ilike $${n})` : `${field} ilike $${n}`;

/** Sorted by target, person and account; `after` is the last row of the page before. */
export async function listAdoptions(
  db: Db,
  query: { readonly terms: readonly AdoptionTerm[]; readonly limit: number; readonly after?: AdoptionKey },
): Promise<ListedAdoption[]> {
  const { terms, limit, after } = query;
  const where = terms.map((term, i) => ` and ${condition(term, i + 5)}`).join('');
  return db.rows<ListedAdoption>({
    text: `${LISTED} where ($2::text is null or (target, person, "accountId") > ($2, $3, $4))${where}
      order by target, person, "accountId" limit $1`,
    values: [
      limit,
      after?.target ?? null,
      after?.person ?? null,
      after?.accountId ?? null,
      ...terms.map((t) => t.like),
    ],
  });
}

/** Writes an operator's word about these accounts. Gives those of which it was not said already. */
export async function sayOfAdoptions(
  db: Db,
  keys: readonly AdoptionKey[],
  word: {
    readonly word: AdoptionWord;
    readonly by: string;
    readonly reason: string;
    readonly ticket?: string | undefined;
  },
): Promise<AdoptionKey[]> {
  return db.rows<AdoptionKey>({
    text: `insert into adoption (target, account_id, person, word, said_by, reason, ticket)
      select target, account_id, person, $4, $5, $6, $7
      from unnest($1::text[], $2::text[], $3::text[]) as k(target, account_id, person) order by 1, 2, 3
      on conflict (target, account_id, person) do update set word = excluded.word, said_by = excluded.said_by,
        said_at = now(), reason = excluded.reason, ticket = excluded.ticket
        where adoption.word <> excluded.word
      returning target, account_id as "accountId", person`,
    values: [
      keys.map((k) => k.target),
      keys.map((k) => k.accountId),
      keys.map((k) => k.person),
      word.word,
      word.by,
      word.reason,
      word.ticket ?? null,
    ],
  });
}

import type { LifeCycle } from '../model/person.ts';
import { recordsSql } from './correlation/records-sql.ts';
import type { Db } from './db.ts';
import { NAME_TO_READ } from './names.ts';

/** A person in a list: by the oldest record that is there, and by one that has gone where none is. */
export interface ListedPerson {
  readonly id: string;
  readonly userName: string;
  readonly displayName: string | null;
  readonly email: string | null;
  readonly life: LifeCycle;
  /** Disabled, and was so already when the source first told of them. */
  readonly dormant: boolean;
  readonly source: string;
  readonly anchor: string;
  readonly changedAt: Date;
}

/** Fields that a list can be narrowed by, each with an SQL `like` pattern; case does not count. */
export const PEOPLE_FIELDS = [
  'id',
  'user',
  'name',
  'email',
  'life',
  'dormant',
  'source',
  'group',
  'externalId',
] as const;
export type PeopleField = (typeof PEOPLE_FIELDS)[number];

/** Was the record disabled already when its source first told of it, and never anything else? */
const DORMANT = `(pr.dormant and not r.active and r.gone_at is null)`;

/** Conditions on the person `p` and the record `r`; `$n` is the pattern. */
const CONDITIONS: Readonly<Record<PeopleField, (n: number) => string>> = {
  id: (n) => `p.id like $${n}`,
  user: (n) => `lower(r.user_name) like lower($${n})`,
  name: (n) => `lower(${NAME_TO_READ}) like lower($${n})`,
  email: (n) => `exists (select 1 from unnest(r.emails) e where lower(e) like lower($${n}))`,
  life: (n) => `${life} like $${n}`,
  dormant: (n) => `case when ${DORMANT} then 'yes' else 'no' end like $${n}`,
  source: (n) => `r.source like $${n}`,
  group: (n) => `exists (select 1 from membership m join record g on g.key = m.group_key
    where m.member_key = r.key and g.gone_at is null and lower(g.display_name) like lower($${n}))`,
  externalId: (n) => `r.external_id like $${n}`,
};
/**
 * As `mapping/people` has it: the strictest of the records that decide. Those don't that are secondary, or dormant, or
 * beside an active one of their source, or of a source that another one succeeded.
 */
const life = `(select case when bool_or(x.gone_at is not null) then 'left' when count(*) > 0 then 'suspended' else 'active' end
  from ${recordsSql('p.id')} x
  where (case when x.gone_at is null then not x.active else x.evidence = 'explicit' end) and not exists (
    select 1 from ${recordsSql('p.id')} o where o.key <> x.key and (
      x.secondary and not o.secondary
      or not o.secondary and o.active and o.gone_at is null
        and (o.source = x.source or x.dormant and x.gone_at is null and not o.dormant)
      or exists (select 1 from source_state s where s.source = x.source and s.succeeded_by = o.source)) offset 0))`;

const COLUMNS = `p.id, coalesce(r.user_name, r.anchor) as "userName", ${NAME_TO_READ} as "displayName",
  r.emails[1] as email, ${life} as life, ${DORMANT} as dormant, r.source, r.anchor, r.changed_at as "changedAt"`;
/** A person with several records stands in a list once, by one that is there and no secondary one, if there is any. */
const FROM = `from person p join person_record pr on pr.person = p.id
  and pr.record_key = (select x.record_key from person_record x join record y on y.key = x.record_key
    where x.person = p.id order by x.secondary, y.gone_at is not null, x.dormant, x.record_key limit 1)
  join record r on r.key = pr.record_key`;

/** People in the order of their user names, after `after` (the last one of the page before). */
export async function listPeople(
  db: Db,
  query: {
    readonly terms: ReadonlyArray<{ readonly field: PeopleField; readonly like: string }>;
    readonly after?: { readonly userName: string; readonly id: string } | undefined;
    readonly limit: number;
  },
): Promise<ListedPerson[]> {
  const values: unknown[] = [query.limit, query.after?.userName ?? null, query.after?.id ?? null];
  const conditions = query.terms.map(({ field, like }) => {
    values.push(like);
    return CONDITIONS[field](values.length);
  });
  return db.rows<ListedPerson>({
    text: `select ${COLUMNS} ${FROM}
      where ($2::text is null or (coalesce(r.user_name, r.anchor), p.id) > ($2, $3))
        ${conditions.map((c) => `and ${c}`).join(' ')}
      order by coalesce(r.user_name, r.anchor), p.id limit $1`,
    values,
  });
}

/** People whose id, user name, an e-mail address or externalId is exactly this; case counts in ids only. At most 20. */
export async function findPeople(db: Db, text: string): Promise<ListedPerson[]> {
  return db.rows<ListedPerson>({
    text: `select distinct on (p.id) ${COLUMNS} from person p join person_record pr on pr.person = p.id
        join record r on r.key = pr.record_key
      where p.id = $1 or r.anchor = $1 or r.external_id = $1
        or r.name_key = $2 or r.email_keys @> array[$2]
      order by p.id, pr.secondary, r.gone_at is not null, pr.dormant, r.key limit 20`,
    values: [text, text.normalize('NFC').toLowerCase()],
  });
}

/** How many users and groups each source has, and when it last wrote any, also one that is gone now. */
export async function countRecords(
  db: Db,
): Promise<Array<{ source: string; users: number; groups: number; lastChange: Date | null }>> {
  return db.rows({
    name: 'records-count',
    text: `select source, count(*) filter (where kind = 'user' and gone_at is null) as users,
        count(*) filter (where kind = 'group' and gone_at is null) as groups, max(changed_at) as "lastChange"
      from record group by source order by source`,
  });
}

/** How many users of each source were disabled already when it first told of them. Looks at all that are disabled. */
export async function countDormant(db: Db): Promise<Map<string, number>> {
  const rows = await db.rows<{ source: string; n: number }>({
    name: 'records-dormant',
    text: `select r.source, count(*) as n from person_record pr join record r on r.key = pr.record_key
      where ${DORMANT} group by r.source`,
  });
  return new Map(rows.map(({ source, n }) => [source, n]));
}

/** User names of these persons, by id. */
export async function namesOfPeople(db: Db, ids: readonly string[]): Promise<Map<string, string>> {
  const rows = await db.rows<{ id: string; name: string }>({
    text: `select distinct on (pr.person) pr.person as id, coalesce(r.user_name, r.anchor) as name from person_record pr
      join record r on r.key = pr.record_key where pr.person = any($1::text[])
      order by pr.person, pr.secondary, r.gone_at is not null, pr.dormant, r.key`,
    values: [ids],
  });
  return new Map(rows.map((row) => [row.id, row.name]));
}

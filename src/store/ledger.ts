import { type Cause, type ItemKey, itemSet, type LedgerRow, nameKey } from '../model/accounts.ts';
import type { Lane } from '../model/job.ts';
import type { Db } from './db.ts';

type Row = Omit<LedgerRow, 'objectId'> & { readonly objectId: string | null };

const COLUMNS = `target, person, item, created, confirmed, object_id as "objectId", blocked, plan, causes`;

/** What we gave to these persons, everywhere. */
export async function ledgerOf(db: Db, persons: readonly string[]): Promise<LedgerRow[]> {
  if (persons.length === 0) return [];
  const rows = await db.rows<Row>({
    name: 'ledger-of',
    text: `select ${COLUMNS} from ledger where person = any($1::text[]) order by person, target, item`,
    values: [persons],
  });
  return rows.map(fromRow);
}

function fromRow({ objectId, ...rest }: Row): LedgerRow {
  return objectId === null ? rest : { ...rest, objectId };
}

export interface Claim {
  readonly target: string;
  readonly person: string;
  readonly item: ItemKey;
  readonly created: boolean;
  readonly plan: string;
  readonly causes: readonly Cause[];
  readonly objectId?: string | undefined;
}

/** What an alias is compared by; null for any other item, and where its user name is not known. */
const aliasKey = ({ item, objectId }: Claim): string | null =>
  itemSet(item) === undefined || objectId === undefined ? null : nameKey(objectId);

/**
 * Written before giving: from here on the items may be there, and are ours. A row that is there already stays as it is,
 * but for the newest plan and causes, and the user name of an alias. Each item at most once in a call. Throws when an
 * alias is another person's.
 */
export async function claimItems(db: Db, claims: readonly Claim[]): Promise<void> {
  if (claims.length === 0) return;
  await db.rows({
    name: 'ledger-claim',
    text: `insert into ledger (target, person, item, created, object_id, plan, causes, alias_key)
      select * from unnest($1::text[], $2::text[], $3::text[], $4::boolean[], $5::text[], $6::text[], $7::jsonb[], $8::text[])
        as c(target, person, item, created, object_id, plan, causes, alias_key)
      order by target, person, item
      on conflict (target, person, item) do update set
        plan = excluded.plan, causes = excluded.causes, alias_key = coalesce(excluded.alias_key, ledger.alias_key),
        object_id = case when excluded.alias_key is null then coalesce(ledger.object_id, excluded.object_id)
          else excluded.object_id end`,
    values: [
      ...keys(claims),
      claims.map((claim) => claim.created),
      claims.map((claim) => claim.objectId ?? null),
      claims.map((claim) => claim.plan),
      claims.map((claim) => JSON.stringify(claim.causes)),
      claims.map(aliasKey),
    ],
  });
}

/** One row of the ledger. */
export type LedgerKey = Pick<LedgerRow, 'target' | 'person' | 'item'>;

const keys = (rows: readonly LedgerKey[]) => [
  rows.map((row) => row.target),
  rows.map((row) => row.person),
  rows.map((row) => row.item),
];

/** The target has them: each with the id it is known by there, if it has one. */
export async function confirmItems(
  db: Db,
  items: ReadonlyArray<LedgerKey & { readonly objectId?: string | undefined }>,
): Promise<void> {
  if (items.length === 0) return;
  await db.rows({
    name: 'ledger-confirm',
    text: `update ledger l set confirmed = true, object_id = coalesce(c.object_id, l.object_id)
      from unnest($1::text[], $2::text[], $3::text[], $4::text[]) as c(target, person, item, object_id)
      where l.target = c.target and l.person = c.person and l.item = c.item`,
    values: [...keys(items), items.map((item) => item.objectId ?? null)],
  });
}

/** Written before taking what may be given again at once: from here on nobody can tell whether it is there. */
export async function doubtItems(db: Db, items: readonly LedgerKey[]): Promise<void> {
  if (items.length === 0) return;
  await db.rows({
    name: 'ledger-doubt',
    text: `update ledger l set confirmed = false
      from unnest($1::text[], $2::text[], $3::text[]) as d(target, person, item)
      where l.target = d.target and l.person = d.person and l.item = d.item and l.confirmed`,
    values: keys(items),
  });
}

/** Written after taking: the items are gone and no longer ours. Whoever else wants an alias among them is marked dirty. */
export async function releaseItems(db: Db, items: readonly LedgerKey[]): Promise<void> {
  if (items.length === 0) return;
  await db.rows({
    name: 'ledger-release',
    text: `with gone as (
        delete from ledger l using unnest($1::text[], $2::text[], $3::text[]) as r(target, person, item)
        where l.target = r.target and l.person = r.person and l.item = r.item
        returning l.target, l.person, l.item, l.alias_key
      )
      insert into dirty (kind, person)
      select distinct 'person', w.person from gone
        join wanted_login w on w.target = gone.target and w.item = gone.item and w.login_key = gone.alias_key
        where gone.alias_key is not null and w.person <> gone.person`,
    values: keys(items),
  });
}

/** Whether the account's block is ours: only such a block is lifted by us. */
export interface Blocked extends Lane {
  readonly blocked: boolean;
}

export async function setBlocked(db: Db, accounts: readonly Blocked[]): Promise<void> {
  if (accounts.length === 0) return;
  await db.rows({
    name: 'ledger-blocked',
    text: `update ledger l set blocked = b.blocked
      from unnest($1::text[], $2::text[], $3::boolean[]) as b(target, person, blocked)
      where l.target = b.target and l.person = b.person and l.item = 'account'`,
    values: [accounts.map((a) => a.target), accounts.map((a) => a.person), accounts.map((a) => a.blocked)],
  });
}

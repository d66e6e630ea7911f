import type { Cause, ItemKey, LedgerRow } from '../model/accounts.ts';
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

/**
 * Written before giving: from here on the item may be there, and is ours. A row that is there already stays as it is,
 * but for the newest plan and causes.
 */
export async function claimItem(db: Db, claim: Claim): Promise<void> {
  await db.rows({
    name: 'ledger-claim',
    text: `insert into ledger (target, person, item, created, object_id, plan, causes)
      values ($1, $2, $3, $4, $5, $6, $7::jsonb)
      on conflict (target, person, item) do update set
        plan = excluded.plan, causes = excluded.causes, object_id = coalesce(ledger.object_id, excluded.object_id)`,
    values: [
      claim.target,
      claim.person,
      claim.item,
      claim.created,
      claim.objectId ?? null,
      claim.plan,
      JSON.stringify(claim.causes),
    ],
  });
}

/** The target has it: the id it is known by there, if it has one. */
export async function confirmItem(
  db: Db,
  target: string,
  person: string,
  item: ItemKey,
  objectId?: string,
): Promise<void> {
  await db.rows({
    name: 'ledger-confirm',
    text: `update ledger set confirmed = true, object_id = coalesce($4, object_id)
      where target = $1 and person = $2 and item = $3`,
    values: [target, person, item, objectId ?? null],
  });
}

/** Written after taking: the item is gone and no longer ours. */
export async function releaseItem(db: Db, target: string, person: string, item: ItemKey): Promise<void> {
  await db.rows({
    name: 'ledger-release',
    text: `delete from ledger where target = $1 and person = $2 and item = $3`,
    values: [target, person, item],
  });
}

/** Whether the account's block is ours: only such a block is lifted by us. */
export async function setBlocked(db: Db, target: string, person: string, blocked: boolean): Promise<void> {
  await db.rows({
    name: 'ledger-blocked',
    text: `update ledger set blocked = $3 where target = $1 and person = $2 and item = 'account'`,
    values: [target, person, blocked],
  });
}

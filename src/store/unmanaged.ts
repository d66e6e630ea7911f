import type { Db } from './db.ts';

/** A role on an account at a target that we did not give. */
export interface Unmanaged {
  readonly target: string;
  readonly accountId: string;
  readonly roleId: string;
  /** Null where the target names no such role any more. */
  readonly role: string | null;
  readonly login: string;
  /** Whose account it is by the ledger; null: nobody's, it is not ours either. */
  readonly person: string | null;
  /** Who manages the account besides us, or that it is an administrator's. */
  readonly managedBy: string | null;
  readonly privileged: boolean;
}

/** Fields that they are found by. `account`: `ours` or `foreign`. */
export const UNMANAGED_FIELDS = ['target', 'role', 'login', 'person', 'account'] as const;
export type UnmanagedTerm = { readonly field: (typeof UNMANAGED_FIELDS)[number]; readonly like: string };

/** Every attachment that a target last showed, with the ledger's row where it is ours. */
const ATTACHED = `from observed o
  cross join lateral jsonb_array_elements_text(o.account -> 'roles') as a(role_id)
  left join target_role r on r.target = o.target and r.role_id = a.role_id
  left join ledger l on l.target = o.target and l.item = 'account' and l.object_id = o.account_id
  left join ledger g on g.target = o.target and g.person = l.person and g.item like 'role:%'
    and coalesce(g.object_id = a.role_id, g.item = 'role:' || r.name)`;

const FIELD: Readonly<Record<UnmanagedTerm['field'], string>> = {
  target: 'o.target',
  role: `coalesce(r.name, a.role_id)`,
  login: `o.account -> 'profile' ->> 'login'`,
  person: `coalesce(l.person, '')`,
  account: `case when l.person is null then 'foreign' else 'ours' end`,
};

export interface UnmanagedKey {
  readonly target: string;
  readonly accountId: string;
  readonly roleId: string;
}

/** A page of them, by target, account and role, after `after`. */
export async function listUnmanaged(
  db: Db,
  query: { readonly terms: readonly UnmanagedTerm[]; readonly limit: number; readonly after?: UnmanagedKey },
): Promise<Unmanaged[]> {
  const { target = null, accountId = null, roleId = null } = query.after ?? {};
  return db.rows<Unmanaged>({
    text: `select o.target, o.account_id as "accountId", a.role_id as "roleId", r.name as role,
        o.account -> 'profile' ->> 'login' as login, l.person, o.account ->> 'managedBy' as "managedBy",
        coalesce((o.account ->> 'privileged')::boolean, false) as privileged
      ${ATTACHED}
      where g.item is null and ($1::text is null or (o.target, o.account_id, a.role_id) > ($1, $2, $3))
        ${query.terms.map(({ field }, i) => `and ${FIELD[field]} ilike $${i + 5}`).join(' ')}
      order by o.target, o.account_id, a.role_id limit $4`,
    values: [target, accountId, roleId, query.limit, ...query.terms.map((term) => term.like)],
  });
}

/** How often a role is attached at a target, and by whom. */
export interface RoleShare {
  readonly target: string;
  readonly role: string;
  /** Given or claimed by us. */
  readonly ours: number;
  /** By others, on accounts of ours. */
  readonly others: number;
  /** On accounts that are not ours. */
  readonly foreign: number;
}

/** Every role that the targets last showed. Looks at all attachments. */
export async function roleShares(db: Db): Promise<RoleShare[]> {
  return db.rows<RoleShare>({
    text: `select coalesce(t.target, r.target) as target, coalesce(t.name, r.name) as role, coalesce(ours, 0) as ours,
        coalesce(others, 0) as others, coalesce("foreign", 0) as "foreign"
      from (
        select o.target, a.role_id, coalesce(r.name, a.role_id) as name, count(*) filter (where g.item is not null) as ours,
          count(*) filter (where g.item is null and l.person is not null) as others,
          count(*) filter (where l.person is null) as "foreign"
        ${ATTACHED} group by 1, 2, 3
      ) t full join target_role r on r.target = t.target and r.role_id = t.role_id order by 1, 2`,
  });
}

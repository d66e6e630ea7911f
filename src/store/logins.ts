import type { ItemKey } from '../model/accounts.ts';
import type { Db } from './db.ts';

/** A login at a target (`item` is `account`), or the user name of an alias in a set. `key` is a `nameKey`. */
export interface LoginName {
  readonly target: string;
  readonly item: ItemKey;
  readonly key: string;
}

/** Who wants which of them. */
export interface WantedLogin extends LoginName {
  readonly person: string;
}

export interface Claimant extends WantedLogin {
  /** By the ledger this person has an account at the target, or this very alias there. */
  readonly owner: boolean;
}

/** As three parameters of a statement. */
export const columns = (names: readonly LoginName[]) => [
  names.map((n) => n.target),
  names.map((n) => n.item),
  names.map((n) => n.key),
];

/** Everybody who was last planned to want one of these logins. */
export async function claimantsOf(db: Db, logins: readonly LoginName[]): Promise<Claimant[]> {
  if (logins.length === 0) return [];
  return db.rows<Claimant>({
    name: 'logins-claimants',
    text: `select w.target, w.item, w.person, w.login_key as key, l.person is not null as owner
      from (select distinct target, item, key from unnest($1::text[], $2::text[], $3::text[]) as u(target, item, key)) k
      join wanted_login w on w.target = k.target and w.item = k.item and w.login_key = k.key
      left join ledger l on l.target = w.target and l.person = w.person and l.item = w.item
      order by w.target, w.person`,
    values: columns(logins),
  });
}

/**
 * Everybody who has one of these aliases by the ledger, or was last planned to want it. One statement: whoever goes from
 * wanting to having it is in it at any moment.
 */
export async function aliasClaimants(db: Db, names: readonly LoginName[]): Promise<Claimant[]> {
  if (names.length === 0) return [];
  return db.rows<Claimant>({
    name: 'logins-alias-claimants',
    text: `select k.target, k.item, k.key, c.person, bool_or(c.owner) as owner
      from (select distinct target, item, key from unnest($1::text[], $2::text[], $3::text[]) as u(target, item, key)) k
      cross join lateral (
        select w.person, false as owner from wanted_login w
          where w.target = k.target and w.item = k.item and w.login_key = k.key
        union all
        select l.person, true from ledger l where l.target = k.target and l.item = k.item and l.alias_key = k.key
      ) c
      group by k.target, k.item, k.key, c.person order by k.target, k.item, k.key, c.person`,
    values: columns(names),
  });
}

/**
 * Replaces what these persons want by `wanted`. Whoever else wants a login or an alias that one of them took up or let go
 * is marked dirty: there is a rival more for them, or one less.
 */
export async function replaceLogins(db: Db, persons: readonly string[], wanted: readonly WantedLogin[]): Promise<void> {
  if (persons.length === 0) return;
  await db.rows({
    name: 'logins-replace',
    text: `with new as (
        select * from unnest($2::text[], $3::text[], $4::text[], $5::text[]) as n(target, item, key, person)
      ),
      old as (select target, person, item, login_key as key from wanted_login where person = any($1::text[])),
      gone as (
        delete from wanted_login w using old
        where w.target = old.target and w.person = old.person and w.item = old.item
          and not exists (
            select 1 from new where new.target = old.target and new.person = old.person and new.item = old.item)
      ),
      put as (
        insert into wanted_login (target, person, item, login_key) select target, person, item, key from new
        on conflict (target, person, item) do update set login_key = excluded.login_key
          where wanted_login.login_key is distinct from excluded.login_key
      ),
      moved as (
        (select target, person, item, key from new except select target, person, item, key from old)
        union
        (select target, person, item, key from old except select target, person, item, key from new)
      )
      insert into dirty (kind, person)
      select distinct 'person', w.person from (select distinct target, item, key from moved) m
        join wanted_login w on w.target = m.target and w.item = m.item and w.login_key = m.key
      where w.person <> all($1::text[])`,
    values: [persons, ...columns(wanted), wanted.map((w) => w.person)],
  });
}

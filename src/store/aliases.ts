import type { Db } from './db.ts';
import { columns, type LoginName } from './logins.ts';

const KEYS = `(select distinct target, item, key from unnest($1::text[], $2::text[], $3::text[]) as u(target, item, key)) k`;

/** An account that was last seen with an alias. */
export interface AliasAccount extends LoginName {
  readonly accountId: string;
  readonly login: string;
}

/** The accounts that show one of these aliases, whoever set it. */
export async function accountsWithAlias(db: Db, names: readonly LoginName[]): Promise<AliasAccount[]> {
  if (names.length === 0) return [];
  return db.rows<AliasAccount>({
    name: 'aliases-accounts',
    text: `with o as materialized (
        select target, account_id, account->'profile'->>'login' as login, aliases from observed
        where aliases is not null and aliases && $4::text[]
      )
      select k.target, k.item, k.key, o.account_id as "accountId", o.login
      from o cross join lateral unnest(o.aliases) as a(name)
      join ${KEYS} on k.target = o.target and k.item || '=' || k.key = a.name
      order by k.target, k.item, k.key, o.account_id`,
    values: [...columns(names), names.map(({ item, key }) => `${item}=${key}`)],
  });
}

/** An alias that was taken from somebody, and until when nobody else gets it. */
export interface KeptAlias extends LoginName {
  readonly person: string;
  readonly until: Date;
}

/** For whom these aliases are kept at `now`, the longest first. */
export async function keptAliases(db: Db, names: readonly LoginName[], now: Date): Promise<KeptAlias[]> {
  if (names.length === 0) return [];
  return db.rows<KeptAlias>({
    name: 'aliases-kept',
    text: `select a.target, a.item, a.alias_key as key, a.person, a.until
      from ${KEYS} join kept_alias a on a.target = k.target and a.item = k.item and a.alias_key = k.key
      where a.until > $4 order by a.until desc, a.person`,
    values: [...columns(names), now],
  });
}

/** At most this many in one go: the next one goes on. */
const CHUNK = 1_000;

/**
 * Keeps aliases for whom they are taken from. A longer time that is known stays. What nobody is kept from any more at
 * `now` is forgotten.
 */
export async function keepAliases(db: Db, kept: readonly KeptAlias[], now: Date): Promise<void> {
  if (kept.length === 0) return;
  await db.rows({
    name: 'aliases-keep',
    text: `insert into kept_alias (target, item, alias_key, person, until)
      select target, item, key, person, max(until)
        from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::timestamptz[]) as k(target, item, key, person, until)
        group by target, item, key, person order by target, item, key, person
      on conflict (target, item, alias_key, person) do update set until = excluded.until
        where kept_alias.until < excluded.until`,
    values: [...columns(kept), kept.map((k) => k.person), kept.map((k) => k.until)],
  });
  await db.rows({
    name: 'aliases-forget',
    text: `delete from kept_alias where ctid = any(array(
      select ctid from kept_alias where until <= $1 limit ${CHUNK} for update skip locked))`,
    values: [now],
  });
}

/** Two people turn out to be one: what was kept for `from` is kept for `to`. */
export async function moveKept(db: Db, from: string, to: string): Promise<void> {
  await db.rows({
    text: `with moved as (delete from kept_alias where person = $1 returning target, item, alias_key, until)
      insert into kept_alias (target, item, alias_key, person, until) select target, item, alias_key, $2, until from moved
      on conflict (target, item, alias_key, person) do update set until = excluded.until
        where kept_alias.until < excluded.until`,
    values: [from, to],
  });
}

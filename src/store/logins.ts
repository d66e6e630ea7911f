import type { Db } from './db.ts';

/** Logins are compared by this: NFC, trimmed, case folded. */
export const loginKey = (login: string): string => login.normalize('NFC').trim().toLowerCase();

/** Who wants which login at a target. `key` is a `loginKey`. */
export interface WantedLogin {
  readonly target: string;
  readonly person: string;
  readonly key: string;
}

export interface Claimant extends WantedLogin {
  /** This person's account at the target is in the ledger. */
  readonly owner: boolean;
}

/** Everybody who was last planned to want one of these logins. */
export async function claimantsOf(db: Db, logins: ReadonlyArray<{ target: string; key: string }>): Promise<Claimant[]> {
  if (logins.length === 0) return [];
  return db.rows<Claimant>({
    name: 'logins-claimants',
    text: `select w.target, w.person, w.login_key as key, l.person is not null as owner
      from (select distinct target, key from unnest($1::text[], $2::text[]) as u(target, key)) k
      join wanted_login w on w.target = k.target and w.login_key = k.key
      left join ledger l on l.target = w.target and l.person = w.person and l.item = 'account'
      order by w.target, w.person`,
    values: [logins.map((l) => l.target), logins.map((l) => l.key)],
  });
}

/**
 * Replaces what these persons want by `wanted`. Whoever else wants a login that one of them took up or let go is
 * marked dirty: there is a rival more for them, or one less.
 */
export async function replaceLogins(db: Db, persons: readonly string[], wanted: readonly WantedLogin[]): Promise<void> {
  if (persons.length === 0) return;
  await db.rows({
    name: 'logins-replace',
    text: `with new as (
        select * from unnest($2::text[], $3::text[], $4::text[]) as n(target, person, key)
      ),
      old as (select target, person, login_key as key from wanted_login where person = any($1::text[])),
      gone as (
        delete from wanted_login w using old
        where w.target = old.target and w.person = old.person
          and not exists (select 1 from new where new.target = old.target and new.person = old.person)
      ),
      put as (
        insert into wanted_login (target, person, login_key) select target, person, key from new
        on conflict (target, person) do update set login_key = excluded.login_key
          where wanted_login.login_key is distinct from excluded.login_key
      ),
      moved as (
        (select target, person, key from new except select target, person, key from old)
        union
        (select target, person, key from old except select target, person, key from new)
      )
      insert into dirty (kind, person)
      select distinct 'person', w.person from (select distinct target, key from moved) m
        join wanted_login w on w.target = m.target and w.login_key = m.key
      where w.person <> all($1::text[])`,
    values: [persons, wanted.map((w) => w.target), wanted.map((w) => w.person), wanted.map((w) => w.key)],
  });
}

/** The login that the person was last planned to have at the target, as a `loginKey`. */
export async function wantedLogin(db: Db, target: string, person: string): Promise<string | undefined> {
  const row = await db.row<{ key: string }>({
    name: 'logins-wanted',
    text: `select login_key as key from wanted_login where target = $1 and person = $2`,
    values: [target, person],
  });
  return row?.key;
}

import { aliasesOf, aliasItem, nameKey, type Observed } from '../model/accounts.ts';
import type { Db } from './db.ts';

type AccountJson = Omit<Observed, 'roles' | 'aliases'> & {
  readonly roles: readonly string[];
  readonly aliases: readonly string[];
};

/** An account as a target last showed it, and whose it is: by our ledger, else by our mark on it. */
export interface SeenAccount {
  readonly target: string;
  readonly account: Observed;
}

export interface SeenOfPerson extends SeenAccount {
  readonly person: string;
}

export interface SeenLogin extends SeenAccount {
  readonly key: string;
  /** The person whose account it is by the ledger. */
  readonly owner: string | null;
}

const toJson = (account: Observed): AccountJson => ({
  ...account,
  roles: [...account.roles].toSorted(),
  aliases: [...account.aliases].toSorted(),
});
const fromJson = (json: AccountJson): Observed => ({
  ...json,
  roles: new Set(json.roles),
  aliases: new Set(json.aliases),
});

/** The accounts of these persons: by the ledger's object id, and where the ledger names none, by the mark. */
export async function accountsOf(db: Db, persons: readonly string[]): Promise<SeenOfPerson[]> {
  if (persons.length === 0) return [];
  const rows = await db.rows<{ target: string; person: string; account: AccountJson }>({
    name: 'observed-of-persons',
    text: `select o.target, l.person, o.account from ledger l
        join observed o on o.target = l.target and o.account_id = l.object_id
        where l.person = any($1::text[]) and l.item = 'account'
      union all
      select distinct on (o.target, o.account->>'mark') o.target, o.account->>'mark', o.account from observed o
        where o.account ? 'mark' and o.account->>'mark' = any($1::text[])
          and not exists (select 1 from ledger l where l.target = o.target and l.person = o.account->>'mark'
            and l.item = 'account' and l.object_id is not null)`,
    values: [persons],
  });
  return rows.map(({ account, ...row }) => ({ ...row, account: fromJson(account) }));
}

/** The accounts that have one of these logins, and whose they are. */
export async function accountsNamed(
  db: Db,
  logins: ReadonlyArray<{ target: string; key: string }>,
): Promise<SeenLogin[]> {
  if (logins.length === 0) return [];
  const rows = await db.rows<Omit<SeenLogin, 'account'> & { readonly account: AccountJson }>({
    name: 'observed-named',
    text: `select o.target, o.login_key as key, o.account, l.person as owner
      from (select distinct target, key from unnest($1::text[], $2::text[]) as u(target, key)) k
      join observed o on o.target = k.target and o.login_key = k.key
      left join ledger l on l.target = o.target and l.item = 'account' and l.object_id = o.account_id
      order by o.target, o.account_id`,
    values: [logins.map((l) => l.target), logins.map((l) => l.key)],
  });
  return rows.map(({ account, ...row }) => ({ ...row, account: fromJson(account) }));
}

/** The account's aliases as they are looked for, such as `alias:linux=ann`; null where it has none. */
const aliasKeys = (account: Observed): string[] | null =>
  account.aliases.size === 0
    ? null
    : aliasesOf(account).map(({ set, username }) => `${aliasItem(set)}=${nameKey(username)}`);

/** The names that are in one of two lists only, as rows of `name`. */
function differing(a: string, b: string): string {
  return `((select unnest(${a}) except select unnest(${b})) union (select unnest(${b}) except select unnest(${a}))) as d(name)`;
}

/** Whose wanted alias is `name`, one of `aliasKeys`; no set has an equals sign in its name. */
const WANTS_ALIAS = `w.item = split_part(name, '=', 1) and w.login_key = substr(name, strpos(name, '=') + 1)`;

/**
 * What a target answered to changes or reads of single accounts, each at most once in a call. Whoever else wants a
 * login that one of these accounts let go, or an alias that one of them got or let go, is marked dirty.
 */
export async function saveAccounts(db: Db, seen: readonly SeenOfPerson[]): Promise<void> {
  if (seen.length === 0) return;
  const page = seen.map(({ target, person, account }) => ({
    target,
    person,
    account_id: account.id,
    login_key: nameKey(account.profile.login),
    account: toJson(account),
    aliases: aliasKeys(account),
  }));
  await db.rows({
    name: 'observed-save',
    text: `with a as (
        select * from jsonb_to_recordset($1::jsonb)
          as a(target text, person text, account_id text, login_key text, account jsonb, aliases text[])
      ),
      old as (
        select a.target, a.person, o.login_key, a.login_key as new_key, o.aliases, a.aliases as new_aliases
        from a left join observed o using (target, account_id)
        where o.login_key <> a.login_key or o.aliases is distinct from a.aliases
      ),
      put as (
        insert into observed (target, account_id, login_key, account, aliases)
        select target, account_id, login_key, account, aliases from a order by target, account_id
        on conflict (target, account_id) do update set
          login_key = excluded.login_key, account = excluded.account, aliases = excluded.aliases, seen_at = now()
      )
      insert into dirty (kind, person)
      select 'person', w.person from old
        join wanted_login w on w.target = old.target and w.item = 'account' and w.login_key = old.login_key
        where w.person <> old.person and old.login_key <> old.new_key
      union
      select 'person', w.person from old cross join lateral ${differing('old.aliases', 'old.new_aliases')}
        join wanted_login w on w.target = old.target and ${WANTS_ALIAS}
        where w.person <> old.person and old.aliases is distinct from old.new_aliases`,
    values: [JSON.stringify(page)],
  });
}

/** The target says that the account is not there. */
export async function forgetAccount(db: Db, target: string, accountId: string): Promise<void> {
  await db.rows({
    name: 'observed-forget',
    text: `with gone as (
        delete from observed where target = $1 and account_id = $2 returning login_key, aliases
      )
      insert into dirty (kind, person)
      select 'person', w.person from gone
        join wanted_login w on w.target = $1 and w.item = 'account' and w.login_key = gone.login_key
      union
      select 'person', w.person from gone cross join lateral unnest(gone.aliases) as d(name)
        join wanted_login w on w.target = $1 and ${WANTS_ALIAS}`,
    values: [target, accountId],
  });
}

/** Marks persons dirty whom a set of changed accounts concerns: by id, mark, login and aliases, old and new. */
const MARK_CONCERNED = `insert into dirty (kind, person)
  select 'person', l.person from changed c
    join ledger l on l.target = $1 and l.item = 'account' and l.object_id = c.account_id
  union
  select 'person', p.id from changed c join person p on p.id = c.mark
  union
  select 'person', w.person from changed c
    join wanted_login w on w.target = $1 and w.item = 'account' and w.login_key in (c.old_key, c.new_key)
    where c.old_key is distinct from c.new_key
  union
  select 'person', w.person from changed c cross join lateral ${differing('c.old_aliases', 'c.new_aliases')}
    join wanted_login w on w.target = $1 and ${WANTS_ALIAS}
    where c.old_aliases is distinct from c.new_aliases`;

/**
 * One page of an observation that began at `since`. An account that a change of ours confirmed after that keeps what
 * the confirmation said. With `mark`, persons whose accounts changed are marked dirty.
 */
export async function savePage(
  db: Db,
  target: string,
  accounts: readonly Observed[],
  since: Date,
  mark: boolean,
): Promise<void> {
  if (accounts.length === 0) return;
  const page = accounts.map((account) => ({
    account: toJson(account),
    login_key: nameKey(account.profile.login),
    aliases: aliasKeys(account),
  }));
  await db.rows({
    name: mark ? 'observed-page-mark' : 'observed-page',
    text: `with page as (
        select distinct on (account->>'id') account->>'id' as account_id, login_key, account, aliases
        from jsonb_to_recordset($2::jsonb) as p(account jsonb, login_key text, aliases text[])
      ),
      old as (
        select o.account_id, o.login_key, o.account, o.aliases
        from observed o join page using (account_id) where o.target = $1
      ),
      put as (
        insert into observed (target, account_id, login_key, account, aliases, seen_at)
        select $1, account_id, login_key, account, aliases, clock_timestamp() from page
        on conflict (target, account_id) do update set
          login_key = excluded.login_key, account = excluded.account, aliases = excluded.aliases,
          seen_at = excluded.seen_at
        where observed.seen_at <= $3::timestamptz
        returning account_id
      ),
      changed as (
        select page.account_id, old.login_key as old_key, page.login_key as new_key, page.account->>'mark' as mark,
          old.aliases as old_aliases, page.aliases as new_aliases
        from page join put using (account_id) left join old using (account_id)
        where old.account is distinct from page.account
      )
      ${mark ? MARK_CONCERNED : 'select 1 from changed'}`,
    values: [target, JSON.stringify(page), since],
  });
}

/**
 * Ends a complete observation that began at `since`: accounts not seen since then are gone, and the persons whom that
 * concerns are marked dirty. Gives how many there were.
 */
export async function sweepUnseen(db: Db, target: string, since: Date): Promise<number> {
  const row = await db.row<{ gone: number }>({
    name: 'observed-sweep',
    text: `with gone as (
        delete from observed where target = $1 and seen_at <= $2::timestamptz
        returning account_id, login_key, account, aliases
      ),
      changed as (
        select account_id, login_key as old_key, null::text as new_key, account->>'mark' as mark,
          aliases as old_aliases, null::text[] as new_aliases
        from gone
      ),
      marked as (${MARK_CONCERNED})
      select count(*) as gone from gone`,
    values: [target, since],
  });
  return row?.gone ?? 0;
}

/** The database's clock, which `since` is compared with. */
export async function clock(db: Db): Promise<Date> {
  const row = await db.row<{ now: Date }>({ text: 'select clock_timestamp() as now' });
  if (row === undefined) throw new Error('the store gave no time');
  return row.now;
}

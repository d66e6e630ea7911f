import { type Kysely, sql } from 'kysely';

/**
 * Who wants, has and had which alias. Until now no kind of target had any, so there is nothing to bring along but who
 * wants which login.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of STATEMENTS) await sql.raw(statement).execute(db);
}

const STATEMENTS = [
  // What is wanted is the login of an account, or the user name of an alias.
  `alter table wanted_login add column item text not null default 'account'`,
  `alter table wanted_login alter column item drop default`,
  `alter table wanted_login drop constraint wanted_login_pkey`,
  `alter table wanted_login add primary key (target, person, item)`,
  `drop index wanted_login_key`,
  `create index wanted_login_key on wanted_login (target, item, login_key)`,

  // An alias is one person's in a set, whatever comes at the same moment.
  `alter table ledger add column alias_key text`,
  `create unique index ledger_alias on ledger (target, item, alias_key) where alias_key is not null`,

  // Items with user names, as in alias:linux=ann; null where the account has none.
  `alter table observed add column aliases text[]`,
  `create index observed_aliases on observed using gin (aliases) with (fastupdate = off)
     where aliases is not null`,

  // Kept for whom it was taken from: nobody else gets it before \`until\`.
  `create table kept_alias (
     target text not null,
     item text not null,
     alias_key text not null,
     person text not null,
     until timestamptz not null,
     primary key (target, item, alias_key, person)
   )`,
  `create index kept_alias_until on kept_alias (until)`,
];

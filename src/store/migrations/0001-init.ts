import { type Kysely, sql } from 'kysely';

/**
 * The first schema. Everything lies in the schema `drawbridge`, which the pool's search_path names.
 * One statement a table, with what the table is for; the columns that explain themselves are left alone.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of STATEMENTS) await sql.raw(statement).execute(db);
}

const STATEMENTS = [
  `create table meta (key text primary key, value jsonb not null)`,

  // What one source said of one user or group. `key` orders lists; `anchor` is the SCIM id for SCIM sources.
  // A record that went keeps its row (gone_at, evidence): ids are never reused, and a leaver must stay explainable.
  `create table record (
     key bigint generated always as identity primary key,
     source text not null,
     anchor text not null,
     kind text not null check (kind in ('user', 'group')),
     user_name text,
     name_key text,
     display_name text,
     external_id text,
     email_keys text[] not null default '{}',
     emails text[] not null default '{}',
     active boolean not null default true,
     attributes jsonb not null default '{}',
     covers text[],
     resource jsonb,
     evidence text,
     gone_at timestamptz,
     version bigint not null default 1,
     created_at timestamptz not null default now(),
     changed_at timestamptz not null default now()
   )`,
  `create unique index record_anchor on record (source, anchor)`,
  `create unique index record_scim_user_name on record (source, name_key)
     where kind = 'user' and gone_at is null and resource is not null`,
  `create index record_name on record (name_key, source, kind) where gone_at is null`,
  `create index record_external_id on record (external_id, source, kind) where gone_at is null`,
  `create index record_emails on record using gin (email_keys) where gone_at is null`,
  `create index record_list on record (source, kind, key) where gone_at is null`,

  // A member may be a user or a group. A deleted group keeps its rows until the planner has seen whom it touches.
  `create table membership (
     group_key bigint not null,
     member_key bigint not null,
     seq bigint generated always as identity,
     primary key (group_key, member_key)
   )`,
  `create index membership_member on membership (member_key)`,

  `create table person (
     id text primary key,
     generation int not null default 0,
     created_at timestamptz not null default now()
   )`,
  `create table person_record (
     record_key bigint primary key references record (key),
     person text not null references person (id),
     linked_by text not null,
     linked_at timestamptz not null default now()
   )`,
  `create index person_record_person on person_record (person)`,

  // What has to be planned again. Written in the transaction of the change itself; O(change), groups are not expanded.
  // expanded: how far the planner has worked off a row that stands for many persons.
  `create table dirty (
     id bigint generated always as identity primary key,
     kind text not null check (kind in ('user', 'group', 'person', 'all')),
     record_key bigint,
     person text,
     urgent boolean not null default false,
     expanded text,
     at timestamptz not null default now()
   )`,
  `create index dirty_urgent on dirty (id) where urgent`,

  // What we gave, and so may take back.
  `create table ledger (
     target text not null,
     person text not null,
     item text not null,
     created boolean not null,
     confirmed boolean not null default false,
     object_id text,
     blocked boolean not null default false,
     plan text not null,
     causes jsonb not null default '[]',
     given_at timestamptz not null default now(),
     primary key (target, person, item)
   )`,
  `create unique index ledger_account on ledger (target, object_id) where item = 'account' and object_id is not null`,
  `create index ledger_person on ledger (person)`,

  // What the targets last showed or confirmed.
  `create table observed (
     target text not null,
     account_id text not null,
     login_key text not null,
     account jsonb not null,
     seen_at timestamptz not null default now(),
     primary key (target, account_id)
   )`,
  `create index observed_login on observed (target, login_key)`,
  `create index observed_mark on observed ((account->>'mark')) where account ? 'mark'`,
  `create table target_role (
     target text not null,
     role_id text not null,
     name text not null,
     managed_by text,
     seen_at timestamptz not null default now(),
     primary key (target, role_id)
   )`,
  `create index target_role_name on target_role (target, name)`,
  // A role's name resolves once; from then on the id decides.
  `create table role_pin (
     target text not null,
     name text not null,
     role_id text not null,
     pinned_at timestamptz not null default now(),
     primary key (target, name)
   )`,
  `create table target_state (
     target text primary key,
     observed_at timestamptz,
     observe_error jsonb,
     baseline_at timestamptz,
     paused_at timestamptz,
     paused_because jsonb
   )`,

  // Who wants which login where: two persons on one login make a finding.
  `create table wanted_login (
     target text not null,
     person text not null,
     login_key text not null,
     primary key (target, person)
   )`,
  `create index wanted_login_key on wanted_login (target, login_key)`,

  `create table plan (
     id bigint generated always as identity primary key,
     hash text not null,
     kind text not null check (kind in ('full', 'partial')),
     actor text not null,
     rules_revision text not null,
     counts jsonb not null,
     created_at timestamptz not null default now()
   )`,
  `create index plan_hash on plan (hash)`,
  `create table step (
     id bigint generated always as identity primary key,
     plan_id bigint not null references plan (id),
     target text not null,
     person text not null,
     basis text not null,
     generation int not null,
     changes jsonb not null,
     state text not null check (state in ('proposed', 'pending', 'done', 'superseded', 'moved', 'refused', 'dropped')),
     settled_at timestamptz
   )`,
  `create index step_plan on step (plan_id)`,
  `create index step_lane on step (person, target, id)`,
  `create index step_open on step (person, target, id) where state in ('proposed', 'pending', 'refused')`,

  // The truth of the queue: one row a lane. It points to the newest allowed step; jobs in the queue hold the key only.
  // block_generation: an explicit leave asked for sign-in to be blocked, whatever else is planned.
  `create table work (
     target text not null,
     person text not null,
     step_id bigint references step (id),
     block_generation int,
     state text not null check (state in ('pending', 'done', 'parked')),
     priority smallint not null default 0,
     revision bigint not null default 1,
     attempts int not null default 0,
     not_before timestamptz not null default now(),
     enqueued_at timestamptz,
     lease_owner text,
     lease_until timestamptz,
     last_error jsonb,
     changed_at timestamptz not null default now(),
     primary key (target, person)
   )`,
  `create index work_due on work (target, priority desc, not_before) where state = 'pending'`,
  `create index work_enqueued on work (target, enqueued_at) where state = 'pending' and enqueued_at is not null`,
  `create index work_parked on work (target) where state = 'parked'`,

  `create table finding (
     kind text not null,
     person text not null default '',
     target text not null default '',
     object text not null,
     message text not null,
     remedy text,
     since timestamptz not null default now(),
     primary key (person, target, kind, object)
   )`,

  `create table rules_revision (
     revision text primary key,
     summary jsonb not null,
     loaded_at timestamptz not null default now()
   )`,

  `create table token (
     id text primary key,
     source text,
     scopes text[] not null default '{}',
     name text not null,
     hash bytea not null unique,
     created_at timestamptz not null default now(),
     created_by text not null,
     expires_at timestamptz,
     revoked_at timestamptz,
     last_used_at timestamptz
   )`,

  // The append-only history. Partitioned by month, so that old months can be dropped whole.
  `create sequence event_id`,
  `create table event (
     id bigint not null default nextval('event_id'),
     at timestamptz not null default now(),
     actor text not null,
     kind text not null,
     person text,
     source text,
     target text,
     object text,
     detail jsonb not null default '{}'
   ) partition by range (at)`,
  `create table event_rest partition of event default`,
  `create index event_person on event (person, id)`,
  `create index event_id_at on event (id)`,
];

import type { TargetRole } from '../model/target.ts';
import type { Db } from './db.ts';

/** How one role's name reads at a target: the pinned id, or every role of that name. */
export interface NamedRole {
  readonly target: string;
  readonly name: string;
  readonly pinned: boolean;
  readonly id: string;
  readonly managedBy: string | null;
  /** What the role is called now: with a pin it may be another name. */
  readonly now: string;
}

/** The roles that these names mean: a pin decides alone, else all of that name. A pin whose role is gone gives nothing. */
export async function rolesNamed(db: Db, names: ReadonlyArray<{ target: string; name: string }>): Promise<NamedRole[]> {
  if (names.length === 0) return [];
  return db.rows<NamedRole>({
    name: 'roles-named',
    text: `with wanted as (select distinct target, name from unnest($1::text[], $2::text[]) as u(target, name))
      select w.target, w.name, true as pinned, r.role_id as id, r.managed_by as "managedBy", r.name as now
        from wanted w join role_pin p using (target, name)
        join target_role r on r.target = p.target and r.role_id = p.role_id
      union all
      select w.target, w.name, false, r.role_id, r.managed_by, r.name
        from wanted w join target_role r on r.target = w.target and r.name = w.name
        where not exists (select 1 from role_pin p where p.target = w.target and p.name = w.name)`,
    values: [names.map((n) => n.target), names.map((n) => n.name)],
  });
}

/** The names of roles by their ids. */
export async function roleNames(
  db: Db,
  roles: ReadonlyArray<{ target: string; id: string }>,
): Promise<Array<{ readonly target: string; readonly id: string; readonly name: string }>> {
  if (roles.length === 0) return [];
  return db.rows({
    name: 'roles-names',
    text: `select r.target, r.role_id as id, r.name
      from (select distinct target, id from unnest($1::text[], $2::text[]) as u(target, id)) k
      join target_role r on r.target = k.target and r.role_id = k.id`,
    values: [roles.map((r) => r.target), roles.map((r) => r.id)],
  });
}

/** A name that resolved to a role: from then on the role's id decides. */
export interface Pin {
  readonly target: string;
  readonly name: string;
  readonly role: TargetRole;
}

/** Notes what names resolved to. The roles themselves are noted too, for one may be new. Of several pins of a name one counts. */
export async function pinRoles(db: Db, pins: readonly Pin[]): Promise<void> {
  if (pins.length === 0) return;
  const once = [...new Map(pins.map((pin) => [`${pin.target}\n${pin.name}`, pin])).values()];
  await db.rows({
    name: 'roles-pin',
    // Looked at first: an upsert would lock the row, and make all grants of one role wait for each other.
    text: `with p as (
        select * from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[])
          as p(target, name, id, role_name, managed_by)
      ),
      seen as (
        insert into target_role (target, role_id, name, managed_by)
        select distinct on (target, id) target, id, role_name, managed_by from p
        where not exists (select 1 from target_role r where r.target = p.target and r.role_id = p.id)
        order by target, id
        on conflict (target, role_id) do nothing
      )
      insert into role_pin (target, name, role_id) select target, name, id from p
      where not exists (
        select 1 from role_pin r where r.target = p.target and r.name = p.name and r.role_id = p.id)
      order by target, name
      on conflict (target, name) do update set role_id = excluded.role_id, pinned_at = now()
        where role_pin.role_id <> excluded.role_id`,
    values: [
      once.map((pin) => pin.target),
      once.map((pin) => pin.name),
      once.map((pin) => pin.role.id),
      once.map((pin) => pin.role.name),
      once.map((pin) => pin.role.managedBy ?? null),
    ],
  });
}

/**
 * All roles of a target as an observation that began at `since` read them; others are gone, but for those that a
 * change of ours made meanwhile. Gives whether anything that plans rest on has changed.
 */
export async function replaceRoles(
  db: Db,
  target: string,
  roles: readonly TargetRole[],
  since: Date,
): Promise<boolean> {
  const row = await db.row<{ changed: boolean }>({
    name: 'roles-replace',
    text: `with page as (
        select distinct on (id) id, name, "managedBy" from jsonb_to_recordset($2::jsonb)
          as r(id text, name text, "managedBy" text)
      ),
      put as (
        insert into target_role (target, role_id, name, managed_by)
        select $1, id, name, "managedBy" from page
        on conflict (target, role_id) do update set
          name = excluded.name, managed_by = excluded.managed_by, seen_at = excluded.seen_at
        where (target_role.name, coalesce(target_role.managed_by, ''))
          is distinct from (excluded.name, coalesce(excluded.managed_by, ''))
        returning 1
      ),
      gone as (
        delete from target_role r where r.target = $1 and r.seen_at <= $3::timestamptz
          and not exists (select 1 from page where page.id = r.role_id)
        returning 1
      )
      select exists (select 1 from put) or exists (select 1 from gone) as changed`,
    values: [target, JSON.stringify(roles), since],
  });
  return row?.changed ?? false;
}

/** A name in the rules and the role that it stands for. */
export interface PinnedRole {
  readonly target: string;
  /** As the rules call it. */
  readonly name: string;
  readonly roleId: string;
  readonly pinnedAt: Date;
  /** What the role is called at the target; null when it is not there any more. */
  readonly now: string | null;
  /** How many attachments of it are ours. */
  readonly owned: number;
}

/** Every name that was resolved, sorted; of one target if given. */
export async function listPins(db: Db, target?: string): Promise<PinnedRole[]> {
  return db.rows({
    text: `select p.target, p.name, p.role_id as "roleId", p.pinned_at as "pinnedAt", r.name as now,
        (select count(*) from ledger l where l.target = p.target and l.item = 'role:' || p.name) as owned
      from role_pin p left join target_role r on r.target = p.target and r.role_id = p.role_id
      where $1::text is null or p.target = $1 order by p.target, p.name`,
    values: [target ?? null],
  });
}

/** Lets a name go: the next plan resolves it anew. Gives the role that it stood for; undefined where it stood for none. */
export async function unpin(db: Db, target: string, name: string): Promise<string | undefined> {
  const row = await db.row<{ id: string }>({
    text: 'delete from role_pin where target = $1 and name = $2 returning role_id as id',
    values: [target, name],
  });
  return row?.id;
}

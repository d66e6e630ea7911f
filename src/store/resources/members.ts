import type { Db, Statement } from '../db.ts';
import { byId } from './scope.ts';
import type { MemberWrite, StoredResource, Writer, Written } from './types.ts';

/** What every write of memberships needs of the group: locked, so that writes of one group come one after the other. */
const GROUP = `g as (
    select r.key, r.anchor, r.kind, r.resource, r.display_name, r.version, r.created_at, r.changed_at
    from record r where r.anchor = $2 and ${byId('group')} for no key update
  )`;

/**
 * What follows from memberships that came or went: the group's version, one event each, and the member to be planned
 * again. An id that was never a record of the source stops everything; one that has left is passed over.
 */
const FOLLOW_UP = `touched as (
    select member_key, 'member.added' as kind from added union all select member_key, 'member.removed' from removed
  ), bumped as (
    update record set version = version + 1, changed_at = now()
    where key = (select key from g) and exists (select 1 from touched) returning version, changed_at
  ), e as (
    insert into event (actor, kind, person, source, object, detail)
    select $3, t.kind, pr.person, $1, $2, jsonb_build_object('group', g.display_name, 'member', r.anchor) || $4::jsonb
    from touched t cross join g join record r on r.key = t.member_key
    left join person_record pr on pr.record_key = t.member_key
  ), d as (
    insert into dirty (kind, record_key) select r.kind, r.key from touched t join record r on r.key = t.member_key
  )
  select g.key, g.anchor as id, g.kind, g.resource, coalesce(b.version, g.version) as version,
    g.created_at as "createdAt", coalesce(b.changed_at, g.changed_at) as "changedAt",
    (b.version is not null) as changed,
    array(select id from want where key is null order by id limit 5) as unknown
  from g left join bumped b on true`;

/**
 * A delta looks up each member that it names and each membership of those, by index, whatever the planner thinks of
 * the sizes: `lateral … limit 1` leaves it no other way. The group's other members are never read.
 */
const DELTA = `with ${GROUP}, want as (
    select a.id, r.key, r.gone from unnest($5::text[]) a(id) left join lateral (
      select key, gone_at is not null as gone from record where source = $1 and anchor = a.id limit 1) r on true
  ), added as (
    insert into membership (group_key, member_key)
    select g.key, w.key from g, want w where not w.gone and not exists (select 1 from want where key is null)
    on conflict do nothing returning member_key
  ), present as (
    select m.at from g cross join unnest($6::text[]) a(id)
    cross join lateral (select key from record where source = $1 and anchor = a.id limit 1) r
    cross join lateral (
      select ctid as at from membership where group_key = g.key and member_key = r.key limit 1) m
  ), removed as (
    delete from membership where ctid = any(array(select at from present))
    and not exists (select 1 from want where key is null) returning member_key
  ), ${FOLLOW_UP}`;

/** The whole list: costs the list and the group. */
const SET = `with ${GROUP}, want as materialized (
    select a.id, r.key, r.gone_at is not null as gone
    from unnest($5::text[]) a(id) left join record r on r.source = $1 and r.anchor = a.id
  ), added as (
    insert into membership (group_key, member_key)
    select g.key, w.key from g, want w where not w.gone and not exists (select 1 from want where key is null)
    on conflict do nothing returning member_key
  ), removed as (
    delete from membership m using g where m.group_key = g.key
    and not exists (select 1 from want w where w.key = m.member_key and not w.gone)
    and not exists (select 1 from want where key is null) returning m.member_key
  ), ${FOLLOW_UP}`;

interface MembersRow extends StoredResource {
  readonly changed: boolean;
  readonly unknown: readonly string[];
}

/** The statement of a change of members; exported for tests that look at its plan. */
export function memberStatement(writer: Writer, id: string, change: MemberWrite): Statement {
  const values: unknown[] = [writer.source, id, writer.actor, JSON.stringify({ request: writer.request })];
  if (change.type === 'set') return { name: 'members-set', text: SET, values: [...values, [...change.members]] };
  return { name: 'members-delta', text: DELTA, values: [...values, [...change.add], [...change.remove]] };
}

/** Changes memberships of a group that is there; `unknown` ids mean that nothing was written. */
export async function writeMembers(db: Db, writer: Writer, id: string, change: MemberWrite): Promise<MembersRow> {
  const row = await db.row<MembersRow>(memberStatement(writer, id, change));
  if (row === undefined) throw new Error('the group went away while its members were written');
  return row;
}

export async function changeMembers(db: Db, writer: Writer, id: string, change: MemberWrite): Promise<Written> {
  const row =
    change.type === 'delta' ? await db.row<MembersRow>(memberStatement(writer, id, change)) : await setMembers();
  if (row === undefined) return { outcome: 'missing' };
  const { changed, unknown, ...stored } = row;
  if (unknown.length > 0) return { outcome: 'unknown-members', ids: unknown };
  return { outcome: 'done', stored, changed, urgent: false };

  /** Locks first: the statement then sees what a write before it left, so the last whole list is the one that holds. */
  async function setMembers(): Promise<MembersRow | undefined> {
    return db.tx(async (tx) => {
      const group = await tx.row({
        name: 'group-lock',
        text: `select r.key from record r where r.anchor = $2 and ${byId('group')} for no key update`,
        values: [writer.source, id],
      });
      return group === undefined ? undefined : await writeMembers(tx, writer, id, change);
    });
  }
}

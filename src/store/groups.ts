import type { GroupId } from '../model/person.ts';
import type { GroupGraph } from '../model/planning.ts';
import type { Db } from './db.ts';

interface GroupRow {
  readonly id: GroupId;
  readonly name: string;
  readonly parents: readonly GroupId[];
}

/**
 * `gone_at is null`, said so that no partial index answers it: before the first statistics of a fresh database that
 * looks like the cheapest way to two rows, and is a walk over all records.
 */
export const THERE = (alias: string): string => `coalesce(${alias}.gone_at, 'infinity') = 'infinity'`;

/**
 * The part of the group graph that these persons can reach: the groups that hold their records, and every group above
 * those. Read for each batch rather than kept in memory: it is always that of the snapshot, and costs one statement.
 * `offset 0` keeps the server on the way from member to groups by key, which is right at any size, with
 * statistics or before the first ones.
 */
export async function groupsAbove(db: Db, persons: readonly string[]): Promise<GroupGraph> {
  if (persons.length === 0) return { names: new Map(), parents: new Map() };
  const rows = await db.rows<GroupRow>({
    name: 'groups-above',
    text: `with recursive direct(key) as (
        select distinct m.group_key from person_record pr
          cross join lateral (select group_key from membership where member_key = pr.record_key offset 0) m
          where pr.person = any($1::text[])
      ),
      above(key) as (
        select g.key from direct
          cross join lateral (select key from record g where g.key = direct.key and ${THERE('g')} offset 0) g
        union
        select g.key from above
          cross join lateral (select group_key from membership where member_key = above.key offset 0) m
          cross join lateral (select key from record g where g.key = m.group_key and ${THERE('g')} offset 0) g
      )
      select g.source || '/' || g.anchor as id, coalesce(g.display_name, g.anchor) as name, coalesce((
          select array_agg(p.source || '/' || p.anchor order by p.key)
          from (select group_key from membership where member_key = g.key offset 0) m
          cross join lateral (select * from record r where r.key = m.group_key and ${THERE('r')} offset 0) p), '{}')
            as parents
      from above cross join lateral (select * from record r where r.key = above.key offset 0) g order by g.key`,
    values: [persons],
  });
  return {
    names: new Map(rows.map((row) => [row.id, row.name])),
    parents: new Map(rows.filter((row) => row.parents.length > 0).map((row) => [row.id, row.parents])),
  };
}

/**
 * Marks every person below the group dirty, through nested groups: directly those of the group itself, even when it
 * has just been deleted, and those of groups in it as far as these still exist. Gives how many were marked.
 */
export async function markBelow(db: Db, groupKey: number, urgent: boolean): Promise<number> {
  const row = await db.row<{ marked: number }>({
    name: 'groups-mark-below',
    text: `with recursive below(key) as (
        select $1::bigint
        union
        select m.member_key from below
          join membership m on m.group_key = below.key
          join record g on g.key = m.member_key and g.kind = 'group' and ${THERE('g')}
      ),
      marked as (
        insert into dirty (kind, person, urgent)
        select distinct 'person', pr.person, $2::boolean from below
          join membership m on m.group_key = below.key
          join person_record pr on pr.record_key = m.member_key
        returning 1
      )
      select count(*) as marked from marked`,
    values: [groupKey, urgent],
  });
  return row?.marked ?? 0;
}

/** Removes up to `limit` membership rows of a group that was deleted; gives how many there were. Others stay untouched. */
export async function dropMemberships(db: Db, groupKey: number, limit: number): Promise<number> {
  const rows = await db.rows<{ member_key: number }>({
    name: 'groups-drop-memberships',
    text: `delete from membership where group_key = $1 and member_key in (
        select m.member_key from membership m join record g on g.key = m.group_key and g.gone_at is not null
        where m.group_key = $1 limit $2)
      returning member_key`,
    values: [groupKey, limit],
  });
  return rows.length;
}

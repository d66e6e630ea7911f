import type { Db } from '../db.ts';
import { stagedTables } from './stage.ts';

export interface MembersRequest {
  readonly reading: number;
  readonly source: string;
  /** Only a sealed reading takes memberships away. */
  readonly sealed: boolean;
}

/** Of facts about one membership the last holds; where none says that it ended they all say the same. */
const LAST = (
  members: string,
): string => `select distinct on (group_anchor, member_anchor) group_anchor, member_anchor, held
  from ${members} where member_anchor is not null order by group_anchor, member_anchor, n desc`;
const ALL = (members: string): string => `select group_anchor, member_anchor, held
  from ${members} where member_anchor is not null`;

const LINK = (facts: string): string => `insert into link
  select g.key, m.key, l.group_anchor, l.member_anchor, l.held,
    g.key is not null and g.gone_at is null and g.kind = 'group' and m.key is not null and m.gone_at is null
  from (${facts}) l
    left join record g on g.source = $1 and g.anchor = l.group_anchor
    left join record m on m.source = $1 and m.anchor = l.member_anchor`;

/** What waited for its group or member, and can be joined now. */
const WAITED = `insert into link
  select g.key, m.key, w.group_anchor, w.member_anchor, true, true
  from waiting_member w
    join record g on g.source = $1 and g.anchor = w.group_anchor and g.kind = 'group' and g.gone_at is null
    join record m on m.source = $1 and m.anchor = w.member_anchor and m.gone_at is null
  where w.source = $1 and not exists (
    select 1 from link l where l.group_anchor = w.group_anchor and l.member_anchor = w.member_anchor)`;

/** Who is not in the group yet. A group that is new has nobody. */
const ADD = `with new as materialized (select key from entry where what = 'created' and kind = 'group'), a as (
    insert into membership (group_key, member_key)
    select l.group_key, l.member_key from link l where l.held and l.there and l.group_key not in (select key from new)
      and not exists (select 1 from membership x where x.group_key = l.group_key and x.member_key = l.member_key)
    order by l.group_key, l.member_key on conflict do nothing returning group_key, member_key
  ), noted as (
    insert into moved select group_key, member_key, true from a
  ) select count(*) as count from a`;

const FILL = `with a as (
    insert into membership (group_key, member_key)
    select l.group_key, l.member_key from link l join entry e on e.key = l.group_key and e.what = 'created'
    where l.held and l.there order by l.group_key, l.member_key on conflict do nothing returning 1
  ) select count(*) as count from a`;

/** Who came with a new group and is not new themselves has to be planned; who is, is in any case. */
const MEET = `insert into moved
  select l.group_key, l.member_key, true from link l join entry e on e.key = l.group_key and e.what = 'created'
  where l.held and l.there and not exists (select 1 from entry m where m.key = l.member_key and m.what = 'created')`;

const TAKE = `with r as (
    delete from membership x using link l
    where not l.held and x.group_key = l.group_key and x.member_key = l.member_key
    returning x.group_key, x.member_key
  ), w as (
    delete from membership x using whole w where x.group_key = w.group_key and not exists (
      select 1 from link l where l.held and l.group_key = x.group_key and l.member_key = x.member_key)
    returning x.group_key, x.member_key
  ), u as (
    delete from membership x using departure d where d.evidence = 'explicit' and d.kind = 'user' and x.member_key = d.key
    returning x.group_key, x.member_key
  )
  insert into moved select distinct group_key, member_key, false
    from (select * from r union all select * from w union all select * from u) t returning 1`;

const EVENTS = `insert into event (actor, kind, person, source, object, detail)
  select $1, case when v.added then 'member.added' else 'member.removed' end, pr.person, $2, g.anchor,
    jsonb_build_object('group', g.display_name, 'member', m.anchor, 'reading', $3::bigint)
  from moved v join record g on g.key = v.group_key join record m on m.key = v.member_key
    left join person_record pr on pr.record_key = v.member_key
  where not exists (select 1 from entry e where e.what = 'created' and e.key = v.group_key)
  order by v.group_key, v.member_key`;

/**
 * Joins members to groups by their anchors within the source, whatever came first. A member that the source never told
 * of waits; one that is gone is passed over (docs/decisions/0003). A group whose whole list was read loses who is not
 * in it.
 */
export async function admitMembers(
  tx: Db,
  request: MembersRequest,
  created: boolean,
): Promise<{ added: number; removed: number; waiting: number }> {
  const { source, sealed } = request;
  const { members } = stagedTables(request.reading);
  await tx.rows({
    text: `create temp table link (group_key bigint, member_key bigint, group_anchor text, member_anchor text,
      held boolean, there boolean) on commit drop`,
  });
  await tx.rows({
    text: `create temp table moved (group_key bigint, member_key bigint, added boolean) on commit drop`,
  });
  await tx.rows({ text: `create temp table whole (group_key bigint, group_anchor text) on commit drop` });
  const ended = await tx.row<{ any: boolean }>({
    text: `select exists (select 1 from ${members} where not held) as any`,
  });
  await tx.rows({ text: LINK(ended?.any === true ? LAST(members) : ALL(members)), values: [source] });
  if (created) await tx.rows({ text: WAITED, values: [source] });
  await tx.rows({
    text: `insert into whole select distinct g.key, g.anchor from ${members} s
      join record g on g.source = $1 and g.anchor = s.group_anchor and g.kind = 'group' where s.member_anchor is null`,
    values: [source],
  });
  await tx.rows({ text: 'analyze link (group_key, member_key, group_anchor, held, there)' });
  const added = await tx.row<{ count: number }>({ text: ADD });
  const filled = created ? await tx.row<{ count: number }>({ text: FILL }) : undefined;
  if (created) await tx.rows({ text: MEET });
  const removed = sealed ? (await tx.rows({ text: TAKE })).length : 0;
  await keepWaiting(tx, source, sealed, created);
  const waiting = await tx.row<{ count: number }>({
    text: 'select count(*) as count from waiting_member where source = $1',
    values: [source],
  });
  return { added: (added?.count ?? 0) + (filled?.count ?? 0), removed, waiting: waiting?.count ?? 0 };
}

async function keepWaiting(tx: Db, source: string, sealed: boolean, created: boolean): Promise<void> {
  await tx.rows({
    text: `insert into waiting_member select $1, group_anchor, member_anchor from link
      where held and (group_key is null or member_key is null) on conflict do nothing`,
    values: [source],
  });
  if (created) {
    await tx.rows({
      text: `delete from waiting_member w using link l where w.source = $1 and l.group_anchor = w.group_anchor
        and l.member_anchor = w.member_anchor and l.group_key is not null and l.member_key is not null`,
      values: [source],
    });
  }
  if (!sealed) return;
  await tx.rows({
    text: `delete from waiting_member w where w.source = $1 and (
        exists (select 1 from link l where not l.held and l.group_anchor = w.group_anchor
          and l.member_anchor = w.member_anchor)
        or exists (select 1 from whole o where o.group_anchor = w.group_anchor) and not exists (
          select 1 from link l where l.held and l.group_anchor = w.group_anchor and l.member_anchor = w.member_anchor))`,
    values: [source],
  });
}

/** One event for each membership that moved, but for those that came with their new group. */
export async function tellMembers(tx: Db, actor: string, source: string, reading: number): Promise<void> {
  await tx.rows({ text: EVENTS, values: [actor, source, reading] });
}

import type { Change } from '../model/plan.ts';
import type { Db } from './db.ts';
import type { StoredEvent } from './events.ts';

const PAGE = 1000;

/** A person's history up to a moment, oldest first, read page by page. */
export async function* eventsUntil(db: Db, person: string, until: Date): AsyncGenerator<StoredEvent> {
  for (let after = 0; ;) {
    const page = await db.rows<StoredEvent>({
      name: 'events-until',
      text: `select id, at, actor, kind, person, source, target, object, detail
        from event where person = $1 and id > $2 and at <= $3 order by id limit ${PAGE}`,
      values: [person, after, until],
    });
    yield* page;
    const last = page.at(-1);
    if (last === undefined || page.length < PAGE) return;
    after = last.id;
  }
}

export interface GroupThen {
  readonly source: string;
  readonly anchor: string;
  readonly name: string | null;
}

/**
 * Groups that hold a record of the person now and did so at a moment, as far as later events tell: those that came with
 * a group of a directory have no event of their own.
 */
export async function groupsStill(db: Db, person: string, at: Date): Promise<GroupThen[]> {
  return db.rows({
    text: `select distinct g.source, g.anchor, g.display_name as name from person_record pr
      join membership m on m.member_key = pr.record_key join record g on g.key = m.group_key
      where pr.person = $1 and g.created_at <= $2 and (g.gone_at is null or g.gone_at > $2)
        and not exists (select 1 from event e where e.person = $1 and e.kind = 'member.added' and e.at > $2
          and e.source = g.source and e.object = g.anchor)
      order by 1, 2`,
    values: [person, at],
  });
}

/** Of these groups those that were deleted by then, as `source/anchor`. */
export async function groupsGone(
  db: Db,
  groups: ReadonlyArray<{ readonly source: string; readonly anchor: string }>,
  at: Date,
): Promise<Set<string>> {
  const rows = await db.rows<{ id: string }>({
    text: `select r.source || '/' || r.anchor as id from unnest($1::text[], $2::text[]) as g(source, anchor)
      join record r on r.source = g.source and r.anchor = g.anchor where r.gone_at <= $3`,
    values: [groups.map((g) => g.source), groups.map((g) => g.anchor), at],
  });
  return new Set(rows.map((row) => row.id));
}

export interface PlannedThen {
  readonly plan: string;
  readonly target: string;
  readonly changes: readonly Change[];
  readonly rulesRevision: string;
  readonly rulesCommit: string | null;
  readonly actor: string;
}

/** What these plans (by hash) had for a person: the causes of what they gave. */
export async function plannedFor(db: Db, person: string, plans: readonly string[]): Promise<PlannedThen[]> {
  if (plans.length === 0) return [];
  return db.rows({
    text: `select p.hash as plan, s.target, s.changes, p.rules_revision as "rulesRevision",
        p.rules_commit as "rulesCommit", p.actor
      from step s join plan p on p.id = s.plan_id where s.person = $1 and p.hash = any($2::text[]) order by s.id`,
    values: [person, [...plans]],
  });
}

/** The time of the oldest event that is kept; null in an empty history. */
export async function historyBegins(db: Db): Promise<Date | null> {
  const row = await db.row<{ at: Date }>({ text: 'select at from event order by id limit 1' });
  return row?.at ?? null;
}

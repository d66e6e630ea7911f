import type { GroupId } from '../model/person.ts';
import type { Db } from './db.ts';

export interface StoredGroup {
  readonly id: GroupId;
  readonly name: string;
  /** The source has it no more. */
  readonly gone: boolean;
}

/** Groups with these ids, and groups that have these names at these sources. Those that went come too. */
export async function groupsMeant(
  db: Db,
  ids: ReadonlyArray<{ readonly source: string; readonly id: string }>,
  names: ReadonlyArray<{ readonly source: string; readonly name: string }>,
): Promise<StoredGroup[]> {
  return db.rows<StoredGroup>({
    text: `select r.source || '/' || r.anchor as id, coalesce(r.display_name, r.anchor) as name, r.gone_at is not null as gone
      from unnest($1::text[], $2::text[]) as u(source, anchor)
      join record r on r.kind = 'group' and r.source = u.source and r.anchor = u.anchor
      union
      select r.source || '/' || r.anchor, r.display_name, r.gone_at is not null
      from unnest($3::text[], $4::text[]) as u(source, name)
      join record r on r.kind = 'group' and r.source = u.source and lower(r.display_name) = lower(u.name)
        and r.display_name = u.name
      order by 1`,
    values: [ids.map((g) => g.source), ids.map((g) => g.id), names.map((g) => g.source), names.map((g) => g.name)],
  });
}

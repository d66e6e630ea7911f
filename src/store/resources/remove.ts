import type { Db } from '../db.ts';
import { blockSignIn } from '../leave.ts';
import type { ResourceKind, StoredResource, Writer, Written } from './types.ts';
import { lockResource } from './change.ts';

/**
 * The record stays as a tombstone: its id is never used again, and a leaver has to stay explainable. A user's
 * memberships go with them; a group's stay until the planner has seen whom they touch, and nobody reads them.
 */
const REMOVE = `with r as (
    update record set gone_at = now(), evidence = 'explicit', resource = null, version = version + 1,
      changed_at = now(), active = case when kind = 'user' then false else active end
    where key = $1 returning key, source, anchor, kind
  ), m as (
    delete from membership where member_key = $1 and $4 = 'user' returning group_key
  ), p as (
    select person from person_record where record_key = $1
  ), gone as (
    insert into event (actor, kind, person, source, object, detail)
    select $2, 'record.gone', (select person from p), source, anchor, $3::jsonb from r
  ), left_groups as (
    insert into event (actor, kind, person, source, object, detail)
    select $2, 'member.removed', (select person from p), r.source, g.anchor,
      jsonb_build_object('group', g.display_name, 'member', r.anchor) || ($3::jsonb - 'resource' - 'evidence')
    from m join record g on g.key = m.group_key and g.gone_at is null cross join r
  )
  insert into dirty (kind, record_key, urgent) select kind, key, kind = 'user' from r returning record_key`;

export async function removeResource(
  db: Db,
  writer: Writer,
  kind: ResourceKind,
  id: string,
  check?: (current: StoredResource) => void,
): Promise<Written> {
  return db.tx(async (tx): Promise<Written> => {
    const current = await lockResource(tx, writer.source, kind, id);
    if (current === undefined) return { outcome: 'missing' };
    check?.(current);
    await tx.rows({
      name: 'resource-remove',
      text: REMOVE,
      values: [
        current.key,
        writer.actor,
        JSON.stringify({ resource: kind, evidence: 'explicit', request: writer.request }),
        kind,
      ],
    });
    if (kind === 'user') await blockSignIn(tx, current.key);
    return { outcome: 'done', stored: current, changed: true, urgent: kind === 'user' };
  });
}

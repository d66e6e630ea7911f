import type { Correlator } from '../../model/correlation.ts';
import type { Db } from '../db.ts';
import { blockSignIn } from '../leave.ts';
import type { MemberWrite, RecordFields, ResourceKind, StoredResource, Writer, Written } from './types.ts';
import { newKeys } from './correlated.ts';
import { UnknownMembers } from './create.ts';
import { changedFields } from './diff.ts';
import { fieldValues, RECORD_COLUMNS } from './fields.ts';
import { writeMembers } from './members.ts';
import { isNameTaken } from './retry.ts';
import { byId } from './scope.ts';

/** The record under a lock, so that writes of one record come one after the other. Undefined when it is not there. */
export function lockResource(
  tx: Db,
  source: string,
  kind: ResourceKind,
  id: string,
): Promise<(StoredResource & { active: boolean }) | undefined> {
  return tx.row({
    name: `resource-lock-${kind}`,
    text: `select r.key, r.anchor as id, r.kind, r.resource, r.version, r.active,
        r.created_at as "createdAt", r.changed_at as "changedAt"
      from record r where r.anchor = $2 and ${byId(kind)} for no key update`,
    values: [source, id],
  });
}

const CHANGE = `with r as (
    update record set ${RECORD_COLUMNS.map((column, i) => `${column} = $${i + 2}`).join(', ')},
      version = version + 1, changed_at = now()
    where key = $1 returning key, source, anchor, kind, version, changed_at
  ), e as (
    insert into event (actor, kind, person, source, object, detail)
    select $11, 'record.changed', (select person from person_record where record_key = $1), source, anchor, $12::jsonb
    from r
  ), d as (
    insert into dirty (kind, record_key, urgent) select kind, key, $13::boolean from r
  )
  select version, changed_at as "changedAt" from r`;

export async function changeResource(
  db: Db,
  writer: Writer,
  kind: ResourceKind,
  id: string,
  compute: (current: StoredResource) => { readonly fields: RecordFields; readonly members?: MemberWrite | undefined },
  correlator?: Correlator,
): Promise<Written> {
  try {
    return await db.tx(async (tx): Promise<Written> => {
      const current = await lockResource(tx, writer.source, kind, id);
      if (current === undefined) return { outcome: 'missing' };
      const { fields, members } = compute(current);
      // Its locks come before those of persons, as they do when a reading is taken in.
      const recorrelate = kind === 'user' ? await newKeys(tx, correlator, writer, current.key, fields) : undefined;
      const written = await writeFields(tx, writer, current, fields);
      await recorrelate?.();
      if (members === undefined) return written;
      const { changed, unknown, ...after } = await writeMembers(tx, writer, id, members);
      if (unknown.length > 0) throw new UnknownMembers(unknown);
      return { ...written, stored: after, changed: written.changed || changed };
    });
  } catch (error) {
    if (isNameTaken(error)) return { outcome: 'taken' };
    if (error instanceof UnknownMembers) return { outcome: 'unknown-members', ids: error.ids };
    throw error;
  }
}

async function writeFields(
  tx: Db,
  writer: Writer,
  current: StoredResource & { active: boolean },
  fields: RecordFields,
): Promise<Extract<Written, { outcome: 'done' }>> {
  const changed = changedFields(current.resource, fields.resource);
  if (Object.keys(changed).length === 0 && !(await isOlder(tx, current.key, fields))) {
    return { outcome: 'done', stored: current, changed: false, urgent: false };
  }
  const leaves = current.kind === 'user' && current.active && !fields.active;
  const row = await tx.row<{ version: number; changedAt: Date }>({
    name: 'resource-change',
    text: CHANGE,
    values: [
      current.key,
      ...fieldValues(fields),
      writer.actor,
      JSON.stringify({ resource: current.kind, changed, request: writer.request }),
      leaves,
    ],
  });
  if (leaves) await blockSignIn(tx, current.key);
  return { outcome: 'done', stored: { ...current, ...row, resource: fields.resource }, changed: true, urgent: leaves };
}

/** Do the stored attributes go by other declarations than those of today? */
async function isOlder(tx: Db, key: number, fields: RecordFields): Promise<boolean> {
  if (fields.declared !== true) return false;
  const row = await tx.row({
    name: 'resource-older',
    text: 'select key from record where key = $1 and attributes <> $2::jsonb',
    values: [key, JSON.stringify(fields.attributes)],
  });
  return row !== undefined;
}

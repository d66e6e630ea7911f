import { randomUUID } from 'node:crypto';
import type { Correlator } from '../../model/correlation.ts';
import { dormantSql } from '../correlation/dormant.ts';
import { newPersonId } from '../correlation/ids.ts';
import type { Db } from '../db.ts';
import { createCorrelated } from './correlated.ts';
import type { RecordFields, ResourceKind, StoredResource, Writer, Written } from './types.ts';
import { fieldValues, RECORD_COLUMNS } from './fields.ts';
import { changedFields } from './diff.ts';
import { writeMembers } from './members.ts';
import { isNameTaken } from './retry.ts';

interface Created {
  readonly key: number;
  readonly version: number;
  readonly createdAt: Date;
  readonly changedAt: Date;
}

/** One statement for all that a new record brings with it; for a user a person, linked to it. */
const CREATE = `with r as (
    insert into record (source, anchor, kind, ${RECORD_COLUMNS.join(', ')})
    values ($1, $2, $3, ${RECORD_COLUMNS.map((_, i) => `$${i + 4}`).join(', ')})
    returning key, version, active, created_at, changed_at
  ), p as (
    insert into person (id) select $13::text where $3 = 'user' returning id
  ), l as (
    insert into person_record (record_key, person, linked_by, dormant) select r.key, p.id, 'new', ${dormantSql('r')} from r, p
  ), e as (
    insert into event (actor, kind, person, source, object, detail)
    select $14, 'record.created', (select id from p), $1, $2, $15::jsonb
  ), d as (
    insert into dirty (kind, record_key) select $3, key from r
  )
  select key, version, created_at as "createdAt", changed_at as "changedAt" from r`;

export async function createResource(
  db: Db,
  writer: Writer,
  kind: ResourceKind,
  fields: RecordFields,
  members: readonly string[],
  correlator?: Correlator,
): Promise<Written> {
  const id = randomUUID();
  const identity = kind === 'user' ? correlator?.identify(writer.source, fields) : undefined;
  const insert = async (on: Db): Promise<StoredResource> => {
    const detail = {
      resource: kind,
      changed: changedFields({}, fields.resource),
      request: writer.request,
    };
    const row = await on.row<Created>({
      name: 'resource-create',
      text: CREATE,
      values: [
        writer.source,
        id,
        kind,
        ...fieldValues(fields),
        kind === 'user' ? newPersonId() : null,
        writer.actor,
        JSON.stringify(detail),
      ],
    });
    if (row === undefined) throw new Error('a record was inserted and not given back');
    return { ...row, id, kind, resource: fields.resource, links: [] };
  };
  try {
    if (correlator !== undefined && identity !== undefined) {
      return done(await createCorrelated(db, writer, correlator, { id, fields, identity }));
    }
    if (members.length === 0) return done(await insert(db));
    return await db.tx(async (tx) => {
      const stored = await insert(tx);
      const written = await writeMembers(tx, writer, id, { type: 'delta', add: new Set(members), remove: new Set() });
      if (written.unknown.length > 0) throw new UnknownMembers(written.unknown);
      return done(stored);
    });
  } catch (error) {
    if (isNameTaken(error)) return { outcome: 'taken' };
    if (error instanceof UnknownMembers) return { outcome: 'unknown-members', ids: error.ids };
    throw error;
  }
}

const done = (stored: StoredResource): Written => ({ outcome: 'done', stored, changed: true, urgent: false });

/** Undoes a transaction whose members are not known. */
export class UnknownMembers extends Error {
  readonly ids: readonly string[];
  constructor(ids: readonly string[]) {
    super('a member is not known');
    this.ids = ids;
  }
}

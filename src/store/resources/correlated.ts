import type { Correlator, Identity } from '../../model/correlation.ts';
import { columns, type Decision, decide } from '../correlation/decide.ts';
import { lockCorrelation, lockKeys, lockLinksTo } from '../correlation/lock.ts';
import { dormantSql, goesOnSql, wokenSql } from '../correlation/dormant.ts';
import { newCaseId } from '../correlation/ids.ts';
import { linksTo, putKeys, settleRecords } from '../correlation/settle.ts';
import type { Db } from '../db.ts';
import { changedFields } from './diff.ts';
import { fieldValues, RECORD_COLUMNS } from './fields.ts';
import type { RecordFields, StoredResource, Writer } from './types.ts';

/** The new record with its keys, its person (an old or a new one, or nobody yet), and its case. */
const CREATE = `with r as (
    insert into record (source, anchor, kind, ${RECORD_COLUMNS.join(', ')})
    values ($1, $2, 'user', ${RECORD_COLUMNS.map((_, i) => `$${i + 3}`).join(', ')})
    returning key, version, active, created_at, changed_at
  ), p as (
    insert into person (id) select $12::text where $12::text is not null and $13::text = 'new'
  ), l as (
    insert into person_record (record_key, person, linked_by, secondary, dormant)
    select r.key, $12, $13, $14::boolean, ${dormantSql('r')} from r where $12::text is not null
  ), k as (
    insert into correlation_key (issuer, name, value, record_key)
    select distinct n.issuer, n.name, n.value, r.key
    from r, unnest($15::text[], $16::text[], $17::text[]) as n(issuer, name, value)
  ), odd as (
    select $19::text as kind, $20::text as key, $21::text[] as persons where $19::text is not null
    union all select 'dormant', null, array[$12] from r
      where $12::text is not null and $19::text is null and ${dormantSql('r')} and ${goesOnSql('$12')}
  ), linked as (
    select $12::text as person, active, $14::boolean as secondary from r where $12::text is not null
  ), ${wokenSql('linked', '$22')}, c as (
    insert into identity_case (id, record_key, kind, key_name, persons)
    select $18, r.key, odd.kind, odd.key, odd.persons from r, odd
  ), e as (
    insert into event (actor, kind, person, source, object, detail)
    select $22, 'record.created', $12, $1, $2, $23::jsonb
    union all select $22, 'record.linked', $12, $1, $2, jsonb_build_object('by', $13::text)
      where $12::text is not null and $13::text <> 'new'
    union all select $22, 'case.opened', $12, $1, $2,
      jsonb_build_object('case', $18::text, 'why', kind, 'key', key, 'persons', persons) from odd
  ), d as (
    insert into dirty (kind, record_key) select 'user', key from r
  )
  select key, version, created_at as "createdAt", changed_at as "changedAt" from r`;

type Created = Pick<StoredResource, 'key' | 'version' | 'createdAt' | 'changedAt'>;
interface New {
  readonly id: string;
  readonly fields: RecordFields;
  readonly identity: Identity;
}

/**
 * A new user of a source whose records are correlated: linked to who is there, a new person, a case, or nobody's. One
 * statement where nothing is there to be found by, else two more, in a transaction; where somebody is found, four.
 */
export async function createCorrelated(
  db: Db,
  writer: Writer,
  correlator: Correlator,
  user: New,
): Promise<StoredResource> {
  const { role, keys } = user.identity;
  if (role === 'other' || keys.length === 0) return insert(db, writer, user, alone(user.identity));
  return db.tx(async (tx) => {
    await lockKeys(tx, keys);
    const record = { key: 0, source: writer.source, identity: user.identity };
    const by = { correlator, now: new Date() };
    const first = (await decide(tx, [record], by))?.get(0);
    if (first?.person === undefined) return insert(tx, writer, user, first);
    // Another one may be linked to them at this moment, by another value: only one of two can be their record here.
    await lockLinksTo(tx, first.person);
    return insert(tx, writer, user, (await decide(tx, [record], by))?.get(0));
  });
}

const NOTHING: Decision = { own: null, persons: [], crowded: [] };
const alone = ({ role }: Identity): Decision =>
  role === 'undecided' ? { ...NOTHING, case: { kind: 'undecided', key: null, persons: [] } } : NOTHING;

/** Without a decision it is nobody's yet. */
async function insert(db: Db, writer: Writer, user: New, decision: Decision | undefined): Promise<StoredResource> {
  const { id, fields, identity } = user;
  const { keys, role } = identity;
  const odd = decision?.case;
  const detail = { resource: 'user', changed: changedFields({}, fields.resource), request: writer.request };
  const row = await db.row<Created>({
    name: 'resource-create-correlated',
    text: CREATE,
    values: [
      writer.source,
      id,
      ...fieldValues(fields),
      (decision && linksTo({ identity }, decision)) ?? null,
      decision?.by ?? 'new',
      role === 'secondary',
      ...columns(keys),
      newCaseId(),
      odd?.kind ?? null,
      odd?.key ?? null,
      odd?.persons ?? [],
      writer.actor,
      JSON.stringify(detail),
    ],
  });
  if (row === undefined) throw new Error('a record was inserted and not given back');
  return { ...row, id, kind: 'user', resource: fields.resource, links: [] };
}

/**
 * Before a user is written anew: how its person is found by what it says now, to be called after that. Undefined when it
 * is somebody's and says nothing new about who that is. Takes the locks.
 */
export async function newKeys(
  tx: Db,
  correlator: Correlator | undefined,
  { source, actor }: Writer,
  key: number,
  fields: RecordFields,
): Promise<(() => Promise<void>) | undefined> {
  const identity = correlator?.identify(source, fields);
  if (correlator === undefined || identity === undefined) return undefined;
  const now = await tx.row<{ linked: boolean; same: boolean }>({
    name: 'correlation-same',
    text: `with now as (select * from unnest($2::text[], $3::text[], $4::text[]) as n(issuer, name, value)),
        was as (select issuer, name, value from correlation_key where record_key = $1)
      select exists (select 1 from person_record where record_key = $1) as linked,
        not exists (select * from now except select * from was)
          and not exists (select * from was except select * from now) as same`,
    values: [key, ...columns(identity.keys)],
  });
  const linked = now?.linked === true;
  if (linked && now?.same === true) return undefined;
  // What may be linked by it waits for all others: there are few of those, and they don't wait for long.
  await (linked ? lockKeys(tx, identity.keys) : lockCorrelation(tx));
  const record = { key, source, identity };
  return async () => {
    await putKeys(tx, [record]);
    await settleRecords(tx, [record], { correlator, now: new Date(), actor });
  };
}

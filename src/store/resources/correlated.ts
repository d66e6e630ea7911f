import type { Correlator, Identity } from '../../model/correlation.ts';
import { columns, type Decision, decide } from '../correlation/decide.ts';
import { lockCorrelation, lockKeys, lockLinksTo } from '../correlation/lock.ts';
import { isReady } from '../correlation/state.ts';
import { dormantSql, goesOnSql, wokenSql } from '../correlation/dormant.ts';
import { newCaseId, newPersonId } from '../correlation/ids.ts';
import { linksTo, putKeys, settleRecords } from '../correlation/settle.ts';
import type { Db } from '../db.ts';
import { changedFields } from './diff.ts';
import { fieldValues, RECORD_COLUMNS } from './fields.ts';
import type { RecordFields, StoredResource, Writer } from './types.ts';

const RECORD = `with r as (
    insert into record (source, anchor, kind, ${RECORD_COLUMNS.join(', ')})
    values ($1, $2, 'user', ${RECORD_COLUMNS.map((_, i) => `$${i + 3}`).join(', ')})
    returning key, version, active, created_at, changed_at
  ), k as (
    insert into correlation_key (issuer, name, value, record_key)
    select distinct n.issuer, n.name, n.value, r.key
    from r, unnest($12::text[], $13::text[], $14::text[]) as n(issuer, name, value)
  ), d as (
    insert into dirty (kind, record_key) select 'user', key from r
  )`;
const GIVEN = `select key, version, created_at as "createdAt", changed_at as "changedAt" from r`;

/** The new record with its keys and its person, an old or a new one: what most come to. */
const CREATE_CLEAR = `${RECORD}, p as (
    insert into person (id) select $16::text where $19::text = 'new'
  ), l as (
    insert into person_record (record_key, person, linked_by, secondary, dormant)
    select r.key, $16, $19, $18::boolean, ${dormantSql('r')} from r
  ), e as (
    insert into event (actor, kind, person, source, object, detail)
    select $15, 'record.created', $16, $1, $2, $17::jsonb
    union all select $15, 'record.linked', $16, $1, $2, jsonb_build_object('by', $19::text) where $19 <> 'new'
  ) ${GIVEN}`;

/** The new record with its keys, its person (an old or a new one, or nobody yet), and its case. */
const CREATE = `${RECORD}, p as (
    insert into person (id) select $16::text where $16::text is not null and $19::text = 'new'
  ), l as (
    insert into person_record (record_key, person, linked_by, secondary, dormant)
    select r.key, $16, $19, $18::boolean, ${dormantSql('r')} from r where $16::text is not null
  ), odd as (
    select $21::text as kind, $22::text as key, $23::text[] as persons where $21::text is not null
    union all select 'dormant', null, array[$16] from r
      where $16::text is not null and $21::text is null and ${dormantSql('r')} and ${goesOnSql('$16')}
  ), linked as (
    select $16::text as person, active, $18::boolean as secondary from r where $16::text is not null
  ), ${wokenSql('linked', '$15')}, c as (
    insert into identity_case (id, record_key, kind, key_name, persons)
    select $20, r.key, odd.kind, odd.key, odd.persons from r, odd
  ), e as (
    insert into event (actor, kind, person, source, object, detail)
    select $15, 'record.created', $16, $1, $2, $17::jsonb
    union all select $15, 'record.linked', $16, $1, $2, jsonb_build_object('by', $19::text)
      where $16::text is not null and $19::text <> 'new'
    union all select $15, 'case.opened', $16, $1, $2,
      jsonb_build_object('case', $20::text, 'why', kind, 'key', key, 'persons', persons) from odd
  ) ${GIVEN}`;

type Created = Pick<StoredResource, 'key' | 'version' | 'createdAt' | 'changedAt'>;
interface New {
  readonly id: string;
  readonly fields: RecordFields;
  readonly identity: Identity;
}

/**
 * A new user of a source whose records are correlated: linked to who is there, a new person, a case, or nobody's. One
 * statement where nothing is there to be found by, else one more, in a transaction; where it is not clear, three.
 */
export async function createCorrelated(
  db: Db,
  writer: Writer,
  correlator: Correlator,
  user: New,
): Promise<StoredResource> {
  const { role, keys } = user.identity;
  const isHuman = role === 'primary' || role === 'secondary';
  const alone = role === 'undecided' ? UNDECIDED : NOTHING;
  if (keys.length === 0) return isHuman ? insertClear(db, writer, user) : insert(db, writer, user, alone);
  return db.tx(async (tx) => {
    const { state, persons, sure } = await lockKeys(tx, writer.source, user.identity);
    const ready = isReady(correlator, state);
    if (role === 'other') return insert(tx, writer, user, alone);
    if (ready && isHuman && persons.length === 0) return insertClear(tx, writer, user);
    if (ready && isHuman && sure !== null && user.fields.active) return insertClear(tx, writer, user, persons[0], sure);
    // Another one may be linked to them at this moment, by another value: only one of two can be their record here.
    await lockLinksTo(tx, persons);
    const record = { key: 0, source: writer.source, identity: user.identity };
    const decided = await decide(tx, [record], { correlator, now: new Date() });
    return insert(tx, writer, user, decided?.get(0));
  });
}

const NOTHING: Decision = { own: null, persons: [], crowded: [] };
const UNDECIDED: Decision = { ...NOTHING, case: { kind: 'undecided', key: null, persons: [] } };

/** Without `person` it is somebody new. */
function insertClear(db: Db, writer: Writer, user: New, person = newPersonId(), by = 'new'): Promise<StoredResource> {
  const values = [...valuesOf(writer, user, person), by];
  return given(user, db.row<Created>({ name: 'resource-create-clear', text: CREATE_CLEAR, values }));
}

/** Without a decision it is nobody's yet. */
function insert(db: Db, writer: Writer, user: New, decision: Decision | undefined): Promise<StoredResource> {
  const person = decision === undefined ? undefined : linksTo(user, decision);
  const odd = decision?.case;
  const values = [
    ...valuesOf(writer, user, person),
    decision?.by ?? 'new',
    newCaseId(),
    odd?.kind ?? null,
    odd?.key ?? null,
    odd?.persons ?? [],
  ];
  return given(user, db.row<Created>({ name: 'resource-create-correlated', text: CREATE, values }));
}

function valuesOf({ source, actor, request }: Writer, { id, fields, identity }: New, person: string | undefined) {
  const detail = { resource: 'user', changed: changedFields({}, fields.resource), request };
  const { keys, role } = identity;
  const said = [source, id, ...fieldValues(fields), ...columns(keys)];
  return [...said, actor, person ?? null, JSON.stringify(detail), role === 'secondary'];
}

async function given({ id, fields }: New, written: Promise<Created | undefined>): Promise<StoredResource> {
  const row = await written;
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
  await (linked ? lockKeys(tx, source, identity) : lockCorrelation(tx));
  const record = { key, source, identity };
  return async () => {
    await putKeys(tx, [record]);
    await settleRecords(tx, [record], { correlator, now: new Date(), actor });
  };
}

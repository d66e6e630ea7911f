import type { Correlator } from '../../model/correlation.ts';
import type { Db } from '../db.ts';

export interface EntriesRequest {
  readonly source: string;
  /** Attributes that the reading covers. */
  readonly covers: readonly string[];
  /** By what new records find their persons; without it each is a person of its own. */
  readonly correlator?: Correlator | undefined;
}

/** What a record says, as the history shows it before and after. */
const said = (r: string): string => `jsonb_strip_nulls(jsonb_build_object('userName', ${r}.user_name,
  'displayName', ${r}.display_name, 'active', case when ${r}.kind = 'user' then ${r}.active end,
  'emails', case when cardinality(${r}.emails) > 0 then to_jsonb(${r}.emails) end)) || ${r}.attributes`;

/**
 * Records that the reading adds or really changes, in a table `entry` of the transaction: `created`, `returned` (it was
 * gone), `changed`, `found` (nothing but that it was missing), `kept` (the same, and it can't be understood), `disabled`
 * (outside of what is read, and disabled). An attribute that is not covered keeps its value.
 */
const COMPARE = `insert into entry
  select s.n, s.anchor, s.kind, r.key,
    case when r.key is null and s.kind = 'user' and not $3::boolean
      then 'p_' || rtrim(translate(encode(uuid_send(gen_random_uuid()), 'base64'), '+/', '-_'), '=') end,
    case when r.key is null then 'created' when r.gone_at is not null then 'returned'
      when (r.user_name, r.display_name, r.external_id, r.emails, r.active, r.attributes, r.covers)
        is distinct from (s.user_name, s.display_name, s.external_id, s.emails, s.active, s.attributes, $2::text[])
        then 'changed'
      else 'found' end,
    coalesce(r.active and not s.active and s.kind = 'user', false),
    s.user_name, s.name_key, s.display_name, s.external_id, s.emails, s.email_keys, s.active, s.attributes,
    case when r.key is null then '{}'::jsonb else ${said('r')} end
  from (
    select s.n, s.anchor, s.kind, s.user_name, s.name_key, s.active,
      case when r.key is null or s.kind = 'group' or 'displayName' = any($2) then s.display_name else r.display_name end
        as display_name,
      case when r.key is null or 'externalId' = any($2) then s.external_id else r.external_id end as external_id,
      case when r.key is null or $2 && array['email', 'emails'] then s.emails else r.emails end as emails,
      case when r.key is null or $2 && array['email', 'emails'] then s.email_keys else r.email_keys end as email_keys,
      case when r.key is null then s.attributes else (r.attributes - $2::text[]) || s.attributes end as attributes
    from seen s left join record r on r.source = $1 and r.anchor = s.anchor where s.state = 'there'
  ) s left join record r on r.source = $1 and r.anchor = s.anchor
  where r.key is null or (r.kind = s.kind and (r.gone_at is not null or r.missing_since is not null
    or (r.user_name, r.display_name, r.external_id, r.emails, r.active, r.attributes, r.covers)
      is distinct from (s.user_name, s.display_name, s.external_id, s.emails, s.active, s.attributes, $2::text[])))`;

/** An entry that is there and can't be understood ends nothing but that its record was missing. */
const KEPT = `insert into entry
  select s.n, r.anchor, r.kind, r.key, null, 'kept', false, r.user_name, r.name_key, r.display_name, r.external_id,
    r.emails, r.email_keys, r.active, r.attributes, ${said('r')}
  from seen s join record r on r.source = $1 and r.anchor = s.anchor
  where s.state = 'unreadable' and r.gone_at is null and r.missing_since is not null`;

/** The source's own word about an entry outside of what is read: the record keeps everything but that it is active. */
const DISABLED = `insert into entry
  select s.n, r.anchor, r.kind, r.key, null, 'disabled', true, r.user_name, r.name_key, r.display_name, r.external_id,
    r.emails, r.email_keys, false, r.attributes, ${said('r')}
  from seen s join record r on r.source = $1 and r.anchor = s.anchor
  where s.state = 'disabled' and r.kind = 'user' and r.active`;

const CREATE = `with new as (
    insert into record (source, anchor, kind, user_name, name_key, display_name, external_id, email_keys, emails, active,
      attributes, covers)
    select $1, anchor, kind, user_name, name_key, display_name, external_id, email_keys, emails, active, attributes,
      $2::text[] from entry where what = 'created' order by n
    returning key, anchor
  ) update entry e set key = new.key from new where e.anchor = new.anchor`;

const CHANGE = `update record r set user_name = e.user_name, name_key = e.name_key, display_name = e.display_name,
    external_id = e.external_id, email_keys = e.email_keys, emails = e.emails, active = e.active,
    attributes = e.attributes, covers = case when e.what in ('kept', 'disabled') then r.covers else $1::text[] end, version = r.version + 1, changed_at = now(), gone_at = null,
    evidence = null, missing_since = null, missing_evidence = null, missing_readings = 0, due_at = null
  from entry e where r.key = e.key and e.what <> 'created'`;

/**
 * What changed, before and after. Of a new record simply `after`, all of it: taking a hundred thousand of those apart,
 * field by field, would cost more than everything else about them.
 */
const EVENTS = `insert into event (actor, kind, person, source, object, detail)
  select $1, case e.what when 'created' then 'record.created' when 'changed' then 'record.changed'
      when 'disabled' then 'record.changed' when 'returned' then 'record.returned' else 'record.found' end,
    coalesce(e.person, (select person from person_record where record_key = e.key)), $2, e.anchor,
    jsonb_build_object('resource', e.kind, 'reading', $3::bigint) || case when e.what = 'created'
      then jsonb_build_object('after', ${said('e')})
      else jsonb_build_object('changed', coalesce((
        select jsonb_object_agg(key, jsonb_strip_nulls(jsonb_build_object('before', b.value, 'after', a.value)))
        from jsonb_each(e.before) b full join jsonb_each(${said('e')}) a using (key)
        where b.value is distinct from a.value), '{}')) end
  from entry e order by e.n`;

/**
 * Adds and changes records, one statement each, with a new person for each new user, unless the source is correlated.
 * Events are for `tellEntries`.
 */
export async function admitEntries(tx: Db, request: EntriesRequest): Promise<Record<string, number>> {
  const { source, covers, correlator } = request;
  await tx.rows({
    text: `create temp table entry (n bigint, anchor text, kind text, key bigint, person text, what text, leaves boolean,
      user_name text, name_key text, display_name text, external_id text, emails text[], email_keys text[],
      active boolean, attributes jsonb, before jsonb) on commit drop`,
  });
  await tx.rows({ text: COMPARE, values: [source, covers, correlator !== undefined] });
  await tx.rows({ text: KEPT, values: [source] });
  await tx.rows({ text: DISABLED, values: [source] });
  await tx.rows({ text: 'analyze entry (key, anchor, what)' });
  const counts = await tx.rows<{ what: string; count: number }>({
    text: 'select what, count(*) as count from entry group by what',
  });
  if (counts.some((c) => c.what === 'created')) {
    await tx.rows({ text: CREATE, values: [source, covers] });
    await tx.rows({ text: `insert into person (id) select person from entry where person is not null` });
    await tx.rows({
      text: `insert into person_record (record_key, person, linked_by, dormant)
        select key, person, 'new', not active from entry where person is not null`,
    });
  }
  if (counts.some((c) => c.what !== 'created')) await tx.rows({ text: CHANGE, values: [covers] });
  return Object.fromEntries(counts.map((c) => [c.what, c.count]));
}

/** One event a record, with the fields that changed. */
export async function tellEntries(tx: Db, actor: string, source: string, reading: number): Promise<void> {
  await tx.rows({ text: EVENTS, values: [actor, source, reading] });
}

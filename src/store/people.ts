import type { LinkedRecord } from '../model/person.ts';
import type { Evidence } from '../model/facts.ts';
import type { Db } from './db.ts';
import { markDirty } from './dirty.ts';
import { THERE } from './groups.ts';
import { NAME_TO_READ } from './names.ts';
import type { OperatorWord } from './source-state.ts';

/** A person as the store has it: what `mapping` builds a `Person` of. */
export interface StoredPerson {
  readonly id: string;
  readonly generation: number;
  readonly records: readonly LinkedRecord[];
  /** An operator froze them, for this reason. */
  readonly frozen?: string;
}

type RecordJson = Omit<
  LinkedRecord,
  'displayName' | 'gone' | 'missing' | 'heldLeave' | 'covers' | 'secondary' | 'dormant'
> & {
  readonly secondary: boolean | null;
  readonly dormant: boolean | null;
  readonly displayName: string | null;
  readonly gone: Evidence | null;
  readonly missing: Evidence | null;
  readonly heldLeave: boolean;
  readonly covers: readonly string[] | null;
};

/**
 * The persons with their linked records and the groups that hold each record directly, in one statement.
 * Deleted groups are left out; deleted records are in, with what their source said. Unknown ids are missing from the
 * answer. Ordered by id.
 */
export async function loadPeople(db: Db, ids: readonly string[]): Promise<StoredPerson[]> {
  if (ids.length === 0) return [];
  const rows = await db.rows<{ id: string; generation: number; frozen: string | null; records: RecordJson[] }>({
    name: 'people-load',
    text: `select p.id, p.generation, p.frozen->>'reason' as frozen, coalesce((
        select jsonb_agg(jsonb_build_object(
          'source', r.source, 'anchor', r.anchor, 'userName', coalesce(r.user_name, ''), 'displayName', ${NAME_TO_READ},
          'emails', r.emails, 'active', r.active, 'attributes', r.attributes, 'covers', r.covers, 'version', r.version,
          'gone', case when r.gone_at is not null then coalesce(r.evidence, 'unknown') end,
          'secondary', case when pr.secondary then true end, 'dormant', case when pr.dormant then true end,
          'missing', case when r.missing_since is not null then coalesce(r.missing_evidence, 'unknown') end,
          'heldLeave', (not r.active or r.gone_at is not null)
            and exists (select 1 from leave l where l.record_key = r.key and l.held),
          'memberOf', coalesce((
            select jsonb_agg(g.source || '/' || g.anchor order by g.key)
            from membership m join record g on g.key = m.group_key
            where m.member_key = r.key and ${THERE('g')}), '[]')
        ) order by r.key)
        from person_record pr join record r on r.key = pr.record_key where pr.person = p.id), '[]') as records
      from person p where p.id = any($1::text[]) order by p.id`,
    values: [ids],
  });
  return rows.map(({ id, generation, frozen, records }) => ({
    id,
    generation,
    records: records.map(linked),
    ...(frozen === null ? {} : { frozen }),
  }));
}

function linked({
  displayName,
  gone,
  missing,
  heldLeave,
  covers,
  secondary,
  dormant,
  ...rest
}: RecordJson): LinkedRecord {
  return {
    ...rest,
    ...(displayName === null ? {} : { displayName }),
    ...(gone === null ? {} : { gone }),
    ...(missing === null ? {} : { missing }),
    ...(heldLeave ? { heldLeave } : {}),
    ...(covers === null ? {} : { covers }),
    ...(secondary === true && { secondary }),
    ...(dormant === true && { dormant }),
  };
}

/** The next `limit` person ids after `after` (from the start without one), in the order of ids. */
export async function personIdsAfter(db: Db, after: string | undefined, limit: number): Promise<string[]> {
  const rows = await db.rows<{ id: string }>({
    name: 'people-ids-after',
    text: `select id from person where id > $1 order by id limit $2`,
    values: [after ?? '', limit],
  });
  return rows.map((row) => row.id);
}

/** The person's generation now; undefined for an unknown person. */
export async function generationOf(db: Db, person: string): Promise<number | undefined> {
  const row = await db.row<{ generation: number }>({
    name: 'people-generation',
    text: `select generation from person where id = $1`,
    values: [person],
  });
  return row?.generation;
}

/** An operator's word that nothing is given to a person and nothing taken, or its end (null). They are planned again. */
export async function freezePerson(db: Db, person: string, word: OperatorWord | null): Promise<boolean> {
  const row = await db.row({
    text: `update person set frozen = $2::jsonb where id = $1 and (
        (frozen is null) <> ($2::jsonb is null) or frozen->>'reason' is distinct from $2::jsonb->>'reason')
      returning id`,
    values: [person, word === null ? null : JSON.stringify(word)],
  });
  if (row === undefined) return false;
  await markDirty(db, [person]);
  return true;
}

import type { Finding } from '../model/plan.ts';
import type { Db } from './db.ts';

export interface StoredFinding extends Finding {
  readonly since: Date;
}

/**
 * Replaces the findings about these persons. One that was there already keeps its `since`; one that names no person
 * is left out.
 */
export async function replaceFindings(db: Db, persons: readonly string[], findings: readonly Finding[]): Promise<void> {
  if (persons.length === 0) return;
  await db.rows({
    name: 'findings-replace',
    text: `with new as (
        select distinct on (person, target, kind, object) kind, person, target, object, message, remedy
        from jsonb_to_recordset($2::jsonb)
          as f(kind text, person text, target text, object text, message text, remedy text)
      ),
      gone as (
        delete from finding f where f.person = any($1::text[]) and not exists (
          select 1 from new n where n.person = f.person and n.target = f.target and n.kind = f.kind
            and n.object = f.object)
      )
      insert into finding (kind, person, target, object, message, remedy)
      select kind, person, target, object, message, remedy from new
      on conflict (person, target, kind, object) do update set message = excluded.message, remedy = excluded.remedy
        where (finding.message, coalesce(finding.remedy, ''))
          is distinct from (excluded.message, coalesce(excluded.remedy, ''))`,
    values: [
      persons,
      JSON.stringify(findings.flatMap((f) => (f.person === undefined ? [] : [{ ...f, target: f.target ?? '' }]))),
    ],
  });
}

/** Findings, oldest first; about one person or target if given. */
export async function listFindings(
  db: Db,
  filter: { readonly person?: string; readonly target?: string; readonly limit?: number } = {},
): Promise<StoredFinding[]> {
  return db.rows<StoredFinding>({
    name: 'findings-list',
    text: `select kind, nullif(person, '') as person, nullif(target, '') as target, object, message, remedy, since
      from finding where ($1::text is null or person = $1) and ($2::text is null or target = $2)
      order by since, person, target, kind, object limit $3`,
    values: [filter.person ?? null, filter.target ?? null, filter.limit ?? 1000],
  });
}

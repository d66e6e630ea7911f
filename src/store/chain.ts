import type { Change } from '../model/plan.ts';
import type { ItemKey } from '../model/accounts.ts';
import type { Lane } from '../model/job.ts';
import type { Db } from './db.ts';

/** Up to `limit` persons with anything in the ledger, by id, after one. */
export async function ownersAfter(db: Db, after: string | undefined, limit: number): Promise<string[]> {
  const rows = await db.rows<{ person: string }>({
    name: 'chain-owners',
    text: `select distinct person from ledger where person > $1 order by person limit $2`,
    values: [after ?? '', limit],
  });
  return rows.map((row) => row.person);
}

export interface StoredTrace extends Lane {
  readonly item: ItemKey;
  readonly planned: boolean;
  readonly answered: boolean;
}

/**
 * For everything that these persons were given: is the plan there that gave it, and what the target answered? What was
 * given before the oldest event that is kept has its answer no more, and is not asked for it.
 */
export async function tracesOf(db: Db, persons: readonly string[]): Promise<StoredTrace[]> {
  return db.rows({
    name: 'chain-traces',
    text: `select l.target, l.person, l.item,
        l.plan = 'leave' or exists (select 1 from plan p where p.hash = l.plan) as planned,
        l.given_at < (select at from event order by id limit 1) or exists (
          select 1 from event e where e.person = l.person and e.target = l.target and e.object = l.item
            and e.kind = 'change.applied'
            and e.detail->>'op' in ('create', 'claim', 'adopt', 'grant', 'alias')) as answered
      from ledger l where l.person = any($1::text[]) and l.confirmed`,
    values: [persons],
  });
}

/** What the guard holds of these persons, whatever was decided about it. */
export async function heldOf(db: Db, persons: readonly string[]): Promise<Array<Lane & Pick<Change, 'op' | 'item'>>> {
  return db.rows({
    name: 'chain-held',
    text: `select target, person, item, op from hold where person = any($1::text[])`,
    values: [persons],
  });
}

/** Of these persons those that wait to be planned: what is open about them is not in any plan yet. */
export async function dirtyOf(db: Db, persons: readonly string[]): Promise<Set<string>> {
  const rows = await db.rows<{ person: string }>({
    name: 'chain-dirty',
    text: `select person from unnest($1::text[]) as p(person)
      where exists (select 1 from dirty where kind in ('all', 'group'))
        or exists (select 1 from dirty d where d.person = p.person)
        or exists (select 1 from dirty d join person_record pr on pr.record_key = d.record_key where pr.person = p.person)`,
    values: [persons],
  });
  return new Set(rows.map((row) => row.person));
}

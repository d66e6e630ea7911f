import { recordsSql } from './correlation/records-sql.ts';
import type { Db } from './db.ts';
import { COUNTED } from './leaver-burst.ts';

/**
 * The first and surest part of a leave, in the transaction of what said so: the person's generation rises,
 * so that nothing planned before may add anything, and at every target where the ledger has an account, blocking the
 * sign-in becomes due at once, ahead of everything else. It waits for no planner.
 *
 * Where more people of one source leave at a time than may, the further ones are not blocked: the guard holds their
 * leave for approval. All of that is one statement; what counts takes the source's row to the transaction's end.
 *
 * `recordKeys`: the records that were disabled or deleted; one leave for each person that is behind them. A secondary
 * record ends nobody, nor does one beside another primary record of the same source that is active. What was dormant
 * counts from now on. Gives the targets concerned.
 */
export async function blockSignIn(db: Db, recordKeys: number | readonly number[]): Promise<string[]> {
  const rows = await db.rows<{ target: string }>({
    name: 'leave-block',
    text: `with said as (
        select pr.person as id, min(r.key) as key, min(r.source) as source
        from record r join person_record pr on pr.record_key = r.key
        where r.key = any($1::bigint[]) and not exists (
          select 1 from ${recordsSql('pr.person')} o where o.key <> r.key and not o.secondary
            and (pr.secondary or o.source = r.source and o.active and o.gone_at is null) offset 0)
        group by pr.person
      ),
      leaver as (
        update person p set generation = p.generation + 1 from said s where p.id = s.id
        returning p.id, p.generation, s.key, s.source
      ),
      awake as (
        update person_record set dormant = false where record_key = any($1::bigint[]) and dormant
      ),
      ${COUNTED}
      insert into work (target, person, block_generation, state, priority)
      select l.target, c.id, c.generation, 'pending', 100
      from counted c join ledger l on l.person = c.id and l.item = 'account' where not c.held order by l.target, l.person
      on conflict (target, person) do update set
        block_generation = excluded.block_generation, state = 'pending', priority = 100,
        revision = work.revision + 1, attempts = 0, not_before = now(), enqueued_at = null, last_error = null,
        changed_at = now()
      returning target`,
    values: [typeof recordKeys === 'number' ? [recordKeys] : recordKeys],
  });
  return [...new Set(rows.map((row) => row.target))];
}

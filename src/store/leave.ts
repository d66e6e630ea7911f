import type { Db } from './db.ts';

/**
 * The first and surest part of a leave, in the transaction of what said so: the person's generation rises,
 * so that nothing planned before may add anything, and at every target where the ledger has an account, blocking the
 * sign-in becomes due at once, ahead of everything else. It waits for no planner.
 *
 * `recordKeys`: the records that were disabled or deleted; one leave for each person that is behind them. Gives the
 * targets concerned.
 */
export async function blockSignIn(db: Db, recordKeys: number | readonly number[]): Promise<string[]> {
  const rows = await db.rows<{ target: string }>({
    name: 'leave-block',
    text: `with leaver as (
        update person set generation = generation + 1
        where id in (select person from person_record where record_key = any($1::bigint[]))
        returning id, generation
      )
      insert into work (target, person, block_generation, state, priority)
      select l.target, p.id, p.generation, 'pending', 100
      from leaver p join ledger l on l.person = p.id and l.item = 'account' order by l.target, l.person
      on conflict (target, person) do update set
        block_generation = excluded.block_generation, state = 'pending', priority = 100,
        revision = work.revision + 1, attempts = 0, not_before = now(), enqueued_at = null, last_error = null,
        changed_at = now()
      returning target`,
    values: [typeof recordKeys === 'number' ? [recordKeys] : recordKeys],
  });
  return [...new Set(rows.map((row) => row.target))];
}

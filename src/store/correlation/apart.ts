import type { Db } from '../db.ts';

/** It was said that these are two: what their records have in common makes no case any more. */
export async function setApart(tx: Db, person: string, others: readonly string[]): Promise<void> {
  await tx.rows({
    text: `insert into person_apart (a, b) select distinct least($1, p), greatest($1, p) from unnest($2::text[]) as p
      where p <> $1 and exists (select 1 from person where id = p) on conflict do nothing`,
    values: [person, others],
  });
}

/** `from` and `into` are one: whoever is not `from` is not `into` either. */
export async function joinApart(tx: Db, from: string, into: string): Promise<void> {
  const rows = await tx.rows<{ other: string }>({
    text: `delete from person_apart where a = $1 or b = $1 returning case when a = $1 then b else a end as other`,
    values: [from],
  });
  await setApart(
    tx,
    into,
    rows.map((row) => row.other),
  );
}

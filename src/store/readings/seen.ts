import { foldCase } from '../../model/filter.ts';
import type { ReadingScope } from '../../model/facts.ts';
import type { Db } from '../db.ts';
import { stagedTables } from './stage.ts';

/** What a reading shows beside what the store has: on this it is decided whether it may count as whole. */
export interface SealEvidence {
  /** Distinct entries of each kind. */
  readonly users: number;
  readonly groups: number;
  /** Entries with an id that could not be understood; of which kind they are nobody knows. */
  readonly unreadable: number;
  /** Records that were there before, and those of them that this reading takes away without an explicit word. */
  readonly before: { readonly users: number; readonly groups: number };
  readonly lost: { readonly users: number; readonly groups: number };
  readonly missingCanaries: readonly string[];
}

export interface SeenRequest {
  readonly reading: number;
  readonly source: string;
  readonly scope: ReadingScope;
  readonly canaries: readonly string[];
}

/** The newest fact about each entry, in a table `seen` that lasts as long as the transaction. */
export async function collectSeen(tx: Db, reading: number): Promise<void> {
  const { entries } = stagedTables(reading);
  await tx.rows({
    text: `create temp table seen on commit drop as select distinct on (anchor) * from ${entries} order by anchor, n desc`,
  });
  // After a first import nobody has counted the records yet: whoever takes them for few looks through all of `seen` for each.
  await tx.rows({ text: 'create unique index on seen (anchor)' });
  await tx.rows({ text: 'analyze seen (anchor, state, kind)' });
}

export async function sealEvidence(tx: Db, request: SeenRequest): Promise<SealEvidence> {
  const delivered = await tx.row<{ users: number; groups: number; unreadable: number }>({
    text: `select count(*) filter (where state = 'there' and kind = 'user') as users,
        count(*) filter (where state = 'there' and kind = 'group') as groups,
        count(*) filter (where state = 'unreadable') as unreadable from seen`,
  });
  if (delivered === undefined) throw new Error('a count gave nothing');
  const lost = await countLost(tx, request);
  return {
    ...delivered,
    lost,
    before: lost.users + lost.groups === 0 ? { users: 0, groups: 0 } : await countBefore(tx, request.source),
    missingCanaries: request.canaries.length === 0 ? [] : await missingCanaries(tx, request),
  };
}

interface Counts {
  readonly users: number;
  readonly groups: number;
}

/** A reading of changes costs its changes; a full one is held against all that is there. */
async function countLost(tx: Db, { source, scope }: SeenRequest): Promise<Counts> {
  const join =
    scope === 'full'
      ? `left join seen s on s.anchor = r.anchor where (s.anchor is null or s.state = 'gone' and s.evidence <> 'explicit')`
      : `join seen s on s.anchor = r.anchor where s.state = 'gone' and s.evidence <> 'explicit'`;
  const row = await tx.row<Counts>({
    text: `select count(*) filter (where r.kind = 'user') as users, count(*) filter (where r.kind = 'group') as groups
      from record r ${join} and r.source = $1 and r.gone_at is null and r.missing_since is null`,
    values: [source],
  });
  return row ?? { users: 0, groups: 0 };
}

async function countBefore(tx: Db, source: string): Promise<Counts> {
  const row = await tx.row<Counts>({
    text: `select count(*) filter (where kind = 'user') as users, count(*) filter (where kind = 'group') as groups
      from record where source = $1 and gone_at is null and missing_since is null`,
    values: [source],
  });
  return row ?? { users: 0, groups: 0 };
}

/** In a reading of changes a canary that was there and is not said to have gone is there. */
async function missingCanaries(tx: Db, { source, scope, canaries }: SeenRequest): Promise<string[]> {
  const before =
    scope === 'full'
      ? ''
      : `and not exists (select 1 from record r where r.source = $1 and r.gone_at is null and r.missing_since is null
          and (r.anchor = c.name or r.name_key = c.folded)
          and not exists (select 1 from seen s where s.anchor = r.anchor and s.state = 'gone'))`;
  const rows = await tx.rows<{ name: string }>({
    text: `select c.name from unnest($2::text[], $3::text[]) as c(name, folded)
      where $1::text is not null and not exists (
        select 1 from seen s where s.state <> 'gone' and (s.anchor = c.name or s.name_key = c.folded)) ${before}
      order by c.name`,
    values: [source, canaries, canaries.map(foldCase)],
  });
  return rows.map((row) => row.name);
}

import type { Db } from '../db.ts';
import type { ResourceKind } from './types.ts';

/** Keys in a block of `record_count`, as a power of two; the migration that made it has the same number. */
const BLOCK_BITS = 13;

/** Live records by block. One row for each block that has any. */
const BLOCKS = (kind: ResourceKind): string => `select block, sum(live)::bigint as live from record_count
    where source = $1 and kind = '${kind}' group by block having sum(live) > 0`;

/**
 * Keys of `$2` records from the place `$3` (from 0) on, in the order of creation, with how many records there are:
 * CTEs `page (key)` and `counted (total)`. Counts lead to the block where the place is, so that less than a block's keys are
 * passed over, in the index. Counts and keys come of one snapshot, so they fit together.
 */
export const pageAt = (kind: ResourceKind): string => `blocks as materialized (${BLOCKS(kind)}
  ), counted as materialized (
    select coalesce(sum(live), 0)::bigint as total from blocks
  ), place as materialized (
    select block << ${BLOCK_BITS} as key, $3::bigint - before as skip
    from (select block, live, sum(live) over (order by block) - live as before from blocks) b
    where before <= $3 and $3 < before + live
  ), page as materialized (
    select r.key from record r
    where r.source = $1 and r.kind = '${kind}' and r.gone_at is null and r.key >= (select key from place)
    order by r.key limit $2 offset (select skip from place)
  )`;

/** How many users or groups of a source there are. Costs the number of blocks. */
export async function countLive(db: Db, source: string, kind: ResourceKind): Promise<number> {
  const row = await db.row<{ total: number }>({
    name: `resource-count-${kind}`,
    text: `select coalesce(sum(live), 0)::bigint as total from record_count where source = $1 and kind = '${kind}'`,
    values: [source],
  });
  return row?.total ?? 0;
}

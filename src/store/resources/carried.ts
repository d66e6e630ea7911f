import type { Db } from '../db.ts';
import type { CarriedValue } from './types.ts';

/** More different values than this are no list that anybody chooses from. */
const MAX_VALUES = 10_000;

/** The different values that the users of a source have in `roles` or `entitlements`. Looks at all its users. */
export function carriedValues(
  db: Db,
  source: string,
  attribute: 'roles' | 'entitlements',
): Promise<readonly CarriedValue[]> {
  return db.rows<CarriedValue>({
    name: `resource-carried-${attribute}`,
    text: `select e.v ->> 'value' as value, max(e.v ->> 'display') as display, max(e.v ->> 'type') as type
      from record r cross join lateral jsonb_array_elements(r.resource -> '${attribute}') e(v)
      where r.source = $1 and r.kind = 'user' and r.gone_at is null and e.v ->> 'value' <> ''
      group by e.v ->> 'value' order by (e.v ->> 'value') collate "C" limit ${MAX_VALUES}`,
    values: [source],
  });
}

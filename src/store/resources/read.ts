import type { Db } from '../db.ts';
import type { Link, ListQuery, ResourceKind, StoredResource } from './types.ts';
import { byId, isLookUp, scopeOf } from './scope.ts';
import { countLive, pageAt } from './positions.ts';
import { compileFilter, type Parameters, sortExpression } from './filter.ts';

const COLUMNS = `r.key, r.anchor as id, r.kind, r.resource, r.version,
  r.created_at as "createdAt", r.changed_at as "changedAt"`;

/** A user's groups in one go with the user. A deleted group holds nobody any more. */
const GROUPS = `coalesce((
    select jsonb_agg(jsonb_build_object('id', g.anchor, 'kind', 'group', 'display', g.display_name) order by m.group_key)
    from membership m join record g on g.key = m.group_key and g.gone_at is null
    where m.member_key = r.key), '[]') as links`;

/** Columns of a `StoredResource`, from `record r`. */
export const columns = (kind: ResourceKind, links: boolean): string =>
  kind === 'user' && links ? `${COLUMNS}, ${GROUPS}` : COLUMNS;

export async function readResource(
  db: Db,
  source: string,
  kind: ResourceKind,
  id: string,
  links: boolean,
): Promise<StoredResource | undefined> {
  const found = await db.row<StoredResource>({
    name: `resource-read-${kind}-${links}`,
    text: `select ${columns(kind, links)} from record r
      where r.anchor = $2 and ${byId(kind)}`,
    values: [source, id],
  });
  if (found === undefined || kind === 'user' || !links) return found;
  return (await withMembers(db, [found]))[0];
}

export async function listResources(
  db: Db,
  source: string,
  kind: ResourceKind,
  query: ListQuery,
): Promise<{ total: number; page: StoredResource[] }> {
  if (query.filter === undefined && query.sortBy === undefined) return listAll(db, source, kind, query);
  const values: unknown[] = [source];
  const parameters: Parameters = { add: (value, cast) => `$${values.push(value)}::${cast}` };
  const where = [
    scopeOf(kind, query.filter),
    ...(query.filter === undefined ? [] : [compileFilter(kind, query.filter, parameters)]),
  ].join('\n and ');
  const page = query.limit === 0 ? [] : await readPage(db, kind, query, where, [...values]);
  const total = await countAll(db, query, page.length, where, values);
  return { total, page: await linked(db, kind, query, page) };
}

/** Without a filter and in the order of creation, places and the total come from counts: each page costs itself. */
async function listAll(
  db: Db,
  source: string,
  kind: ResourceKind,
  query: ListQuery,
): Promise<{ total: number; page: StoredResource[] }> {
  const rows =
    query.limit === 0
      ? []
      : await db.rows<StoredResource & { readonly total: number }>({
          name: `resource-page-${kind}-${query.links}`,
          text: `with ${pageAt(kind)}
            select ${columns(kind, query.links)}, counted.total
            from page join record r on r.key = page.key cross join counted order by r.key`,
          values: [source, query.limit, query.offset],
        });
  const total = rows[0]?.total ?? (await countLive(db, source, kind));
  const page = rows.map(({ total: _total, ...stored }) => stored);
  return { total, page: await linked(db, kind, query, page) };
}

const linked = (
  db: Db,
  kind: ResourceKind,
  query: ListQuery,
  page: StoredResource[],
): Promise<StoredResource[]> | StoredResource[] => (kind === 'group' && query.links ? withMembers(db, page) : page);

async function readPage(
  db: Db,
  kind: ResourceKind,
  query: ListQuery,
  where: string,
  values: unknown[],
): Promise<StoredResource[]> {
  const limits = `limit $${values.push(query.limit)} offset $${values.push(query.offset)}`;
  const direction = query.descending === true ? 'desc' : 'asc';
  const sort = query.sortBy === undefined ? '' : `${sortExpression(kind, query.sortBy)} ${direction}, `;
  // Keys come from the index alone, before rows are read. With a filter, `+ 0` keeps PostgreSQL from walking all
  // records in the order of their keys in search of a single match.
  const key = query.filter === undefined ? 'r.key' : '(r.key + 0)';
  const name = lookUpName(kind, query);
  return db.rows<StoredResource>({
    ...(name === undefined ? {} : { name }),
    text: `select ${columns(kind, query.links)} from record r
      where r.key in (select r.key from record r where ${where} order by ${sort}${key} ${limits})
      order by ${sort}r.key`,
    values,
  });
}

/**
 * Looking somebody up by a name or id is what clients do most, so it is a prepared statement. All else is planned each
 * time: clients must not be able to fill the server's memory with statements.
 */
function lookUpName(kind: ResourceKind, { filter, sortBy, links }: ListQuery): string | undefined {
  if (filter?.type !== 'compare' || sortBy !== undefined || !isLookUp(kind, filter)) return undefined;
  return `resource-find-${kind}-${links}-${filter.attribute.path.join('.')}`;
}

/** A first page that is not full is all there is; only longer lists are counted. */
async function countAll(
  db: Db,
  query: ListQuery,
  found: number,
  where: string,
  values: readonly unknown[],
): Promise<number> {
  if (query.limit > 0 && found < query.limit && (query.offset === 0 || found > 0)) return query.offset + found;
  const row = await db.row<{ total: number }>({
    text: `select count(*)::int as total from record r where ${where}`,
    values,
  });
  return row?.total ?? 0;
}

export async function withMembers(db: Db, groups: readonly StoredResource[]): Promise<StoredResource[]> {
  if (groups.length === 0) return [];
  const rows = await db.rows<Link & { groupKey: number }>({
    name: 'resource-members',
    text: `select m.group_key as "groupKey", r.anchor as id, r.kind, coalesce(r.display_name, r.user_name) as display
      from membership m join record r on r.key = m.member_key and r.gone_at is null
      where m.group_key = any($1::bigint[]) order by m.group_key, m.seq`,
    values: [groups.map((g) => g.key)],
  });
  const byGroup = new Map<number, Link[]>(groups.map((g) => [g.key, []]));
  for (const { groupKey, ...link } of rows) byGroup.get(groupKey)?.push(link);
  return groups.map((g) => ({ ...g, links: byGroup.get(g.key) ?? [] }));
}

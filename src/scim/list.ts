import type { ListQuery } from '../store/resources.ts';
import { badRequest, shorten } from './errors.ts';
import { resourceAttributes } from './filter/attributes.ts';
import { parseFilter } from './filter/parse.ts';
import type { Query } from './http/place.ts';
import type { Limits } from './limits.ts';
import type { ResourceType } from './schema/types.ts';
import { isObject } from './values.ts';

const LIST_SCHEMA = 'urn:ietf:params:scim:api:messages:2.0:ListResponse';

export const listBody = (
  total: number,
  startIndex: number,
  resources: readonly unknown[],
): Record<string, unknown> => ({
  schemas: [LIST_SCHEMA],
  totalResults: total,
  startIndex,
  itemsPerPage: resources.length,
  Resources: resources,
});

/** What a list is asked for by its query parameters (RFC 7644 3.4.2). Throws 400. */
export function listQuery(type: ResourceType, query: Query, limits: Limits): Omit<ListQuery, 'links'> {
  const filter = query.get('filter');
  const sortBy = query.get('sortby')?.trim() ?? '';
  const sortOrder = query.get('sortorder')?.toLowerCase() ?? 'ascending';
  if (sortOrder !== 'ascending' && sortOrder !== 'descending') {
    throw badRequest('invalidValue', 'sortOrder has to be ascending or descending.');
  }
  const startIndex = Math.max(1, integer(query, 'startIndex') ?? 1);
  const count = Math.max(0, integer(query, 'count') ?? limits.pageSize);
  return {
    filter: filter === undefined || filter.trim() === '' ? undefined : parseFilter(type, filter),
    sortBy: sortBy === '' ? undefined : sortAttribute(type, sortBy),
    descending: sortOrder === 'descending',
    offset: startIndex - 1,
    limit: Math.min(count, limits.maxPageSize),
  };
}

function sortAttribute(type: ResourceType, name: string): ListQuery['sortBy'] {
  const attribute = resourceAttributes(type).leaf(name);
  if (attribute.path[0] === type.links) throw badRequest('invalidPath', `Lists can't be sorted by ${type.links}.`);
  return attribute;
}

function integer(query: Query, name: string): number | undefined {
  const text = query.get(name.toLowerCase())?.trim();
  if (text === undefined || text === '') return undefined;
  if (!/^[+-]?\d{1,15}$/.test(text))
    throw badRequest('invalidValue', `${name} has to be a whole number, not ${shorten(text)}.`);
  return Number(text);
}

/** A search request's body (RFC 7644 3.4.3) as the parameters that a GET would have. */
export function searchQuery(body: unknown): Query {
  if (!isObject(body)) throw badRequest('invalidSyntax', 'A search request is a JSON object.');
  const query = new Map<string, string>();
  for (const [name, value] of Object.entries(body)) {
    if (Array.isArray(value)) query.set(name.toLowerCase(), value.filter((v) => typeof v === 'string').join(','));
    else if (typeof value === 'string' || typeof value === 'number') query.set(name.toLowerCase(), String(value));
  }
  return query;
}

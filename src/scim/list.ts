import type { ListQuery, ResourceKind } from '../store/resources.ts';
import { badRequest, shorten } from './errors.ts';
import { resourceAttributes } from './filter/attributes.ts';
import { parseFilter } from './filter/parse.ts';
import type { Query } from './http/place.ts';
import type { Note } from './irregular.ts';
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

/** A page of a walk by cursor (RFC 9865 2); the last one names no next. It has no index. */
export const walkBody = (
  total: number,
  nextCursor: string | undefined,
  resources: readonly unknown[],
): Record<string, unknown> => ({
  schemas: [LIST_SCHEMA],
  totalResults: total,
  itemsPerPage: resources.length,
  ...(nextCursor === undefined ? {} : { nextCursor }),
  Resources: resources,
});

export type ListRequest = Omit<ListQuery, 'links'> & { readonly kind: ResourceKind };

/**
 * What a list of a type is asked for by its query parameters (RFC 7644 3.4.2); `searched` are all types that the query
 * goes over. Throws 400.
 */
export function listQuery(
  type: ResourceType,
  query: Query,
  limits: Limits,
  note: Note,
  searched: readonly ResourceType[],
): ListRequest {
  const others = searched.filter((t) => t !== type);
  const filter = query.get('filter');
  const sortBy = query.get('sortby')?.trim() ?? '';
  const sortOrder = query.get('sortorder')?.toLowerCase() ?? 'ascending';
  if (sortOrder !== 'ascending' && sortOrder !== 'descending') {
    throw badRequest('invalidValue', 'sortOrder has to be ascending or descending.');
  }
  return {
    kind: type.kind,
    filter: filter === undefined || filter.trim() === '' ? undefined : parseFilter(type, filter, note, others),
    sortBy: sortBy === '' ? undefined : sortAttribute(type, sortBy, others),
    descending: sortOrder === 'descending',
    // A walk reads count and cursor itself, by other rules.
    ...(query.has('cursor') ? { offset: 0, limit: 0 } : pageOf(query, limits)),
  };
}

/** The page that startIndex and count ask for (RFC 7644 3.4.2.4). Throws 400 invalidValue. */
export function pageOf(query: Query, limits: Limits): { readonly offset: number; readonly limit: number } {
  const startIndex = Math.max(1, integer(query, 'startIndex') ?? 1);
  const count = Math.max(0, integer(query, 'count') ?? limits.pageSize);
  return { offset: startIndex - 1, limit: Math.min(count, limits.maxPageSize) };
}

function sortAttribute(type: ResourceType, name: string, others: readonly ResourceType[]): ListQuery['sortBy'] {
  const attribute = resourceAttributes(type, others).leaf(name);
  if (attribute?.path[0] === type.links) throw badRequest('invalidPath', `Lists can't be sorted by ${type.links}.`);
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

import { filterText, pathText } from './filters.ts';
import { rawBody, resourceBody } from './bodies.ts';
import { type Random, randomOf } from './random.ts';
import { json, text } from './values.ts';

/** One request as it goes onto the wire. */
export interface FuzzRequest {
  readonly method: string;
  /** Below `/scim/SOURCE/v2`, encoded. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
}

const PLACES = ['Users', 'Users', 'Users', 'Groups', 'Groups', 'users', 'GROUPS'];
const OTHERS = ['', 'Bulk', 'Me', '.search', 'Schemas', 'ResourceTypes', 'ServiceProviderConfig', 'Roles', '__proto__'];
const METHODS = ['GET', 'GET', 'GET', 'POST', 'POST', 'PUT', 'PATCH', 'PATCH', 'PATCH', 'DELETE'];
const ODD_METHODS = ['OPTIONS', 'HEAD', 'TRACE', 'PROPFIND', 'QUERY'];

/** The request with this number of a run; `ids` are of resources that are there, or were. */
export function requestOf(seed: number, number: number, ids: readonly string[]): FuzzRequest {
  const r = randomOf(seed, number);
  const method = r.chance(0.03) ? r.pick(ODD_METHODS) : r.pick(METHODS);
  const place = r.chance(0.12) ? r.pick(OTHERS) : r.pick(PLACES);
  const single = method === 'POST' || method === 'GET' ? r.chance(0.3) : r.chance(0.95);
  const id = r.chance(0.85) && ids.length > 0 ? r.pick(ids) : oddSegment(r);
  const segments = [place, ...(single ? [r.chance(0.1) ? '.search' : id] : []), ...(r.chance(0.02) ? ['x'] : [])];
  const carries = method !== 'GET' && method !== 'DELETE' && method !== 'HEAD';
  const kind = segments.at(-1) === '.search' ? 'search' : place.toLowerCase() === 'bulk' ? 'bulk' : method;
  const body = carries || r.chance(0.02) ? bodyOf(r, kind, place, ids) : undefined;
  return {
    method,
    path: `/${segments.join('/')}${queryOf(r)}`,
    headers: headersOf(r),
    ...(body === undefined ? {} : { body }),
  };
}

function oddSegment(r: Random): string {
  const odd = ['%00', '%', '..', '%2e%2e', '%2F', '%ff', encode(text(r)), 'x'.repeat(r.below(3_000)), '0', '-1'];
  return r.pick(odd).replaceAll(/[^\x21-\x7e]/g, '');
}

function queryOf(r: Random): string {
  if (r.chance(0.5)) return r.chance(0.05) ? '?aadOptscim062020' : '';
  const parts: string[] = [];
  const add = (name: string, value: string): void => void parts.push(`${name}=${encode(value)}`);
  if (r.chance(0.6)) add(r.chance(0.1) ? 'FILTER' : 'filter', filterText(r));
  if (r.chance(0.2)) add('attributes', list(r));
  if (r.chance(0.2)) add('excludedAttributes', list(r));
  if (r.chance(0.2)) add('sortBy', pathText(r));
  if (r.chance(0.1)) add('sortOrder', r.pick(['ascending', 'descending', 'x', '']));
  if (r.chance(0.3)) add('count', number(r));
  if (r.chance(0.3)) add('startIndex', number(r));
  if (r.chance(0.1)) add('cursor', r.pick(['', 'x', text(r)]));
  if (r.chance(0.05)) add(text(r), text(r));
  return `?${parts.join('&')}`.slice(0, 12_000);
}

/** Sometimes as no client would: a broken escape. */
const encode = (value: string): string =>
  value.length > 4_000 ? 'x' : encodeURIComponent(value.toWellFormed()).replace('%22', () => '%22');
const list = (r: Random): string => Array.from({ length: r.below(6) }, () => pathText(r)).join(',');
const number = (r: Random): string =>
  r.pick(['0', '1', '2', '10', '100', '-1', '999999999', '1e3', '0x10', '', 'NaN', '1.5', '99999999999999999999', '٣']);

const TYPES = [
  'application/scim+json',
  'application/json',
  'application/scim+json; charset=utf-8',
  'text/plain',
  '',
  'a/b;c',
];

function headersOf(r: Random): Record<string, string> {
  const headers: Record<string, string> = {
    'content-type': r.chance(0.9) ? 'application/scim+json' : r.pick(TYPES),
  };
  if (r.chance(0.1))
    headers['accept'] = r.pick(['application/json', '*/*', 'text/html', 'application/scim+json, */*;q=0', '']);
  if (r.chance(0.1)) headers['if-match'] = r.pick(['*', 'W/"1"', '"1"', 'W/"2", W/"1"', '""', 'x', ',,,']);
  if (r.chance(0.1)) headers['if-none-match'] = r.pick(['*', 'W/"1"', 'W/"2", W/"1"', 'x', '"'.repeat(500)]);
  if (r.chance(0.03)) headers['content-encoding'] = r.pick(['gzip', 'identity', 'br', 'x']);
  if (r.chance(0.05)) headers['x-request-id'] = r.pick(['a', 'x'.repeat(500), '<script>', '../../etc']);
  if (r.chance(0.03)) headers['x-forwarded-for'] = r.pick(['1.2.3.4', ',,,', '::1', 'x'.repeat(3_000)]);
  if (r.chance(0.03)) headers['host'] = r.pick(['evil.example', 'a b', '[::1]:80', '<x>', 'x'.repeat(300)]);
  if (r.chance(0.02))
    headers['authorization'] = r.pick(['Bearer', 'Bearer x y', 'Basic eDp5', 'x'.repeat(6_000), 'bearer  ']);
  if (r.chance(0.03)) headers['prefer'] = 'respond-async';
  return headers;
}

function bodyOf(r: Random, kind: string, place: string, ids: readonly string[]): string | Buffer {
  if (r.chance(0.06)) return rawBody(r);
  const whole = JSON.stringify(valueOf(r, kind, place, ids));
  if (r.chance(0.02)) return whole.slice(0, r.below(whole.length));
  return whole;
}

function valueOf(r: Random, kind: string, place: string, ids: readonly string[]): unknown {
  if (r.chance(0.04)) return json(r, 4);
  if (kind === 'search') {
    return {
      schemas: ['urn:ietf:params:scim:api:messages:2.0:SearchRequest'],
      filter: r.chance(0.8) ? filterText(r) : json(r, 2),
      attributes: r.chance(0.5) ? [pathText(r)] : undefined,
      sortBy: r.chance(0.2) ? pathText(r) : undefined,
      startIndex: r.chance(0.3) ? json(r, 0) : undefined,
      count: r.chance(0.3) ? json(r, 0) : undefined,
    };
  }
  if (kind === 'bulk') {
    return {
      schemas: ['urn:ietf:params:scim:api:messages:2.0:BulkRequest'],
      failOnErrors: r.chance(0.3) ? json(r, 0) : undefined,
      Operations: Array.from({ length: r.below(8) }, (_, i) => ({
        method: r.pick(METHODS),
        path: r.pick([
          '/Users',
          '/Groups',
          `/Users/${r.pick([...ids, 'x'])}`,
          `/Users/bulkId:b${r.below(4)}`,
          '/Bulk',
          text(r),
        ]),
        bulkId: r.chance(0.8) ? `b${i}` : undefined,
        data: r.chance(0.5) ? resourceBody(r, r.pick(['Users', 'Groups']), ids) : patchBody(r, 'Users', ids),
      })),
    };
  }
  return kind === 'PATCH' ? patchBody(r, place, ids) : resourceBody(r, place, ids);
}

function patchBody(r: Random, place: string, ids: readonly string[]): unknown {
  const operations = Array.from({ length: r.chance(0.02) ? 1_200 : r.below(5) }, () => {
    const path = r.chance(0.75) ? pathText(r) : undefined;
    return {
      [r.chance(0.9) ? 'op' : 'Op']: r.pick(['add', 'Add', 'replace', 'Replace', 'remove', 'Remove', 'move', '']),
      ...(path === undefined ? {} : { path }),
      ...(r.chance(0.85) ? { value: patchValue(r, place, path, ids) } : {}),
    };
  });
  return {
    schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'],
    [r.chance(0.9) ? 'Operations' : 'operations']: operations,
  };
}

function patchValue(r: Random, place: string, path: string | undefined, ids: readonly string[]): unknown {
  if (path === undefined) return resourceBody(r, place, ids);
  if (/member/i.test(path)) return Array.from({ length: r.below(5) }, () => ({ value: r.pick([...ids, 'x']) }));
  return r.chance(0.5) ? text(r) : json(r, 3);
}

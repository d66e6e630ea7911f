import type { Position, SearchQuery, StoredResource } from '../store/resources.ts';
import type { Context } from './call.ts';
import type { Place } from './cursor.ts';
import { badRequest, ScimError } from './errors.ts';
import type { Answer } from './http/answer.ts';
import { listBody, listQuery, type ListRequest, walkBody } from './list.ts';
import { present } from './present.ts';
import { type Projection, projectionOf } from './projection.ts';
import type { ResourceType } from './schema/types.ts';

/**
 * A query of one resource type, or of all of them at the root (RFC 7644 3.4.2.1), paged by index or by cursor
 * (RFC 9865). The same for a GET and for a search request.
 */
export async function find(context: Context, types: readonly ResourceType[]): Promise<Answer> {
  const { query, note } = context;
  const [shownNames, hiddenNames] = [query.get('attributes'), query.get('excludedattributes')];
  const projections = new Map(types.map((type) => [type.kind, projectionOf(type, shownNames, hiddenNames, note)]));
  const requests = types.map((type) => listQuery(type, query, context.limits, note, types));
  const [only] = requests;
  const cursor = query.get('cursor');
  const show = (stored: StoredResource): unknown => shown(context, types, projections, stored);
  if (only === undefined) throw new Error('a search of nothing');
  if (cursor !== undefined) return walk(context, types, requests, projections, cursor, show);
  if (requests.length === 1) {
    const { kind, links } = branchOf(only, projections);
    const { total, page } = await context.resources.list(context.writer.source, kind, { ...only, links });
    return { status: 200, body: listBody(total, only.offset + 1, page.map(show)) };
  }
  const { total, page } = await search(context, requests, projections, only.limit, { offset: only.offset });
  return { status: 200, body: listBody(total, only.offset + 1, page.map(show)) };
}

async function walk(
  context: Context,
  types: readonly ResourceType[],
  requests: readonly ListRequest[],
  projections: ReadonlyMap<string, Projection>,
  cursor: string,
  show: (stored: StoredResource) => unknown,
): Promise<Answer> {
  const { cursors, query, limits } = context;
  if (cursors === undefined) throw new ScimError(501, 'Paging by cursor is switched off for this source.');
  if (query.has('startindex')) throw badRequest('invalidValue', 'Give startIndex or cursor, not both.');
  const count = query.get('count')?.trim() ?? '';
  if (count !== '' && !/^0*[1-9]\d{0,14}$/.test(count)) {
    throw badRequest('invalidCount', `With a cursor, count has to be a whole number from 1 to ${limits.maxPageSize}.`);
  }
  const names = types.map((type) => type.name);
  const asked = ['filter', 'sortby', 'sortorder'].map((name) => query.get(name)?.trim() ?? '');
  const about = JSON.stringify([context.writer.source, names, ...asked]);
  const from: Place | undefined = cursor.trim() === '' ? undefined : cursors.read(cursor.trim(), about);
  const limit = Math.min(Number(count === '' ? limits.pageSize : count), limits.maxPageSize);
  const { total, page, next } = await search(
    context,
    requests,
    projections,
    limit,
    { after: from?.position },
    from?.total,
  );
  const more = next === undefined ? undefined : cursors.make({ position: next, total }, about);
  return { status: 200, body: walkBody(total, more, page.map(show)) };
}

const branchOf = (request: ListRequest, projections: ReadonlyMap<string, Projection>): SearchQuery['branches'][0] => ({
  ...request,
  links: projections.get(request.kind)?.links !== false,
});

function search(
  { resources, writer }: Context,
  requests: readonly ListRequest[],
  projections: ReadonlyMap<string, Projection>,
  limit: number,
  from: { readonly offset: number } | { readonly after: Position | undefined },
  total?: number,
): ReturnType<Context['resources']['search']> {
  return resources.search(writer.source, {
    branches: requests.map((request) => branchOf(request, projections)),
    descending: requests[0]?.descending === true,
    from,
    limit,
    ...(total === undefined ? {} : { total }),
  });
}

function shown(
  { base }: Context,
  types: readonly ResourceType[],
  projections: ReadonlyMap<string, Projection>,
  stored: StoredResource,
): unknown {
  const type = types.find((t) => t.kind === stored.kind);
  if (type === undefined) throw new Error(`a ${stored.kind} was found in a search of other types`);
  return projections.get(type.kind)?.apply(present(type, stored, base));
}

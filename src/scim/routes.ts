import { bulk } from './bulk/index.ts';
import { available } from './available.ts';
import type { Call, Context } from './call.ts';
import { discover } from './discovery.ts';
import { notFound, ScimError } from './errors.ts';
import { create, patch, read, remove, replace } from './handlers.ts';
import type { Answer } from './http/answer.ts';
import { searchQuery } from './list.ts';
import { VALUE_TYPES, type ValueType } from './schema/available.ts';
import type { ResourceType } from './schema/types.ts';
import { find } from './search.ts';
import { isStorable } from './values.ts';

export interface Routed {
  readonly method: string;
  readonly segments: readonly string[];
  readonly context: Context;
  /** Reads and parses the body; called at most once, only where a body is wanted. */
  body(limit: number): Promise<unknown>;
}

type Handlers = Readonly<Record<string, () => Promise<Answer>>>;

const DISCOVERY = ['ServiceProviderConfig', 'ResourceTypes', 'Schemas'] as const;

const same = (a: string, b: string | undefined): boolean => a.toLowerCase() === b?.toLowerCase();

/** Leads a request to its handler. Names of endpoints match whatever their case. */
export async function route(routed: Routed): Promise<Answer> {
  const { method } = routed;
  const handlers = handlersOf(routed);
  // HEAD is a GET whose body the server leaves out (RFC 9110 9.3.2).
  const handler = handlers[method === 'HEAD' ? 'GET' : method];
  if (handler !== undefined) return handler();
  const allow = Object.keys(handlers).join(', ');
  throw new ScimError(405, `${method} is not possible here; ${allow} is.`, { headers: { allow } });
}

/** What can be done at a path, by method. Throws 404 where there is nothing, and 501 where we offer nothing. */
function handlersOf({ segments, context, body }: Routed): Handlers {
  const [name, id, ...more] = segments;
  if (more.length > 0) throw new ScimError(404, 'There is nothing at this path.');
  if (name === undefined) return { GET: () => find(context, context.types) };
  if (same('Me', name)) {
    throw new ScimError(501, '/Me is not offered: tokens belong to provisioning clients, not to users.');
  }
  if (id === undefined && same('.search', name)) return search(context, context.types, body);
  if (id === undefined && same('Bulk', name)) {
    return { POST: async () => bulk(context, await body(context.limits.bulkBytes)) };
  }
  const discovery = DISCOVERY.find((d) => same(d, name));
  if (discovery !== undefined) return { GET: async () => discover(discovery, id, context) };
  const values = VALUE_TYPES.find((t) => same(t.endpoint.slice(1), name));
  if (values !== undefined) return toValues(context, values, id, body);
  const type = context.types.find((t) => same(t.endpoint.slice(1), name));
  if (type === undefined) throw notFound('The endpoint', `/${name}`);
  return toResource({ ...context, type }, id, body);
}

const search = (context: Context, types: readonly ResourceType[], body: Routed['body']): Handlers => ({
  POST: async () => find({ ...context, query: searchQuery(await body(context.limits.bodyBytes)) }, types),
});

/** Values are looked for as resources are; nobody writes them. */
function toValues(context: Context, type: ValueType, id: string | undefined, body: Routed['body']): Handlers {
  if (!same('.search', id)) return { GET: () => available(context, type, id) };
  const { bodyBytes } = context.limits;
  return {
    POST: async () => available({ ...context, query: searchQuery(await body(bodyBytes)) }, type, undefined),
  };
}

function toResource(call: Call, id: string | undefined, body: Routed['body']): Handlers {
  const limit = call.type.kind === 'group' ? call.limits.groupBodyBytes : call.limits.bodyBytes;
  if (id === undefined) {
    return { GET: () => find(call, [call.type]), POST: async () => create(call, await body(limit)) };
  }
  if (same('.search', id)) return search(call, [call.type], body);
  if (!isStorable(id)) throw notFound(`The ${call.type.name.toLowerCase()}`, id);
  return {
    GET: () => read(call, id),
    PUT: async () => replace(call, id, await body(limit)),
    PATCH: async () => patch(call, id, await body(limit)),
    DELETE: () => remove(call, id),
  };
}

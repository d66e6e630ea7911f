import { notFound, ScimError } from './errors.ts';
import { discover } from './discovery.ts';
import { type Call, create, list, patch, read, remove, replace } from './handlers.ts';
import type { Answer } from './http/answer.ts';
import { searchQuery } from './list.ts';
import type { ResourceType } from './schema/types.ts';
import { isStorable } from './values.ts';

export interface Routed {
  readonly method: string;
  readonly segments: readonly string[];
  readonly call: Omit<Call, 'type'>;
  /** Reads and parses the body; called at most once, only where a body is wanted. */
  body(limit: number): Promise<unknown>;
}

const DISCOVERY = ['ServiceProviderConfig', 'ResourceTypes', 'Schemas'] as const;
const NOT_OFFERED: Readonly<Record<string, string>> = {
  me: '/Me is not offered: tokens belong to provisioning clients, not to users.',
  bulk: 'Bulk requests are not offered.',
  '.search': 'A search over all resource types is not offered: use /Users/.search or /Groups/.search.',
};

const same = (a: string, b: string | undefined): boolean => a.toLowerCase() === b?.toLowerCase();

/** Leads a request to its handler. Names of endpoints match whatever their case. */
export function route({ method, segments, call, body }: Routed): Promise<Answer> {
  const [name, id, ...more] = segments;
  if (name === undefined || more.length > 0) throw new ScimError(404, 'There is nothing at this path.');
  const refused = NOT_OFFERED[name.toLowerCase()];
  if (refused !== undefined) throw new ScimError(501, refused);
  const discovery = DISCOVERY.find((d) => same(d, name));
  if (discovery !== undefined) {
    return pickMethod(method, { GET: async () => discover(discovery, id, call) });
  }
  const type = call.types.find((t) => same(t.endpoint.slice(1), name));
  if (type === undefined) throw notFound('The endpoint', `/${name}`);
  return toResource(type, id, { ...call, type }, method, body);
}

function toResource(
  type: ResourceType,
  id: string | undefined,
  call: Call,
  method: string,
  body: Routed['body'],
): Promise<Answer> {
  const limit = type.kind === 'group' ? call.limits.groupBodyBytes : call.limits.bodyBytes;
  if (id === undefined) {
    return pickMethod(method, { GET: () => list(call), POST: async () => create(call, await body(limit)) });
  }
  if (same('.search', id)) {
    return pickMethod(method, { POST: async () => list({ ...call, query: searchQuery(await body(limit)) }) });
  }
  if (!isStorable(id)) throw notFound(`The ${type.name.toLowerCase()}`, id);
  return pickMethod(method, {
    GET: () => read(call, id),
    PUT: async () => replace(call, id, await body(limit)),
    PATCH: async () => patch(call, id, await body(limit)),
    DELETE: () => remove(call, id),
  });
}

function pickMethod(method: string, handlers: Readonly<Record<string, () => Promise<Answer>>>): Promise<Answer> {
  const handler = handlers[method];
  if (handler !== undefined) return handler();
  const allow = Object.keys(handlers).join(', ');
  throw new ScimError(405, `${method} is not possible here; ${allow} is.`, { headers: { allow } });
}

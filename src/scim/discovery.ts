import { notFound, ScimError } from './errors.ts';
import type { Context } from './call.ts';
import type { Answer } from './http/answer.ts';
import type { Cursors } from './cursor.ts';
import type { Limits } from './limits.ts';
import { listBody } from './list.ts';
import { VALUE_TYPES, type ValueType } from './schema/available.ts';
import { LISTED_COMMON_ATTRIBUTES } from './schema/index.ts';
import { SERVICE_SCHEMAS } from './schema/service.ts';
import type { ResourceType, Schema } from './schema/types.ts';

type Json = Record<string, unknown>;

/** ServiceProviderConfig, ResourceTypes, Schemas (RFC 7644 4): read-only, and never filtered. */
export function discover(name: string, id: string | undefined, context: Context): Answer {
  const { query, base } = context;
  if (query.has('filter')) throw new ScimError(403, `${name} can't be filtered.`);
  if (name === 'ServiceProviderConfig') {
    if (id !== undefined) throw notFound('ServiceProviderConfig', id);
    return { status: 200, body: serviceProviderConfig(context) };
  }
  const all =
    name === 'Schemas'
      ? schemas(context).map((s) => schema(s, base))
      : [...context.types, ...VALUE_TYPES].map((t) => resourceType(t, base));
  if (id === undefined) return { status: 200, body: listBody(all.length, 1, all) };
  const found = all.find((entry) => String(entry['id']).toLowerCase() === id.toLowerCase());
  if (found === undefined) throw notFound(name === 'Schemas' ? 'The schema' : 'The resource type', id);
  return { status: 200, body: found };
}

const schemas = ({ types }: Context): Schema[] => [
  ...types.flatMap((type) => [
    { ...type.schema, attributes: [...LISTED_COMMON_ATTRIBUTES, ...type.schema.attributes] },
    ...type.extensions,
  ]),
  ...VALUE_TYPES.map((type) => type.schema),
  ...SERVICE_SCHEMAS,
];

const schema = (s: Schema, base: string): Json => ({
  schemas: ['urn:ietf:params:scim:schemas:core:2.0:Schema'],
  id: s.id,
  name: s.name,
  description: s.description,
  attributes: s.attributes,
  meta: { resourceType: 'Schema', location: `${base}/Schemas/${s.id}` },
});

const resourceType = (type: ResourceType | ValueType, base: string): Json => ({
  schemas: ['urn:ietf:params:scim:schemas:core:2.0:ResourceType'],
  id: type.name,
  name: type.name,
  description: type.description,
  endpoint: type.endpoint,
  schema: type.schema.id,
  ...(type.extensions.length === 0
    ? {}
    : { schemaExtensions: type.extensions.map((e) => ({ schema: e.id, required: e.required === true })) }),
  meta: { resourceType: 'ResourceType', location: `${base}/ResourceTypes/${type.name}` },
});

/** RFC 9865 4. Index stays the default: it is what Okta and Entra ID page by. */
const pagination = (limits: Limits, cursors: Cursors): Json => ({
  cursor: true,
  index: true,
  defaultPaginationMethod: 'index',
  defaultPageSize: limits.pageSize,
  maxPageSize: limits.maxPageSize,
  cursorTimeout: cursors.lifetime,
});

/** Says only what is so: a client relies on it. */
const serviceProviderConfig = ({ base, limits, cursors }: Context): Json => ({
  schemas: ['urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig'],
  patch: { supported: true },
  bulk: { supported: true, maxOperations: limits.bulkOperations, maxPayloadSize: limits.bulkBytes },
  filter: { supported: true, maxResults: limits.maxPageSize },
  changePassword: { supported: false },
  sort: { supported: true },
  etag: { supported: true },
  // Some strict clients refuse members that RFC 7643 does not know, so the source's settings can leave it out.
  ...(cursors === undefined ? {} : { pagination: pagination(limits, cursors) }),
  authenticationSchemes: [
    {
      type: 'oauthbearertoken',
      name: 'Bearer token',
      description: 'A token made for this source, in the header Authorization: Bearer.',
      specUri: 'https://www.rfc-editor.org/info/rfc6750',
      primary: true,
    },
  ],
  meta: { resourceType: 'ServiceProviderConfig', location: `${base}/ServiceProviderConfig` },
});

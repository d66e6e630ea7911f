import { type Attribute, complex, flag, integer, reference, type Schema, text } from './types.ts';

const readOnly = { mutability: 'readOnly' } as const;
const required = { ...readOnly, required: true } as const;

const feature = (name: string, description: string, ...more: readonly Attribute[]): Attribute =>
  complex(name, description, [flag('supported', 'Whether the service does this.', required), ...more], required);

/** What the service can do (RFC 7643 5; `pagination`: RFC 9865 4). */
const serviceProviderConfigSchema: Schema = {
  id: 'urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig',
  name: 'ServiceProviderConfig',
  description: 'What the service can do',
  attributes: [
    reference('documentationUri', ['external'], 'Where help for people is.', readOnly),
    feature('patch', 'Changes by PATCH.'),
    feature(
      'bulk',
      'Many operations in one request.',
      integer('maxOperations', 'How many.', required),
      integer('maxPayloadSize', 'How large a request may be, in bytes.', required),
    ),
    feature('filter', 'Filters.', integer('maxResults', 'How many resources an answer has at most.', required)),
    feature('changePassword', 'Changes of passwords.'),
    feature('sort', 'Sorted lists.'),
    feature('etag', 'Versions of resources.'),
    complex(
      'pagination',
      'How lists are paged.',
      [
        flag('cursor', 'Whether by cursor.', required),
        flag('index', 'Whether by index.', required),
        text('defaultPaginationMethod', 'How without a word of the client.', {
          ...readOnly,
          canonicalValues: ['cursor', 'index'],
        }),
        integer('defaultPageSize', 'Resources on a page without a word of the client.', readOnly),
        integer('maxPageSize', 'Resources on a page at most.', readOnly),
        integer('cursorTimeout', 'How long a cursor holds, in seconds.', readOnly),
      ],
      readOnly,
    ),
    complex(
      'authenticationSchemes',
      'How clients prove who they are.',
      [
        text('type', 'The scheme.', {
          ...required,
          canonicalValues: ['oauth', 'oauth2', 'oauthbearertoken', 'httpbasic', 'httpdigest'],
        }),
        text('name', 'Its name for people.', required),
        text('description', 'What it is.', required),
        reference('specUri', ['external'], 'Where it is specified.', readOnly),
        reference('documentationUri', ['external'], 'Where help for people is.', readOnly),
        flag('primary', 'Marks the preferred scheme.', readOnly),
      ],
      { ...required, multiValued: true },
    ),
  ],
};

/** RFC 7643 6. */
const resourceTypeSchema: Schema = {
  id: 'urn:ietf:params:scim:schemas:core:2.0:ResourceType',
  name: 'ResourceType',
  description: 'A kind of resource that the service has',
  attributes: [
    text('name', 'Its name, as in meta.resourceType.', required),
    text('description', 'What it is.', readOnly),
    reference('endpoint', ['uri'], 'Its address below the base address.', required),
    reference('schema', ['uri'], 'The URI of its schema.', { ...required, caseExact: true }),
    complex(
      'schemaExtensions',
      'The URIs of schemas that extend it.',
      [
        reference('schema', ['uri'], 'The URI of the extension.', { ...required, caseExact: true }),
        flag('required', 'Whether every resource of the kind has it.', required),
      ],
      { ...readOnly, multiValued: true },
    ),
  ],
};

/** Of an attribute, and of a sub-attribute alike. */
const definition = (...more: readonly Attribute[]): readonly Attribute[] => [
  text('name', 'Its name.', { ...required, caseExact: true }),
  text('type', 'What its values are.', {
    ...required,
    canonicalValues: ['string', 'boolean', 'decimal', 'integer', 'dateTime', 'reference', 'binary', 'complex'],
  }),
  flag('multiValued', 'Whether it has many values.', required),
  text('description', 'What it means.', readOnly),
  flag('required', 'Whether it has to be there.', readOnly),
  text('canonicalValues', 'Values that are suggested.', { ...readOnly, multiValued: true, caseExact: true }),
  flag('caseExact', 'Whether case counts in comparisons.', readOnly),
  text('mutability', 'Who may change it, and when.', {
    ...readOnly,
    caseExact: true,
    canonicalValues: ['readOnly', 'readWrite', 'immutable', 'writeOnly'],
  }),
  text('returned', 'When answers have it.', {
    ...readOnly,
    caseExact: true,
    canonicalValues: ['always', 'never', 'default', 'request'],
  }),
  text('uniqueness', 'Among what its value is unique.', {
    ...readOnly,
    caseExact: true,
    canonicalValues: ['none', 'server', 'global'],
  }),
  text('referenceTypes', 'What it may refer to.', { ...readOnly, multiValued: true, caseExact: true }),
  ...more,
];

/** RFC 7643 7. */
const schemaSchema: Schema = {
  id: 'urn:ietf:params:scim:schemas:core:2.0:Schema',
  name: 'Schema',
  description: 'The attributes that a resource may have',
  attributes: [
    text('name', 'Its name for people.', readOnly),
    text('description', 'What it is.', readOnly),
    complex(
      'attributes',
      'What it defines.',
      definition(
        complex('subAttributes', 'Of a complex attribute: its parts.', definition(), {
          ...readOnly,
          multiValued: true,
        }),
      ),
      { ...required, multiValued: true },
    ),
  ],
};

/** Schemas of what a service says about itself (RFC 7643 8.7.2): nobody writes such a resource. */
export const SERVICE_SCHEMAS: readonly Schema[] = [serviceProviderConfigSchema, resourceTypeSchema, schemaSchema];

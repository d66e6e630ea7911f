import { groupSchema } from './group.ts';
import { type Attribute, complex, instant, reference, type ResourceType, text } from './types.ts';
import { enterpriseSchema, userSchema } from './user.ts';

export const USER: ResourceType = {
  name: 'User',
  kind: 'user',
  endpoint: '/Users',
  description: 'User accounts',
  schema: userSchema,
  extensions: [enterpriseSchema],
  links: 'groups',
};

export const GROUP: ResourceType = {
  name: 'Group',
  kind: 'group',
  endpoint: '/Groups',
  description: 'Groups of users and groups',
  schema: groupSchema,
  extensions: [],
  links: 'members',
};

export const RESOURCE_TYPES: readonly ResourceType[] = [USER, GROUP];

const readOnly = { mutability: 'readOnly' } as const;

/**
 * What clients write of the attributes that every resource has. RFC 7643 3.1 lets schemas list common attributes, and
 * Entra ID's validation for its gallery looks for this one there; the others are the server's own.
 */
export const LISTED_COMMON_ATTRIBUTES: readonly Attribute[] = [
  text('externalId', "The client's own id.", { caseExact: true }),
];

/** Attributes of every resource (RFC 7643 3.1). */
export const COMMON_ATTRIBUTES: readonly Attribute[] = [
  text('id', 'Given by the server, never reused.', { ...readOnly, caseExact: true, returned: 'always' }),
  ...LISTED_COMMON_ATTRIBUTES,
  reference('schemas', ['uri'], 'Schemas of the resource.', { ...readOnly, multiValued: true, returned: 'always' }),
  complex(
    'meta',
    'What the server says about the resource.',
    [
      text('resourceType', 'User or Group.', { ...readOnly, caseExact: true }),
      instant('created', 'When it was made.', readOnly),
      instant('lastModified', 'When it last changed.', readOnly),
      reference('location', ['uri'], 'Its address.', readOnly),
      text('version', 'Its entity tag.', { ...readOnly, caseExact: true }),
    ],
    readOnly,
  ),
];

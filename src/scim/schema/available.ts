import { type Schema, type Shape, text } from './types.ts';

/** A resource type that only lists values: it is made of what users carry and the settings declare. */
export interface ValueType extends Shape {
  readonly name: 'Role' | 'Entitlement';
  readonly endpoint: '/Roles' | '/Entitlements';
  /** The attribute of users that such values stand in. */
  readonly attribute: 'roles' | 'entitlements';
  readonly description: string;
}

const readOnly = { mutability: 'readOnly' } as const;

/** In the form in which Okta looks for what it can assign ("Build a SCIM 2.0 server with entitlements"). */
const schema = (name: 'Role' | 'Entitlement', attribute: string): Schema => ({
  id: `urn:okta:scim:schemas:core:1.0:${name}`,
  name,
  description: `A value that users may have in ${attribute}`,
  attributes: [
    text('displayName', 'The name for people to read.', readOnly),
    text('type', 'A label for the function of the value.', readOnly),
  ],
});

export const VALUE_TYPES: readonly ValueType[] = [
  {
    name: 'Role',
    endpoint: '/Roles',
    attribute: 'roles',
    description: 'Values that users may have in roles',
    schema: schema('Role', 'roles'),
    extensions: [],
  },
  {
    name: 'Entitlement',
    endpoint: '/Entitlements',
    attribute: 'entitlements',
    description: 'Values that users may have in entitlements',
    schema: schema('Entitlement', 'entitlements'),
    extensions: [],
  },
];

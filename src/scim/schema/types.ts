import type { ExtensionRuleAttribute } from '../../model/extensions.ts';

/** Attribute definitions as RFC 7643 section 7 words them; the values are the exact ones that clients compare with. */
export type ScimType = 'string' | 'boolean' | 'integer' | 'decimal' | 'dateTime' | 'reference' | 'binary' | 'complex';

export interface Attribute {
  readonly name: string;
  readonly type: ScimType;
  readonly multiValued: boolean;
  readonly description: string;
  readonly required: boolean;
  readonly caseExact: boolean;
  readonly mutability: 'readWrite' | 'readOnly' | 'writeOnly' | 'immutable';
  readonly returned: 'default' | 'always' | 'never' | 'request';
  readonly uniqueness: 'none' | 'server' | 'global';
  readonly canonicalValues?: readonly string[];
  readonly referenceTypes?: readonly string[];
  readonly subAttributes?: readonly Attribute[];
}

export interface Schema {
  readonly id: string;
  readonly name: string;
  readonly description: string;
  readonly attributes: readonly Attribute[];
  /** Declared in the settings: what is stored may be older than the declaration. */
  readonly declared?: boolean;
  /** Of an extension: must every resource have it? */
  readonly required?: boolean;
}

/** What a name can mean on resources of a kind. */
export interface Shape {
  readonly schema: Schema;
  readonly extensions: readonly Schema[];
}

export interface ResourceType extends Shape {
  readonly name: 'User' | 'Group';
  /** How the store calls it. */
  readonly kind: 'user' | 'group';
  readonly endpoint: '/Users' | '/Groups';
  readonly description: string;
  /** The attribute that the server computes from memberships; it is never part of the stored resource. */
  readonly links: 'groups' | 'members';
  /** What rules read of declared schemas. */
  readonly ruleAttributes?: readonly ExtensionRuleAttribute[];
}

type Options = Partial<Omit<Attribute, 'name' | 'type' | 'description' | 'subAttributes'>>;

const define = (name: string, type: ScimType, description: string, options: Options = {}): Attribute => ({
  name,
  type,
  multiValued: false,
  description,
  required: false,
  caseExact: false,
  mutability: 'readWrite',
  returned: 'default',
  uniqueness: 'none',
  ...options,
});

export const text = (name: string, description: string, options: Options = {}): Attribute =>
  define(name, 'string', description, options);
export const flag = (name: string, description: string, options: Options = {}): Attribute =>
  define(name, 'boolean', description, options);
export const integer = (name: string, description: string, options: Options = {}): Attribute =>
  define(name, 'integer', description, options);
export const instant = (name: string, description: string, options: Options = {}): Attribute =>
  define(name, 'dateTime', description, options);
export const binary = (name: string, description: string, options: Options = {}): Attribute =>
  define(name, 'binary', description, { caseExact: true, ...options });
export const reference = (
  name: string,
  referenceTypes: readonly string[],
  description: string,
  options: Options = {},
): Attribute => define(name, 'reference', description, { caseExact: true, referenceTypes, ...options });
export const complex = (
  name: string,
  description: string,
  subAttributes: readonly Attribute[],
  options: Options = {},
): Attribute => ({ ...define(name, 'complex', description, options), subAttributes });

/** A multi-valued attribute of the common form value, display, type, primary (RFC 7643 2.4). */
export const plural = (
  name: string,
  description: string,
  value: Attribute,
  types: readonly string[] = [],
  options: Options = {},
): Attribute =>
  complex(
    name,
    description,
    [
      value,
      text('display', 'A name for people to read.'),
      text('type', 'A label for the function of the value.', types.length > 0 ? { canonicalValues: types } : {}),
      flag('primary', 'Marks the preferred value; at most one value has it.'),
    ],
    { multiValued: true, ...options },
  );

import type { AttributeDeclaration, AttributeType } from './attributes.ts';

/** SCIM types that an attribute of a declared schema may have (RFC 7643 2.3). */
export const EXTENSION_TYPES = [
  'string',
  'boolean',
  'integer',
  'decimal',
  'dateTime',
  'reference',
  'binary',
  'complex',
] as const;
export type ExtensionType = (typeof EXTENSION_TYPES)[number];

/** An attribute of a schema that the settings declare, in the words of RFC 7643 7. */
export interface ExtensionAttribute {
  readonly name: string;
  readonly type: ExtensionType;
  readonly multiValued: boolean;
  readonly description: string;
  readonly required: boolean;
  readonly caseExact: boolean;
  readonly mutability: 'readWrite' | 'readOnly' | 'writeOnly' | 'immutable';
  readonly canonicalValues?: readonly string[] | undefined;
  readonly referenceTypes?: readonly string[] | undefined;
  /** Name in rules, `user.<as>`, where the one that comes by itself won't do. */
  readonly as?: string | undefined;
  /** Of a complex attribute; these are never complex themselves. */
  readonly subAttributes?: readonly ExtensionAttribute[] | undefined;
}

/** A schema that extends User or Group. */
export interface ExtensionSchema {
  /** URN. */
  readonly id: string;
  readonly name: string;
  readonly description: string;
  readonly resource: 'User' | 'Group';
  /** Must every resource have it? */
  readonly required: boolean;
  readonly attributes: readonly ExtensionAttribute[];
}

/** An attribute of a declared schema as rules read it, and where in the resource its value stands. */
export interface ExtensionRuleAttribute extends AttributeDeclaration {
  readonly path: readonly string[];
  /** The value is a list: of texts, or of objects with `value`. */
  readonly many: boolean;
  /** Where the declaration stands below the schema, for messages. */
  readonly at: ReadonlyArray<string | number>;
}

/**
 * What rules may use of a schema. A plain attribute goes by its own name; of a complex one each part by the names of
 * both (`badge.level` is `user.badgeLevel`); of several values all, as a list of texts, the `value` of complex ones.
 * Characters that rules don't know in names become `_`; `as` says another name. What is write-only is never kept, so
 * rules don't see it, and groups have no attributes in rules.
 */
export function ruleAttributesOf(schema: ExtensionSchema): ExtensionRuleAttribute[] {
  if (schema.resource !== 'User') return [];
  return schema.attributes.flatMap((attribute, i) => {
    if (attribute.mutability === 'writeOnly') return [];
    const at = ['attributes', i];
    const of = (path: readonly string[], one: ExtensionAttribute, name: string, place: typeof at) => ({
      name: one.as ?? name.replaceAll(/[^A-Za-z0-9_]/g, '_'),
      type: attribute.multiValued ? ('list<string>' as const) : TYPES[one.type],
      about: one.description === '' ? `${schema.name}: ${path.slice(1).join('.')}` : one.description,
      path,
      many: attribute.multiValued,
      at: place,
    });
    const path = [schema.id, attribute.name];
    if (attribute.type !== 'complex') return [of(path, attribute, attribute.name, at)];
    const parts = (attribute.subAttributes ?? []).flatMap((sub, j) =>
      sub.mutability === 'writeOnly' ? [] : [{ sub, place: [...at, 'subAttributes', j] }],
    );
    if (!attribute.multiValued) {
      return parts.map(({ sub, place }) => of([...path, sub.name], sub, joined(attribute.name, sub.name), place));
    }
    const value = parts.find(({ sub }) => sub.name.toLowerCase() === 'value');
    if (value === undefined) return [];
    const one = { ...value.sub, as: attribute.as ?? value.sub.as };
    return [of([...path, value.sub.name], one, attribute.name, at)];
  });
}

const joined = (first: string, second: string): string =>
  `${first}${second.replace(/^[^A-Za-z0-9]+/, '').replace(/^./, (c) => c.toUpperCase())}`;

const TYPES: Readonly<Record<ExtensionType, AttributeType>> = {
  string: 'string',
  reference: 'string',
  binary: 'string',
  boolean: 'bool',
  integer: 'int',
  decimal: 'double',
  dateTime: 'timestamp',
  complex: 'string',
};

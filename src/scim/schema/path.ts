import { COMMON_ATTRIBUTES } from './index.ts';
import type { Attribute, Schema, Shape } from './types.ts';

/** Where an attribute path leads. Without `attribute` it is the extension (or the core schema) as a whole. */
export interface Location {
  /** URN of the extension that the attribute lies in; undefined for core attributes. */
  readonly extension?: string;
  readonly attribute?: Attribute;
  readonly sub?: Attribute;
}

/** Finds an attribute whatever the case of its name (RFC 7643 2.1). */
export function findAttribute(attributes: readonly Attribute[], name: string): Attribute | undefined {
  const wanted = name.toLowerCase();
  return attributes.find((a) => a.name.toLowerCase() === wanted);
}

/**
 * Resolves `attr`, `attr.sub` or either behind a schema URN (RFC 7644 3.10), whatever the case. A name that is no core
 * attribute is also looked for in the extensions, since Entra ID sends `manager` alone. Undefined when nothing matches.
 */
export function resolvePath(type: Shape, path: string): Location | undefined {
  const lower = path.toLowerCase();
  for (const schema of [type.schema, ...type.extensions]) {
    const urn = schema.id.toLowerCase();
    const extension = schema === type.schema ? {} : { extension: schema.id };
    if (lower === urn) return extension;
    if (lower.startsWith(`${urn}:`)) return within(attributesOf(type, schema), path.slice(urn.length + 1), extension);
  }
  if (lower.startsWith('urn:')) return undefined;
  const core = within(attributesOf(type, type.schema), path, {});
  if (core !== undefined) return core;
  for (const schema of type.extensions) {
    const found = within(schema.attributes, path, { extension: schema.id });
    if (found !== undefined) return found;
  }
  return undefined;
}

const attributesOf = (type: Shape, schema: Schema): readonly Attribute[] =>
  schema === type.schema ? [...COMMON_ATTRIBUTES, ...schema.attributes] : schema.attributes;

function within(attributes: readonly Attribute[], path: string, location: Location): Location | undefined {
  const dot = path.indexOf('.');
  const attribute = findAttribute(attributes, dot < 0 ? path : path.slice(0, dot));
  if (attribute === undefined) return undefined;
  if (dot < 0) return { ...location, attribute };
  const sub = findAttribute(attribute.subAttributes ?? [], path.slice(dot + 1));
  return sub === undefined ? undefined : { ...location, attribute, sub };
}

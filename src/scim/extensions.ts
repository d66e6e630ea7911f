import { isDeepStrictEqual } from 'node:util';
import { badRequest } from './errors.ts';
import type { Attribute, ResourceType, Schema } from './schema/types.ts';
import { isObject, isTime, type Resource } from './values.ts';

/**
 * Schemas that the settings declare, and what is stored. A declaration may come, go or change while records stay as they
 * are: what does not fit it any more is not shown, and goes with the next write of the record.
 */

/** What of a stored extension fits its declaration; undefined when nothing does. */
export function fitExtension({ attributes }: Schema, stored: unknown): Resource | undefined {
  if (!isObject(stored)) return undefined;
  const fitting: Record<string, unknown> = {};
  for (const attribute of attributes) {
    const value = fitValue(attribute, stored[attribute.name]);
    if (value !== undefined) fitting[attribute.name] = value;
  }
  return Object.keys(fitting).length === 0 ? undefined : fitting;
}

function fitValue(attribute: Attribute, value: unknown): unknown {
  if (!attribute.multiValued) return fitSingle(attribute, value);
  if (!Array.isArray(value)) return undefined;
  const fitting: unknown[] = value.map((v) => fitSingle(attribute, v)).filter((v) => v !== undefined);
  return fitting.length === 0 ? undefined : fitting;
}

function fitSingle(attribute: Attribute, value: unknown): unknown {
  switch (attribute.type) {
    case 'complex':
      return fitExtension({ id: '', name: '', description: '', attributes: attribute.subAttributes ?? [] }, value);
    case 'boolean':
      return typeof value === 'boolean' ? value : undefined;
    case 'integer':
      return Number.isSafeInteger(value) ? value : undefined;
    case 'decimal':
      return typeof value === 'number' ? value : undefined;
    case 'dateTime':
      return typeof value === 'string' && isTime(value) ? value : undefined;
    default:
      return typeof value === 'string' ? value : undefined;
  }
}

/** The stored resource without what no declaration of today knows. */
export function stillFits(type: ResourceType, resource: Resource): Resource {
  const entries = Object.entries(resource).flatMap(([key, value]): Array<[string, unknown]> => {
    if (!key.startsWith('urn:')) return [[key, value]];
    const schema = type.extensions.find((e) => e.id === key);
    const fitting = schema?.declared === true ? fitExtension(schema, value) : schema === undefined ? undefined : value;
    return fitting === undefined ? [] : [[key, fitting]];
  });
  return Object.fromEntries(entries);
}

/**
 * The resource as it is to be stored: immutable values that a PUT does not mention stay, others must not change (400
 * mutability), required ones must be there (400 invalidValue). What makes a user inactive is never refused for any of
 * this, and a PATCH is not refused for what was missing before: the declaration may be younger than the record.
 */
export function settleExtensions(
  type: ResourceType,
  before: Resource,
  after: Resource,
  how: 'create' | 'replace' | 'patch',
): Resource {
  const leaves = type.kind === 'user' && after['active'] === false;
  let result = after;
  for (const schema of type.extensions) {
    if (schema.declared !== true) continue;
    const old = fitExtension(schema, before[schema.id]) ?? {};
    const wanted = (after[schema.id] ?? {}) as Resource;
    const kept = keepImmutable(schema, old, wanted, { leaves, silent: how === 'replace' });
    if (kept !== wanted) result = { ...result, [schema.id]: kept };
    if (!leaves) checkRequired(schema, old, kept, how);
  }
  return result;
}

function keepImmutable(
  { id, attributes }: { readonly id: string; readonly attributes: readonly Attribute[] },
  old: Resource,
  wanted: Resource,
  { leaves, silent }: { readonly leaves: boolean; readonly silent: boolean },
  separator = ':',
): Resource {
  let result = wanted;
  for (const attribute of attributes) {
    const [was, is] = [old[attribute.name], wanted[attribute.name]];
    if (was === undefined || isDeepStrictEqual(was, is)) continue;
    const path = `${id}${separator}${attribute.name}`;
    if (attribute.mutability === 'immutable') {
      if (!leaves && !(silent && is === undefined)) {
        throw badRequest('mutability', `${path} is set once and can't be changed.`);
      }
      result = { ...result, [attribute.name]: was };
    } else if (attribute.type === 'complex' && !attribute.multiValued && isObject(was)) {
      const inside = { id: path, attributes: attribute.subAttributes ?? [] };
      const inner = isObject(is) ? is : {};
      const kept = keepImmutable(inside, was, inner, { leaves, silent }, '.');
      if (kept !== inner) result = { ...result, [attribute.name]: kept };
    }
  }
  return result;
}

function checkRequired(schema: Schema, old: Resource, kept: Resource, how: 'create' | 'replace' | 'patch'): void {
  const empty = Object.keys(kept).length === 0;
  if (empty && schema.required !== true) return;
  if (empty && how === 'patch' && Object.keys(old).length === 0) return;
  const missing = schema.attributes.find((a) => isMissing(a, kept) && !(how === 'patch' && isMissing(a, old)));
  if (missing !== undefined) throw badRequest('invalidValue', `${schema.id}:${missing.name} is required.`);
  if (empty) throw badRequest('invalidValue', `${schema.id} is required.`);
}

const isMissing = ({ name, required, mutability }: Attribute, values: Resource): boolean =>
  required && mutability !== 'readOnly' && mutability !== 'writeOnly' && (values[name] ?? '') === '';

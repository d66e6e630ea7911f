import type { FilterAttribute } from '../../model/filter.ts';
import { badRequest, shorten } from '../errors.ts';
import { noNote, type Note } from '../irregular.ts';
import { findAttribute, resolvePath } from '../schema/path.ts';
import type { Attribute, Shape } from '../schema/types.ts';
import { isStorable } from '../values.ts';

/** What names in a filter mean: those of a resource, or inside a value path those of one element. */
export interface Attributes {
  /**
   * For a comparison: a complex attribute stands for its `value` (RFC 7644 3.4.2.2). Undefined for one that only other
   * resource types of the search have: no resource has a value there (RFC 7644 3.4.2.1).
   */
  leaf(name: string): FilterAttribute | undefined;
  /** For `pr`. */
  present(name: string): FilterAttribute | undefined;
  /** For a value path. */
  element(name: string): { readonly attribute: FilterAttribute | undefined; readonly inside: Attributes };
}

const unknown = (name: string): Error =>
  badRequest('invalidFilter', `The filter names ${shorten(name)}, which is no attribute here.`);

/** Not stored as such, or secret. */
const UNFILTERABLE = new Set(['schemas', 'meta.location', 'meta.version', 'password', 'members.$ref', 'groups.$ref']);

function refuseUnfilterable(name: string): void {
  if (UNFILTERABLE.has(name)) throw badRequest('invalidFilter', `${name} can't be used in a filter.`);
}

/** Names on a resource type; `others` are those that are searched at the same time. Throws 400 invalidFilter. */
export function resourceAttributes(type: Shape, others: readonly Shape[] = []): Attributes {
  const elsewhere = (name: string): Attributes | undefined => {
    if (resolvePath(type, name)?.attribute !== undefined) return undefined;
    const other = others.find((o) => resolvePath(o, name)?.attribute !== undefined);
    return other === undefined ? undefined : resourceAttributes(other);
  };
  const find = (name: string): Chain => {
    const location = resolvePath(type, name);
    if (location?.attribute === undefined) throw unknown(name);
    const { extension, attribute, sub } = location;
    const plain = sub === undefined ? attribute.name : `${attribute.name}.${sub.name}`;
    refuseUnfilterable(plain);
    return { before: extension === undefined ? [] : [extension], attribute, sub };
  };
  return {
    leaf: (name) => (elsewhere(name) === undefined ? leaf(find(name), name) : undefined),
    present: (name) => (elsewhere(name) === undefined ? toFilterAttribute(find(name)) : undefined),
    element(name) {
      const other = elsewhere(name);
      if (other !== undefined) return { attribute: undefined, inside: other.element(name).inside };
      const chain = find(name);
      if (!chain.attribute.multiValued || chain.attribute.type !== 'complex' || chain.sub !== undefined) {
        throw badRequest('invalidFilter', `${shorten(name)} has no elements that a value path could choose from.`);
      }
      return { attribute: toFilterAttribute(chain), inside: elementAttributes(chain.attribute) };
    },
  };
}

/** Names inside `attribute[…]`. */
export function elementAttributes(attribute: Attribute): Attributes {
  const find = (name: string): Chain => {
    const sub = findAttribute(attribute.subAttributes ?? [], name);
    if (sub === undefined) {
      throw badRequest(
        'invalidFilter',
        `The value path names ${shorten(name)}, which ${attribute.name} does not have.`,
      );
    }
    refuseUnfilterable(`${attribute.name}.${sub.name}`);
    return { before: [], attribute: sub, sub: undefined };
  };
  return {
    leaf: (name) => leaf(find(name), name),
    present: (name) => toFilterAttribute(find(name)),
    element: (name) => {
      throw badRequest('invalidFilter', `A value path can't hold another one (${shorten(name)}).`);
    },
  };
}

interface Chain {
  readonly before: readonly string[];
  readonly attribute: Attribute;
  readonly sub: Attribute | undefined;
}

function toFilterAttribute({ before, attribute, sub }: Chain): FilterAttribute {
  const last = sub ?? attribute;
  return {
    path: [...before, attribute.name, ...(sub === undefined ? [] : [sub.name])],
    type: leafType(last),
    caseExact: last.caseExact,
    ...(attribute.multiValued ? { many: before.length } : {}),
  };
}

function leafType(attribute: Attribute): FilterAttribute['type'] {
  if (attribute.type === 'reference' || attribute.type === 'binary') return 'string';
  if (attribute.type === 'integer' || attribute.type === 'decimal') return 'number';
  return attribute.type;
}

function leaf(chain: Chain, name: string): FilterAttribute {
  if (chain.sub !== undefined || chain.attribute.type !== 'complex') return toFilterAttribute(chain);
  const sub = findAttribute(chain.attribute.subAttributes ?? [], 'value');
  if (sub === undefined) {
    throw badRequest('invalidFilter', `${shorten(name)} has several parts: name one, as in ${name}.formatted.`);
  }
  return toFilterAttribute({ ...chain, sub });
}

/**
 * The value of a comparison in the attribute's type; null for an unquoted `null`. Booleans may come as text (Entra ID
 * compares with "True"), and text may come without quotes (older Entra ID examples).
 */
export function filterValue(
  attribute: FilterAttribute,
  op: string,
  text: string,
  quoted: boolean,
  note: Note = noNote,
): string | number | boolean | null {
  const name = attribute.path.join('.');
  if (!isStorable(text)) throw badRequest('invalidFilter', `${name} is compared with a character that is no text.`);
  if (!quoted && text.toLowerCase() === 'null') {
    if (op === 'eq' || op === 'ne') return null;
    throw badRequest('invalidFilter', `${op} can't compare ${name} with null.`);
  }
  if (attribute.type === 'boolean') {
    const lower = text.toLowerCase();
    if (op !== 'eq' && op !== 'ne') throw badRequest('invalidFilter', `${name} is a boolean: use eq or ne, not ${op}.`);
    if (lower !== 'true' && lower !== 'false') {
      throw badRequest('invalidFilter', `${name} is a boolean and can't be compared with ${shorten(text)}.`);
    }
    if (quoted) note('filter-boolean-text');
    return lower === 'true';
  }
  if (attribute.type === 'number') {
    if (quoted) note('number-text');
    if (op === 'co' || op === 'sw' || op === 'ew') {
      throw badRequest('invalidFilter', `${name} is a number: use eq, ne, gt, ge, lt or le, not ${op}.`);
    }
    if (!/^[+-]?\d{1,15}(\.\d{1,15})?$/.test(text)) {
      throw badRequest('invalidFilter', `${name} is a number and can't be compared with ${shorten(text)}.`);
    }
    return Number(text);
  }
  if (!quoted) note('filter-unquoted');
  if (attribute.type === 'dateTime') {
    if (op === 'co' || op === 'sw' || op === 'ew') {
      throw badRequest('invalidFilter', `${name} is a date: use eq, ne, gt, ge, lt or le, not ${op}.`);
    }
    const at = /^\d{4}-\d\d-\d\d(T.*)?$/.test(text) ? new Date(text) : new Date(Number.NaN);
    if (Number.isNaN(at.getTime())) {
      throw badRequest('invalidFilter', `${shorten(text)} is no date as 2026-01-31T09:30:00Z.`);
    }
    return at.toISOString();
  }
  return text;
}

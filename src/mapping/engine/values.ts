import type { AttributeType } from '../../model/attributes.ts';

/**
 * Thrown while evaluating where a value is *none*: passes through methods and arithmetic up to the next comparison,
 * which is then false. One object for all, so that throwing costs no stack trace.
 */
class None extends Error {}
export const NONE = new None('none');

/** Thrown where a rule reads what nobody knows. CEL's `&&` and `||` absorb it like any error. */
export class Unknown extends Error {}

/** Delivered empty. An empty list is a list (its size is 0), but `has` is false for it. */
export const isNone = (value: unknown): boolean => value === undefined || value === null || value === '';

/** A delivered value as CEL takes it: integers are BigInt, times are Dates. `undefined`: not of the declared type. */
export function toCel(value: unknown, type: AttributeType): unknown {
  switch (type) {
    case 'string':
      return typeof value === 'string' ? value : undefined;
    case 'bool':
      return typeof value === 'boolean' ? value : undefined;
    case 'double':
      return typeof value === 'number' ? value : undefined;
    case 'int':
      return typeof value === 'number' && Number.isSafeInteger(value) ? BigInt(value) : undefined;
    case 'timestamp':
      return toDate(value);
    case 'list<string>':
      return Array.isArray(value) && value.every((v) => typeof v === 'string') ? value : undefined;
  }
}

/** A Date, or its ISO 8601 text with a zone, as JSON carries it. */
function toDate(value: unknown): Date | undefined {
  if (typeof value === 'string' && !/^\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-]\d\d:\d\d)$/.test(value)) return undefined;
  if (!(value instanceof Date) && typeof value !== 'string') return undefined;
  const date = new Date(value);
  return Number.isNaN(date.getTime()) ? undefined : date;
}

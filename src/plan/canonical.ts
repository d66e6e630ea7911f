import { createHash } from 'node:crypto';

/**
 * JSON in one form only, after RFC 8785: keys in the order of their UTF-16 units, numbers as ECMAScript writes them,
 * no blanks. What is undefined is left out; a Date is its ISO text. Throws TypeError for what JSON can not say.
 */
export function canonical(value: unknown): string {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return JSON.stringify(value);
  if (typeof value === 'number') {
    if (Number.isFinite(value)) return JSON.stringify(value);
    throw new TypeError(`${value} has no JSON form`);
  }
  if (value instanceof Date) return JSON.stringify(value.toISOString());
  if (Array.isArray(value)) return `[${value.map((v: unknown) => canonical(v === undefined ? null : v)).join(',')}]`;
  if (typeof value === 'object' && isPlain(value)) {
    const fields = Object.entries(value).filter(([, v]) => v !== undefined);
    fields.sort(([a], [b]) => (a < b ? -1 : 1));
    return `{${fields.map(([k, v]) => `${JSON.stringify(k)}:${canonical(v)}`).join(',')}}`;
  }
  throw new TypeError(`a ${typeof value} has no JSON form`);
}

const isPlain = (value: object): boolean => {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
};

/** SHA-256 of the canonical JSON, as 64 hexadecimal digits. */
export const digest = (value: unknown): string => createHash('sha256').update(canonical(value)).digest('hex');

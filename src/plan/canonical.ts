import { createHash } from 'node:crypto';

/**
 * JSON in one form only, after RFC 8785: keys in the order of their UTF-16 units, numbers as ECMAScript writes them,
 * no blanks. What is undefined is left out; a Date is its ISO text. Throws TypeError for what JSON can not say.
 */
export function canonical(value: unknown): string {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return JSON.stringify(value);
    case 'number':
      if (Number.isFinite(value)) return JSON.stringify(value);
      throw new TypeError(`${value} has no JSON form`);
    case 'object':
      if (value === null) return 'null';
      if (Array.isArray(value)) return listed(value);
      if (value instanceof Date) return JSON.stringify(value.toISOString());
      if (isPlain(value)) return fields(value as Readonly<Record<string, unknown>>);
      break;
    default:
  }
  throw new TypeError(`a ${typeof value} has no JSON form`);
}

function listed(values: readonly unknown[]): string {
  let text = '';
  for (const value of values) text += `${text === '' ? '' : ','}${value === undefined ? 'null' : canonical(value)}`;
  return `[${text}]`;
}

function fields(value: Readonly<Record<string, unknown>>): string {
  let text = '';
  for (const key of Object.keys(value).toSorted()) {
    const field = value[key];
    if (field !== undefined) text += `${text === '' ? '' : ','}${JSON.stringify(key)}:${canonical(field)}`;
  }
  return `{${text}}`;
}

const isPlain = (value: object): boolean => {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
};

/** SHA-256 of the canonical JSON, as 64 hexadecimal digits. */
export const digest = (value: unknown): string => createHash('sha256').update(canonical(value)).digest('hex');

/** The same as `digest` for a list whose values come one by one: its text is never there as a whole. */
export function digester(): { add(value: unknown): void; digest(): string } {
  const hash = createHash('sha256').update('[');
  let first = true;
  return {
    add: (value) => {
      hash.update(`${first ? '' : ','}${canonical(value)}`);
      first = false;
    },
    digest: () => hash.update(']').digest('hex'),
  };
}

/** The same as `digest` for a list of any length. */
export function digestList(values: readonly unknown[]): string {
  const hash = digester();
  for (const value of values) hash.add(value);
  return hash.digest();
}

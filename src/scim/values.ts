import { foldCase } from '../model/filter.ts';
import { tidyElements } from './elements.ts';
import { badRequest, shorten } from './errors.ts';
import { noNote, type Note } from './irregular.ts';
import { COMMON_ATTRIBUTES } from './schema/index.ts';
import type { Attribute, ResourceType, Schema } from './schema/types.ts';

/** A resource in its stored form: the schema's spelling, no id, no meta, no read-only attribute, no empty value. */
export type Resource = Readonly<Record<string, unknown>>;

export const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/**
 * Reads the body of a POST or PUT into the stored form. Attribute names match whatever their case; unknown and
 * read-only ones are left out, passwords are dropped; null and [] mean no value (RFC 7643 2.5).
 * Throws 400 invalidValue that names the attribute.
 */
export function readResource(type: ResourceType, body: unknown, note: Note = noNote): Resource {
  if (!isObject(body)) throw badRequest('invalidSyntax', 'The body has to be a JSON object.');
  const given = byLowerCase(body);
  const schemas = given.get('schemas');
  if (schemas !== undefined && schemas !== null && !isListOfText(schemas)) {
    throw badRequest('invalidValue', 'schemas has to be an array of schema URIs.');
  }
  const resource: Record<string, unknown> = {};
  readAttributes([...COMMON_ATTRIBUTES, ...type.schema.attributes], given, resource, '', note, type.links);
  for (const extension of type.extensions) {
    const value = given.get(extension.id.toLowerCase());
    const read = value === undefined ? undefined : readExtension(extension, value, note);
    if (read !== undefined) resource[extension.id] = read;
  }
  return resource;
}

/** Reads an extension's object; undefined when nothing is in it. */
export function readExtension(extension: Schema, value: unknown, note: Note = noNote): Resource | undefined {
  if (value === null) return undefined;
  if (!isObject(value)) throw badRequest('invalidValue', `${extension.id} has to be an object.`);
  const inner: Record<string, unknown> = {};
  readAttributes(extension.attributes, byLowerCase(value), inner, `${extension.id}:`, note);
  return Object.keys(inner).length === 0 ? undefined : inner;
}

function readAttributes(
  attributes: readonly Attribute[],
  given: ReadonlyMap<string, unknown>,
  into: Record<string, unknown>,
  prefix: string,
  note: Note,
  except?: string,
): void {
  for (const attribute of attributes) {
    // What is only written (a password) is not even looked at: nothing of it gets into an error.
    if (attribute.name === except || attribute.mutability === 'readOnly' || attribute.mutability === 'writeOnly')
      continue;
    const value = given.get(attribute.name.toLowerCase());
    if (value === undefined) continue;
    const read = readValue(attribute, value, `${prefix}${attribute.name}`, note);
    if (read !== undefined) into[attribute.name] = read;
  }
}

/** A value of an attribute, checked and in the stored form; undefined when it means "no value". */
export function readValue(attribute: Attribute, value: unknown, path: string, note: Note = noNote): unknown {
  if (value === null || value === undefined) return undefined;
  if (!attribute.multiValued) return readSingle(attribute, value, path, note);
  if (!Array.isArray(value)) throw badRequest('invalidValue', `${path} has to be an array.`);
  if (value.length > MAX_VALUES) throw tooManyValues(path);
  const elements: unknown[] = value
    .map((v, i) => readSingle(attribute, v, `${path}[${i}]`, note))
    .filter((v) => v !== undefined);
  return elements.length === 0 ? undefined : tidyElements(elements, elements);
}

/** One value: of a single-valued attribute, or one element of a multi-valued one. */
export function readSingle(attribute: Attribute, value: unknown, path: string, note: Note = noNote): unknown {
  if (value === null || value === undefined) return undefined;
  switch (attribute.type) {
    case 'boolean':
      return readBoolean(value, path, note);
    case 'complex':
      return readComplex(attribute, value, path, note);
    case 'integer':
    case 'decimal':
      return readNumber(attribute.type, value, path, note);
    case 'dateTime':
      return readTime(value, path);
    default:
      if (typeof value !== 'string') throw wrongType(value, path, 'text');
      if (!isStorable(value)) throw badRequest('invalidValue', `${path} holds a character that is no text.`);
      return value;
  }
}

/** Entra ID writes booleans as "True" and "False"; refusing them would leave a leaver enabled. */
function readBoolean(value: unknown, path: string, note: Note): boolean {
  if (typeof value === 'string') note('boolean-text');
  const lower = typeof value === 'string' ? value.toLowerCase() : value;
  if (lower === true || lower === 'true') return true;
  if (lower === false || lower === 'false') return false;
  throw wrongType(value, path, 'true or false');
}

const INTEGER = /^[+-]?\d{1,15}$/;
const DECIMAL = /^[+-]?(\d{1,15}(\.\d{1,15})?|\.\d{1,15})$/;

/** Clients that know only text write numbers as text. */
function readNumber(type: 'integer' | 'decimal', value: unknown, path: string, note: Note): number {
  const text = typeof value === 'string' ? value.trim() : undefined;
  const number =
    text === undefined ? value : (type === 'integer' ? INTEGER : DECIMAL).test(text) ? Number(text) : value;
  if (typeof number === 'number' && (type === 'integer' ? Number.isSafeInteger(number) : Number.isFinite(number))) {
    if (text !== undefined) note('number-text');
    return number;
  }
  throw wrongType(value, path, type === 'integer' ? 'a whole number' : 'a number');
}

/** An ISO 8601 time, kept as sent; without a zone, or with a date alone, it is taken as UTC. */
function readTime(value: unknown, path: string): string {
  const text = typeof value === 'string' ? value.trim() : '';
  const whole = /T/.test(text) ? (/(Z|[+-]\d\d:\d\d)$/.test(text) ? text : `${text}Z`) : `${text}T00:00:00Z`;
  if (isTime(whole)) return whole;
  throw wrongType(value, path, 'a time such as 2026-01-31T09:30:00Z');
}

const TIME = /^(\d{4})-(\d\d)-(\d\d)T([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,9})?(Z|[+-](0\d|1[0-4]):[0-5]\d)$/;

/** A stored time: with a zone, and a day that the calendar has. */
export function isTime(text: string): boolean {
  const [, year, month, day] = TIME.exec(text) ?? [];
  if (year === undefined || year === '0000') return false;
  const date = new Date(Date.UTC(Number(year), Number(month) - 1, Number(day)));
  return date.getUTCMonth() === Number(month) - 1 && date.getUTCDate() === Number(day);
}

function readComplex(attribute: Attribute, value: unknown, path: string, note: Note): unknown {
  const object = asObject(attribute, value);
  if (object === undefined) throw wrongType(value, path, 'an object');
  if (object !== value) note('manager-bare');
  if (object === null) return undefined;
  const given = byLowerCase(object);
  if (attribute.name === 'roles' && unfoldRole(given)) note('role-unfolded');
  const result: Record<string, unknown> = {};
  readAttributes(attribute.subAttributes ?? [], given, result, `${path}.`, note);
  return Object.keys(result).length === 0 ? undefined : result;
}

/** A manager may come as the bare id, or as an array of one (Entra ID); null stands for no value. */
function asObject(attribute: Attribute, value: unknown): Record<string, unknown> | null | undefined {
  if (isObject(value)) return value;
  if (attribute.multiValued || attribute.name !== 'manager') return undefined;
  if (value === '') return null;
  if (typeof value === 'string') return { value };
  if (!Array.isArray(value) || value.length > 1) return undefined;
  return value.length === 0 ? null : asObject(attribute, value[0]);
}

/** Entra ID's role expressions: `displayName` for `display`, and in updates a JSON text in `value`. Was it one? */
function unfoldRole(given: Map<string, unknown>): boolean {
  let unfolded = false;
  const value = given.get('value');
  if (typeof value === 'string' && value.startsWith('{')) {
    const inner = parseObject(value);
    if (typeof inner?.get('value') === 'string') {
      unfolded = true;
      given.set('value', inner.get('value'));
      for (const key of ['display', 'displayname'])
        if (!given.has(key) && inner.has(key)) given.set(key, inner.get(key));
    }
  }
  if (given.has('display') || !given.has('displayname')) return unfolded;
  given.set('display', given.get('displayname'));
  return true;
}

function parseObject(text: string): Map<string, unknown> | undefined {
  try {
    const parsed: unknown = JSON.parse(text);
    return isObject(parsed) ? byLowerCase(parsed) : undefined;
  } catch {
    return undefined;
  }
}

const byLowerCase = (object: Record<string, unknown>): Map<string, unknown> =>
  new Map(Object.entries(object).map(([key, value]) => [key.toLowerCase(), value]));

const isListOfText = (value: unknown): boolean => Array.isArray(value) && value.every((v) => typeof v === 'string');

function wrongType(value: unknown, path: string, wanted: string): Error {
  const got = Array.isArray(value) ? 'an array' : isObject(value) ? 'an object' : shorten(String(value), 20);
  return badRequest('invalidValue', `${path} has to be ${wanted}, not ${got}.`);
}

/** PostgreSQL takes neither null characters nor halves of surrogate pairs. */
export const isStorable = (value: string): boolean => !value.includes('\0') && value.isWellFormed();

/** Values of one attribute: more is no person, and each write compares them. */
export const MAX_VALUES = 5000;

export const tooManyValues = (path: string): Error =>
  badRequest('invalidValue', `${path} has more than ${MAX_VALUES} values.`);

/** An index entry has to stay below 2704 bytes. */
const MAX_INDEXED_BYTES = 2000;
const INDEXED = ['userName', 'displayName', 'externalId', 'emails'];

/** Refuses a resource that lacks a required attribute, or whose names and ids are too long to be looked up. */
export function checkResource(type: ResourceType, resource: Resource): void {
  for (const { name, required } of type.schema.attributes) {
    const value = resource[name];
    if (!required || (typeof value === 'string' && value.trim() !== '')) continue;
    throw badRequest('invalidValue', `${name} is required.`);
  }
  for (const name of INDEXED) {
    const value = resource[name];
    const values = Array.isArray(value) ? value.map((v) => (isObject(v) ? v['value'] : v)) : [value];
    if (values.some((v) => typeof v === 'string' && Buffer.byteLength(foldCase(v)) > MAX_INDEXED_BYTES)) {
      throw badRequest('invalidValue', `${name} is longer than ${MAX_INDEXED_BYTES} bytes.`);
    }
  }
}

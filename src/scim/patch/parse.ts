import type { Filter } from '../../model/filter.ts';
import { badRequest, shorten } from '../errors.ts';
import { elementAttributes } from '../filter/attributes.ts';
import { parseWith } from '../filter/parse.ts';
import { tokenize } from '../filter/tokens.ts';
import { noNote, type Note } from '../irregular.ts';
import { findAttribute, type Location, resolvePath } from '../schema/path.ts';
import type { ResourceType } from '../schema/types.ts';
import { isObject } from '../values.ts';

export interface Target extends Location {
  /** As the client wrote it, for errors. */
  readonly path: string;
  /** Of a value path: which elements are meant. */
  readonly filter?: Filter;
}

/** One operation on one target; an operation without a path has become one for each key of its value. */
export interface Operation {
  readonly op: 'add' | 'replace' | 'remove';
  readonly target: Target;
  readonly value: unknown;
  /** It came from an operation without a path: read-only values that a client only echoes are no error there. */
  readonly pathless: boolean;
}

export const MAX_OPERATIONS = 1000;

/** Reads the body of a PATCH (RFC 7644 3.5.2). An empty list of operations is no change. Throws 400. */
export function parsePatch(type: ResourceType, body: unknown, note: Note = noNote): Operation[] {
  const operations = isObject(body) ? caseless(body, 'operations') : undefined;
  if (!Array.isArray(operations)) {
    throw badRequest('invalidSyntax', 'A PATCH body is an object with an array Operations.');
  }
  if (operations.length > MAX_OPERATIONS) {
    throw badRequest(
      'invalidValue',
      `A PATCH may hold ${MAX_OPERATIONS} operations; this one has ${operations.length}.`,
    );
  }
  if (operations.length === 0) note('no-operations');
  return operations.flatMap((operation: unknown, i) => parseOperation(type, operation, `Operations[${i}]`, note));
}

function parseOperation(type: ResourceType, operation: unknown, at: string, note: Note): Operation[] {
  if (!isObject(operation)) throw badRequest('invalidSyntax', `${at} has to be an object.`);
  const given = caseless(operation, 'op');
  const op = typeof given === 'string' ? given.toLowerCase() : undefined;
  if (op !== 'add' && op !== 'replace' && op !== 'remove') {
    throw badRequest('invalidSyntax', `${at}.op has to be add, replace or remove.`);
  }
  if (op !== given) note('op-case');
  const path = caseless(operation, 'path');
  const value = caseless(operation, 'value');
  if (path !== undefined && path !== null && typeof path !== 'string') {
    throw badRequest('invalidPath', `${at}.path has to be text.`);
  }
  if (typeof path === 'string' && path.trim() !== '') {
    if (op !== 'remove' && value === undefined) throw badRequest('invalidValue', `${at} has no value.`);
    return [{ op, target: parseTarget(type, path.trim(), note), value, pathless: false }];
  }
  if (op === 'remove') throw badRequest('noTarget', `${at} removes, but has no path that says what.`);
  if (!isObject(value)) throw badRequest('invalidValue', `${at} has no path, so its value has to be an object.`);
  return Object.entries(value).flatMap(([key, inner]): Operation[] => {
    const target = key.includes('[') ? parseTarget(type, key, note) : resolvePath(type, key);
    // Unknown names in a body are ignored, as in a POST; `schemas` is often sent along and says nothing new.
    if (target === undefined || target.attribute?.name === 'schemas') return [];
    if (target.attribute !== undefined && key.toLowerCase() !== target.attribute.name.toLowerCase()) note('path-keys');
    return [{ op, target: { ...target, path: key }, value: inner, pathless: true }];
  });
}

/** `attr`, `attr.sub`, `attr[filter]`, `attr[filter].sub`, each with or without the schema's URN in front. */
export function parseTarget(type: ResourceType, path: string, note: Note = noNote): Target {
  const open = path.indexOf('[');
  if (open < 0) return { ...resolve(type, path, path, note), path };
  const close = path.lastIndexOf(']');
  const rest = path.slice(close + 1);
  if (close < open || (rest !== '' && !/^\.[^.[\]\s]+$/.test(rest))) {
    throw badRequest('invalidPath', `The path ${shorten(path)} can't be read after its bracket.`);
  }
  const location = resolve(type, path.slice(0, open), path, note);
  const { attribute } = location;
  if (attribute?.subAttributes === undefined || !attribute.multiValued || location.sub !== undefined) {
    throw badRequest('invalidPath', `The path ${shorten(path)} chooses elements, but ${path.slice(0, open)} has none.`);
  }
  const filter = parseWith(elementAttributes(attribute), tokenize(path.slice(open + 1, close)), note);
  if (rest === '') return { ...location, path, filter };
  const sub = findAttribute(attribute.subAttributes, rest.slice(1));
  if (sub === undefined) throw badRequest('invalidPath', `${attribute.name} has no ${shorten(rest.slice(1))}.`);
  return { ...location, sub, path, filter };
}

function resolve(type: ResourceType, name: string, path: string, note: Note): Location {
  const location = resolvePath(type, name);
  if (location === undefined) {
    throw badRequest('invalidPath', `The path ${shorten(path)} names no attribute of ${type.name}.`);
  }
  const { attribute, sub, extension } = location;
  const plain = sub === undefined ? attribute?.name : `${attribute?.name}.${sub.name}`;
  if (plain !== undefined && !name.endsWith(plain)) note('path-case');
  if (extension !== undefined && !name.toLowerCase().startsWith('urn:')) note('path-short');
  return location;
}

function caseless(object: Record<string, unknown>, name: string): unknown {
  if (Object.hasOwn(object, name)) return object[name];
  return Object.entries(object).find(([key]) => key.toLowerCase() === name)?.[1];
}

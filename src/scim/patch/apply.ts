import type { Filter } from '../../model/filter.ts';
import { badRequest, ScimError } from '../errors.ts';
import { noNote, type Note } from '../irregular.ts';
import type { Attribute, ResourceType } from '../schema/types.ts';
import { isObject, readExtension, readSingle, type Resource } from '../values.ts';
import { patchElements } from './elements.ts';
import type { Operation, Target } from './parse.ts';

type Draft = Record<string, unknown>;

/**
 * What operations make of a resource, as one: any that can't be done throws 400 and nothing has happened.
 * `id` is the resource's own: naming the same one again is no error.
 */
export function applyPatch(
  type: ResourceType,
  id: string,
  resource: Resource,
  operations: readonly Operation[],
  note: Note = noNote,
): Resource {
  const draft: Draft = structuredClone(resource) as Draft;
  let work = 0;
  for (const operation of operations) {
    work += costOf(draft, operation);
    if (work > MAX_WORK) {
      throw new ScimError(
        413,
        'The operations of this PATCH go through too many values. Send them in several requests.',
      );
    }
    applyOne(type, id, draft, operation, note);
  }
  return draft;
}

/** Values that all operations of a request together may look at; some 0.3 s. */
const MAX_WORK = 500_000;

/** Each operation on an attribute with several values goes through all of them, once for each comparison. */
function costOf(draft: Draft, { target, value }: Operation): number {
  const { attribute, extension, filter } = target;
  if (attribute?.multiValued !== true) return 1;
  const home = extension === undefined ? draft : draft[extension];
  const held = isObject(home) ? home[attribute.name] : undefined;
  const count = (list: unknown): number => (Array.isArray(list) ? list.length : 1);
  return (count(held) + count(value)) * (2 + (filter === undefined ? 0 : comparisonsIn(filter)));
}

function comparisonsIn(filter: Filter): number {
  if (filter.type === 'and' || filter.type === 'or') return filter.filters.reduce((n, f) => n + comparisonsIn(f), 0);
  return filter.type === 'not' || filter.type === 'element' ? comparisonsIn(filter.filter) : 1;
}

function applyOne(type: ResourceType, id: string, draft: Draft, operation: Operation, note: Note): void {
  const { target, op, value } = operation;
  if (target.attribute === undefined) return patchSchema(type, id, draft, operation, note);
  if (refuseReadOnly(target, id, value, operation.pathless, note)) return undefined;
  const home = target.extension === undefined ? draft : ((draft[target.extension] ??= {}) as Draft);
  if (target.attribute.multiValued) patchElements(home, target.attribute, operation, note);
  else if (target.sub !== undefined) patchSub(home, target.attribute, target.sub, operation, note);
  else if (op === 'remove' || readSingle(target.attribute, value, target.path) === undefined) unset(home, target);
  else setSingle(home, target.attribute, value, target.path, note);
  if (target.extension !== undefined && Object.keys(home).length === 0) delete draft[target.extension];
  return undefined;
}

/** True when the operation is to be passed over: a read-only value that is only echoed, or a password. */
function refuseReadOnly(target: Target, id: string, value: unknown, pathless: boolean, note: Note): boolean {
  const { attribute, sub } = target;
  if (attribute === undefined) return false;
  if (attribute.mutability === 'writeOnly') return true;
  if (attribute.name === 'id' && value === id) {
    note('read-only-echo');
    return true;
  }
  if (attribute.mutability === 'readOnly' || sub?.mutability === 'readOnly') {
    // The manager's name comes along in whole-object writes and is dropped there; by itself it is refused.
    if (pathless && sub !== undefined && attribute.mutability !== 'readOnly') return true;
    throw badRequest('mutability', `${target.path} is read-only.`);
  }
  return false;
}

/** The path is a schema's URN alone: its value holds attributes of that schema. */
function patchSchema(type: ResourceType, id: string, draft: Draft, { op, target, value }: Operation, note: Note): void {
  const extension = type.extensions.find((e) => e.id === target.extension);
  if (op === 'remove') {
    if (extension === undefined) throw badRequest('mutability', `${target.path} can't be removed as a whole.`);
    delete draft[extension.id];
    return;
  }
  if (value === null && extension !== undefined) {
    delete draft[extension.id];
    return;
  }
  if (!isObject(value)) throw badRequest('invalidValue', `${target.path} has to be an object.`);
  const attributes = (extension ?? type.schema).attributes;
  if (extension !== undefined) readExtension(extension, value);
  for (const [key, inner] of Object.entries(value)) {
    const attribute = attributes.find((a) => a.name.toLowerCase() === key.toLowerCase());
    if (attribute === undefined) continue;
    if (attribute.name === type.links) {
      throw badRequest('invalidPath', `${target.path} can't carry ${type.links}: name them by a path of their own.`);
    }
    const place = extension === undefined ? {} : { extension: extension.id };
    const path = `${target.path}:${key}`;
    applyOne(type, id, draft, { op, target: { ...place, attribute, path }, value: inner, pathless: true }, note);
  }
}

function unset(home: Draft, { attribute, path }: Target): void {
  if (attribute === undefined) return;
  if (attribute.required) throw badRequest('mutability', `${path} is required and can't be removed.`);
  if (attribute.name === 'active')
    throw badRequest('invalidValue', 'active has to be true or false, never without value.');
  delete home[attribute.name];
}

function setSingle(home: Draft, attribute: Attribute, value: unknown, path: string, note: Note): void {
  const read = readSingle(attribute, value, path, note);
  const old = home[attribute.name];
  // A complex value is merged (RFC 7644 3.5.2.3), unless it names something else: then the old one's details are wrong.
  const names = isObject(read) && 'value' in read;
  if (attribute.type !== 'complex' || !isObject(read) || !isObject(old) || names) {
    home[attribute.name] = read;
    return;
  }
  const merged: Draft = { ...old, ...read };
  for (const [key, inner] of Object.entries(isObject(value) ? value : {})) {
    const sub = attribute.subAttributes?.find((a) => a.name.toLowerCase() === key.toLowerCase());
    if (sub !== undefined && inner === null) delete merged[sub.name];
  }
  home[attribute.name] = merged;
}

function patchSub(
  home: Draft,
  attribute: Attribute,
  sub: Attribute,
  { op, target, value }: Operation,
  note: Note,
): void {
  const old = home[attribute.name];
  const inner: Draft = isObject(old) ? { ...old } : {};
  const read = op === 'remove' ? undefined : readSingle(sub, value, target.path, note);
  if (read === undefined) delete inner[sub.name];
  else inner[sub.name] = read;
  if (sub.name === 'value' && read !== (isObject(old) ? old['value'] : undefined)) delete inner['$ref'];
  if (Object.keys(inner).length === 0) delete home[attribute.name];
  else home[attribute.name] = inner;
}

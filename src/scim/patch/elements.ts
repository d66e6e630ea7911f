import { isDeepStrictEqual } from 'node:util';
import type { Filter } from '../../model/filter.ts';
import { tidyElements } from '../elements.ts';
import { badRequest } from '../errors.ts';
import { matches } from '../filter/evaluate.ts';
import type { Attribute } from '../schema/types.ts';
import { isObject, MAX_VALUES, readSingle, tooManyValues } from '../values.ts';
import type { Operation } from './parse.ts';

/** Of a plain attribute with several values (declared ones only) the elements are texts, numbers or booleans. */
type Element = Readonly<Record<string, unknown>>;

/** Applies one operation to a multi-valued attribute of `home`, in place. */
export function patchElements(home: Record<string, unknown>, attribute: Attribute, operation: Operation): void {
  const before = (home[attribute.name] ?? []) as Element[];
  const after =
    operation.op === 'remove' ? removed(before, attribute, operation) : written(before, attribute, operation);
  if (after.length > MAX_VALUES) throw tooManyValues(operation.target.path);
  const tidy = tidyElements(before, after);
  if (tidy.length === 0) delete home[attribute.name];
  else home[attribute.name] = tidy;
}

function removed(before: readonly Element[], attribute: Attribute, { target, value }: Operation): Element[] {
  const { filter, sub } = target;
  if (sub !== undefined) {
    return before.flatMap((e) => (filter === undefined || matches(filter, e) ? withoutSub(e, sub.name) : [e]));
  }
  if (filter !== undefined) return before.filter((e) => !matches(filter, e));
  // Entra ID names in `value` what is to go; ignoring it, as RFC 7644 3.5.2.2 reads, would remove everything.
  if (value === undefined || value === null) return [];
  const named = readElements(attribute, value, target.path);
  return before.filter((e) => !named.some((n) => covers(e, n)));
}

/** Has the element all that is named? */
const covers = (element: Element, named: Element): boolean =>
  isObject(named) && isObject(element)
    ? Object.entries(named).every(([k, v]) => isDeepStrictEqual(element[k], v))
    : Object.is(element, named);

/** An element of which only labels are left says nothing any more. */
function withoutSub(element: Element, name: string): Element[] {
  const { [name]: _, ...rest } = element;
  return Object.keys(rest).every((key) => key === 'type' || key === 'primary') ? [] : [rest];
}

function written(before: readonly Element[], attribute: Attribute, operation: Operation): Element[] {
  const { op, target, value } = operation;
  const { filter, sub } = target;
  if (filter === undefined && sub === undefined) {
    const given = value === null ? [] : readElements(attribute, value, target.path);
    return op === 'add' ? [...before, ...given] : given;
  }
  const change = sub === undefined ? readPart(attribute, value, target.path) : readSub(sub, value, target.path);
  if (change === undefined) return removed(before, attribute, { ...operation, op: 'remove', value: undefined });
  const isMeant = (e: Element): boolean => filter === undefined || matches(filter, e);
  if (before.some(isMeant)) return before.map((e) => (isMeant(e) ? { ...e, ...change } : e));
  const made = { ...(filter === undefined ? {} : conditionsOf(filter, target.path)), ...change };
  return [...before, made];
}

function readSub(sub: Attribute, value: unknown, path: string): Element | undefined {
  const read = readSingle(sub, value, path);
  return read === undefined ? undefined : { [sub.name]: read };
}

/** The value for `attr[filter]`: an object to merge, or an array of one. */
function readPart(attribute: Attribute, value: unknown, path: string): Element | undefined {
  const only: unknown = Array.isArray(value) && value.length === 1 ? value[0] : value;
  return readSingle(attribute, only, path) as Element | undefined;
}

/** In a PATCH, one element may stand for an array of one (RFC 7644 3.5.2.1). */
function readElements(attribute: Attribute, value: unknown, path: string): Element[] {
  const list: unknown[] = Array.isArray(value) ? value : [value];
  return list.flatMap((v, i) => {
    const whole = typeof v === 'string' && attribute.type === 'complex' && !Array.isArray(value) ? { value: v } : v;
    const read = readSingle(attribute, whole, Array.isArray(value) ? `${path}[${i}]` : path);
    return read === undefined ? [] : [read as Element];
  });
}

/**
 * A value path that matches nothing makes the element, out of its eq conditions: Entra ID writes first values so.
 * Conditions that don't say what the element is like are 400 noTarget (RFC 7644 3.5.2.3).
 */
function conditionsOf(filter: Filter, path: string): Element {
  if (filter.type === 'compare' && filter.op === 'eq') {
    return { [filter.attribute.path[0] as string]: filter.value };
  }
  if (filter.type === 'and') return Object.assign({}, ...filter.filters.map((f) => conditionsOf(f, path))) as Element;
  throw badRequest('noTarget', `No value matches ${path}, and it doesn't say what a new one would look like.`);
}

import { isDeepStrictEqual } from 'node:util';
import type { Filter } from '../../model/filter.ts';
import { tidyElements } from '../elements.ts';
import { badRequest } from '../errors.ts';
import { matches } from '../filter/evaluate.ts';
import { noNote, type Note } from '../irregular.ts';
import type { Attribute } from '../schema/types.ts';
import { isObject, MAX_VALUES, readSingle, tooManyValues } from '../values.ts';
import type { Operation } from './parse.ts';

/** Of a plain attribute with several values (declared ones only) the elements are texts, numbers or booleans. */
type Element = Readonly<Record<string, unknown>>;

/** Applies one operation to a multi-valued attribute of `home`, in place. */
export function patchElements(
  home: Record<string, unknown>,
  attribute: Attribute,
  operation: Operation,
  note: Note = noNote,
): void {
  const before = (home[attribute.name] ?? []) as Element[];
  const after =
    operation.op === 'remove'
      ? removed(before, attribute, operation, note)
      : written(before, attribute, operation, note);
  if (after.length > MAX_VALUES) throw tooManyValues(operation.target.path);
  const tidy = tidyElements(before, after);
  if (tidy.length === 0) delete home[attribute.name];
  else home[attribute.name] = tidy;
}

function removed(
  before: readonly Element[],
  attribute: Attribute,
  { target, value }: Operation,
  note: Note,
): Element[] {
  const { filter, sub } = target;
  if (sub !== undefined) {
    return before.flatMap((e) => (filter === undefined || matches(filter, e) ? withoutSub(e, sub.name) : [e]));
  }
  if (filter !== undefined) return before.filter((e) => !matches(filter, e));
  // Entra ID names in `value` what is to go; ignoring it, as RFC 7644 3.5.2.2 reads, would remove everything.
  if (value === undefined || value === null) return [];
  note('remove-list');
  const named = readElements(attribute, value, target.path, note);
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

function written(before: readonly Element[], attribute: Attribute, operation: Operation, note: Note): Element[] {
  const { op, target, value } = operation;
  const { filter, sub } = target;
  if (filter === undefined && sub === undefined) {
    const given = value === null ? [] : readElements(attribute, value, target.path, note);
    return op === 'add' ? [...before, ...given] : given;
  }
  const change =
    sub === undefined ? readPart(attribute, value, target.path, note) : readSub(sub, value, target.path, note);
  if (change === undefined) return removed(before, attribute, { ...operation, op: 'remove', value: undefined }, note);
  const isMeant = (e: Element): boolean => filter === undefined || matches(filter, e);
  if (before.some(isMeant)) return before.map((e) => (isMeant(e) ? { ...e, ...change } : e));
  note('value-path-made');
  const made = { ...(filter === undefined ? {} : conditionsOf(filter, target.path)), ...change };
  return [...before, made];
}

function readSub(sub: Attribute, value: unknown, path: string, note: Note): Element | undefined {
  const read = readSingle(sub, value, path, note);
  return read === undefined ? undefined : { [sub.name]: read };
}

/** The value for `attr[filter]`: an object to merge, or an array of one. */
function readPart(attribute: Attribute, value: unknown, path: string, note: Note): Element | undefined {
  const only: unknown = Array.isArray(value) && value.length === 1 ? value[0] : value;
  return readSingle(attribute, only, path, note) as Element | undefined;
}

/** In a PATCH, one element may stand for an array of one (RFC 7644 3.5.2.1). */
function readElements(attribute: Attribute, value: unknown, path: string, note: Note): Element[] {
  const list: unknown[] = Array.isArray(value) ? value : [value];
  return list.flatMap((v, i) => {
    const bare = typeof v === 'string' && attribute.type === 'complex' && !Array.isArray(value);
    if (bare) note('text-for-element');
    const whole = bare ? { value: v } : v;
    const read = readSingle(attribute, whole, Array.isArray(value) ? `${path}[${i}]` : path, note);
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

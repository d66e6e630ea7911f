import { noNote, type Note } from './irregular.ts';
import { resolvePath } from './schema/path.ts';
import type { Shape } from './schema/types.ts';
import { isObject } from './values.ts';

/** Which attributes an answer shows (RFC 7644 3.4.2.5 and 3.9). */
export interface Projection {
  /** Will the attribute that comes of memberships be shown? If not, memberships are not even read. */
  readonly links: boolean;
  apply(resource: Record<string, unknown>): Record<string, unknown>;
}

type Resource = Record<string, unknown>;
/** By attribute name: all of it, or some sub-attributes. */
type Choice = Map<string, Set<string> | 'all'>;
/** By extension URN; core attributes under ''. */
type Choices = Map<string, Choice | 'all'>;

const ALWAYS = ['schemas', 'id'];

/**
 * `attributes` wins over `excludedAttributes`; names that are not known are passed over. Empty lists ask for nothing.
 * `attributes` may carry a filter on values, `emails[type eq "work"]`, though RFC 7644 3.10 knows names only: all values
 * are shown then. Among excluded names it is passed over, since it would hide more than was meant.
 */
export function projectionOf(
  type: Shape & { readonly links?: string },
  attributes: string | undefined,
  excluded: string | undefined,
  note: Note = noNote,
): Projection {
  const shown = choose(
    type,
    namesIn(attributes).map((name) => withoutFilter(name, note)),
  );
  if (shown !== undefined) return { links: covers(shown, type.links ?? ''), apply: (r) => only(r, shown) };
  const hidden = choose(type, namesIn(excluded));
  if (hidden === undefined) return { links: true, apply: (r) => r };
  return { links: coreOf(hidden)?.get(type.links ?? '') !== 'all', apply: (r) => without(r, hidden) };
}

const coreOf = (choices: Choices): Choice | undefined => {
  const core = choices.get('');
  return core === 'all' ? undefined : core;
};

const covers = (choices: Choices, name: string): boolean =>
  choices.get('') === 'all' || coreOf(choices)?.has(name) === true;

/** Cuts a list at its commas, but not at those in a filter on values. */
function namesIn(list = ''): string[] {
  const names: string[] = [];
  let [start, inFilter, quoted] = [0, false, false];
  for (let i = 0; i < list.length; i++) {
    const c = list[i];
    if (quoted) {
      if (c === '\\') i++;
      else if (c === '"') quoted = false;
    } else if (inFilter) {
      if (c === '"') quoted = true;
      else if (c === ']') inFilter = false;
    } else if (c === '[') inFilter = true;
    else if (c === ',') {
      names.push(list.slice(start, i));
      start = i + 1;
    }
  }
  return [...names, list.slice(start)].map((name) => name.trim()).filter((name) => name !== '');
}

/** `emails[type eq "work"].value` → `emails.value`. */
function withoutFilter(name: string, note: Note): string {
  const [open, close] = [name.indexOf('['), name.lastIndexOf(']')];
  if (open < 0 || close < open) return name;
  note('attributes-filter');
  return name.slice(0, open) + name.slice(close + 1);
}

function choose(type: Shape, names: readonly string[]): Choices | undefined {
  if (names.length === 0) return undefined;
  const choices: Choices = new Map();
  for (const name of names) {
    const location = resolvePath(type, name);
    if (location === undefined) continue;
    const { extension = '', attribute, sub } = location;
    const group = choices.get(extension) ?? new Map<string, Set<string> | 'all'>();
    choices.set(extension, attribute === undefined ? 'all' : group);
    if (attribute === undefined || group === 'all') continue;
    const subs = group.get(attribute.name) ?? new Set<string>();
    group.set(attribute.name, sub === undefined || subs === 'all' ? 'all' : subs.add(sub.name));
  }
  return choices;
}

function only(resource: Resource, choices: Choices): Resource {
  const result: Resource = Object.fromEntries(ALWAYS.map((name) => [name, resource[name]]));
  for (const [extension, choice] of choices) {
    const from = extension === '' ? resource : resource[extension];
    if (!isObject(from)) continue;
    const picked = choice === 'all' ? from : pick(from, choice);
    if (extension === '') Object.assign(result, withoutExtensions(picked));
    else if (Object.keys(picked).length > 0) result[extension] = picked;
  }
  return result;
}

const withoutExtensions = (resource: Resource): Resource =>
  Object.fromEntries(Object.entries(resource).filter(([key]) => !key.startsWith('urn:')));

function pick(from: Resource, choice: Choice): Resource {
  const result: Resource = {};
  for (const [name, subs] of choice) {
    const value = from[name];
    if (value !== undefined)
      result[name] = subs === 'all' ? value : eachObject(value, (o) => filterKeys(o, (k) => subs.has(k)));
  }
  return result;
}

function without(resource: Resource, choices: Choices): Resource {
  let result = resource;
  for (const [extension, choice] of choices) {
    if (choice === 'all') result = filterKeys(result, (key) => key !== extension);
    else if (extension === '') result = drop(result, choice);
    else if (isObject(result[extension])) result = { ...result, [extension]: drop(result[extension], choice) };
  }
  return result;
}

function drop(from: Resource, choice: Choice): Resource {
  const result = filterKeys(from, (key) => ALWAYS.includes(key) || choice.get(key) !== 'all');
  for (const [name, subs] of choice) {
    if (subs !== 'all' && result[name] !== undefined) {
      result[name] = eachObject(result[name], (o) => filterKeys(o, (key) => !subs.has(key)));
    }
  }
  return result;
}

const filterKeys = (object: Resource, keep: (key: string) => boolean): Resource =>
  Object.fromEntries(Object.entries(object).filter(([key]) => keep(key)));

function eachObject(value: unknown, change: (object: Resource) => Resource): unknown {
  if (Array.isArray(value)) return value.map((v) => (isObject(v) ? change(v) : v));
  return isObject(value) ? change(value) : value;
}

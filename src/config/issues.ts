import type * as z from 'zod';
import type { Problem } from '../model/rules.ts';
import type { Path, SettingsDocument } from './document.ts';
import type { OptionIssue } from './kinds.ts';
import { suggest } from '../model/suggest.ts';

type Issue = z.core.$ZodIssue;

/** Makes option issues of what zod found, for kinds that check their options with it. */
export function optionIssues(error: { readonly issues: readonly Issue[] }, value: unknown): OptionIssue[] {
  return error.issues.map((issue) => {
    const path = issue.path as Path;
    const unknown = issue.code === 'unrecognized_keys' ? { unknown: issue.keys } : {};
    return { path, message: said(issue, at(value, path)), ...unknown };
  });
}

export interface Complainer {
  readonly problems: Problem[];
  /** Adds a mistake at the value (or the missing value) at `path`. */
  add(path: Path, message: string, remedy?: string): void;
  /** Adds one mistake for each unknown key below `path`. */
  addUnknown(path: Path, keys: readonly string[], known: readonly string[]): void;
  addAll(below: Path, issues: readonly OptionIssue[], known: readonly string[]): void;
}

/** Collects mistakes with their places. `silent` are paths of which something was said already. */
export function complainer(document: SettingsDocument, silent: readonly Path[], hidden: readonly string[]): Complainer {
  const problems: Problem[] = [];
  const put = (place: Problem['place'], message: string, remedy: string | undefined): void => {
    const excerpt = place === undefined ? {} : { place, excerpt: document.excerpt(place, hidden) };
    problems.push({ severity: 'error', message, ...excerpt, ...(remedy === undefined ? {} : { remedy }) });
  };
  const add: Complainer['add'] = (path, message, remedy) => {
    if (silent.some((known) => known.join('\0') === path.join('\0'))) return;
    const name = path.join('.');
    put(document.place(path), name === '' ? message : `${name} ${message}`, remedy);
  };
  const addUnknown: Complainer['addUnknown'] = (path, keys, known) => {
    for (const key of keys) {
      const near = suggest(key, known);
      const names = known.length === 0 ? 'Remove it: nothing can be set here.' : `Known here: ${known.join(', ')}.`;
      const remedy = near === undefined ? names : `Did you mean "${near}"? ${names}`;
      put(document.keyPlace([...path, key]), `unknown setting "${[...path, key].join('.')}"`, remedy);
    }
  };
  const addAll: Complainer['addAll'] = (below, issues, known) => {
    for (const issue of issues) {
      const path = [...below, ...issue.path];
      if (issue.unknown === undefined) add(path, issue.message, issue.remedy);
      else addUnknown(path, issue.unknown, issue.path.length === 0 ? known : []);
    }
  };
  return { problems, add, addUnknown, addAll };
}

function at(value: unknown, path: Path): unknown {
  let here = value;
  for (const key of path) {
    if (here === null || typeof here !== 'object') return undefined;
    here = (here as Record<string | number, unknown>)[key];
  }
  return here;
}

const TYPES: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  object: 'a mapping (key: value)',
  record: 'a mapping (key: value)',
  array: 'a list',
};

function kindOf(value: unknown): string {
  if (value === null) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  return TYPES[typeof value] ?? typeof value;
}

/** A zod issue in the words of the settings, to follow the setting's name. */
export function said(issue: Issue, value: unknown): string {
  if (value === undefined && (issue.code === 'invalid_type' || issue.code === 'invalid_union')) return 'is missing';
  if (issue.code === 'invalid_type') {
    // The schema's own words, where it has some.
    if (!issue.message.startsWith('Invalid input')) return issue.message;
    return `must be ${TYPES[issue.expected] ?? issue.expected}, not ${kindOf(value)}`;
  }
  if (issue.code === 'invalid_value') {
    const allowed = issue.values.map(String);
    if (value === undefined) return `is missing: it must be ${orList(allowed)}`;
    const near = typeof value === 'string' ? suggest(value, allowed) : undefined;
    return `must be ${orList(allowed)}${near === undefined ? '' : `; did you mean ${near}?`}`;
  }
  if (issue.code === 'invalid_key') {
    return issue.issues.map((inner) => inner.message).join('; ');
  }
  const { message } = issue;
  return message.charAt(0).toLowerCase() + message.slice(1);
}

function orList(words: readonly string[]): string {
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`;
}

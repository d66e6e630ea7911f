import { invalid } from './refusal.ts';

/**
 * Filters of lists:
 *
 *     filter = [ term { sep term } ]        sep   = white space and/or commas
 *     term   = field ":" value              value = pieces, each a bare run or a JSON string
 *     tag    = "tag" ":" key [ "=" value ]  key and value may each be quoted
 */
export interface Term {
  /** Lower case, without underscores. */
  readonly field: string;
  /** Lower case; `*` stands for any run of characters. */
  readonly value: string;
  /** Of a tag term: its key, in lower case, and whether a value was given. */
  readonly tag?: { readonly key: string; readonly anyValue: boolean };
}

export const fieldName = (text: string): string => text.toLowerCase().replaceAll('_', '');

const SEPARATOR = /[\s,]/;

/** Throws a Refusal (INVALID_ARGUMENT) for a term without a colon, an open quote, or an empty value. */
export function parseFilter(text: string): Term[] {
  const terms: Term[] = [];
  let at = 0;
  while (at < text.length) {
    if (SEPARATOR.test(text.charAt(at))) {
      at += 1;
      continue;
    }
    const colon = text.indexOf(':', at);
    const name = colon < 0 ? '' : text.slice(at, colon);
    if (name === '' || /[\s,"]/.test(name)) throw invalid(`filter: expected field:value at position ${at}`);
    const field = fieldName(name);
    if (field === 'tag') {
      const key = pieces(text, colon + 1, '=');
      const hasValue = text.charAt(key.end) === '=';
      const value = hasValue ? pieces(text, key.end + 1) : { value: '*', end: key.end };
      if (key.value === '') throw invalid('filter: a tag term needs a key');
      terms.push({ field, value: value.value, tag: { key: key.value, anyValue: !hasValue } });
      at = value.end;
    } else {
      const value = pieces(text, colon + 1);
      if (value.end === colon + 1) throw invalid(`filter: ${name} has no value`);
      terms.push({ field, value: value.value });
      at = value.end;
    }
  }
  return terms;
}

/** Reads a value from `start` up to a separator, or up to `stop` outside quotes. */
function pieces(text: string, start: number, stop = ''): { value: string; end: number } {
  let value = '';
  let at = start;
  while (at < text.length) {
    const char = text.charAt(at);
    if (SEPARATOR.test(char) || char === stop) break;
    if (char === '"') {
      const end = closingQuote(text, at);
      value += unquote(text.slice(at, end));
      at = end;
    } else {
      value += char;
      at += 1;
    }
  }
  return { value: value.toLowerCase(), end: at };
}

/** The position after the quote that closes the string which opens at `open`. */
function closingQuote(text: string, open: number): number {
  for (let at = open + 1; at < text.length; at += 1) {
    const char = text.charAt(at);
    if (char === '\\') at += 1;
    else if (char === '"') return at + 1;
  }
  throw invalid(`filter: the quote at position ${open} is not closed`);
}

function unquote(json: string): string {
  try {
    return JSON.parse(json) as string;
  } catch {
    throw invalid('filter: a quoted value is not a JSON string');
  }
}

/** Does a text match a pattern in which `*` stands for any run of characters? Linear in both. */
export function matches(pattern: string, text: string): boolean {
  const value = text.toLowerCase();
  const parts = pattern.split('*');
  const first = parts[0] ?? '';
  if (parts.length === 1) return value === pattern;
  const last = parts.at(-1) ?? '';
  if (!value.startsWith(first)) return false;
  let at = first.length;
  for (const part of parts.slice(1, -1)) {
    const found = value.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return value.length - last.length >= at && value.endsWith(last);
}

/** How the fields of a kind are read: each gives the values of one object, none when it has no such field. */
export type Fields<T> = Readonly<Record<string, (item: T) => readonly string[]>>;
export type ReadTags<T> = (item: T) => ReadonlyArray<{ readonly name: string; readonly value: string }>;

/** Terms are joined by AND, but several `id` terms match any of them. A field that no kind has is refused. */
export function compileFilter<T>(terms: readonly Term[], fields: Fields<T>, tags?: ReadTags<T>): (item: T) => boolean {
  const known = (term: Term): boolean =>
    term.field === 'tag' ? tags !== undefined : Object.hasOwn(fields, term.field);
  const unknown = terms.find((term) => !known(term));
  if (unknown !== undefined) throw invalid(`filter: there is no field "${unknown.field}"`);
  const ids = new Set(terms.filter((term) => term.field === 'id').map((term) => term.value));
  const others = terms.filter((term) => term.field !== 'id');
  const holds = (term: Term, item: T): boolean => {
    if (term.tag === undefined) return (fields[term.field]?.(item) ?? []).some((value) => matches(term.value, value));
    const { key, anyValue } = term.tag;
    return (tags?.(item) ?? []).some((tag) => matches(key, tag.name) && (anyValue || matches(term.value, tag.value)));
  };
  const idHolds = (item: T): boolean => {
    const [id] = fields['id']?.(item) ?? [];
    return (
      id !== undefined && (ids.has(id) || [...ids].some((pattern) => pattern.includes('*') && matches(pattern, id)))
    );
  };
  return (item) => (ids.size === 0 || idHolds(item)) && others.every((term) => holds(term, item));
}

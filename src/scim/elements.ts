import { isDeepStrictEqual } from 'node:util';

type Element = Readonly<Record<string, unknown>>;

const isElement = (value: unknown): value is Element => typeof value === 'object' && value !== null;
const isPrimary = (value: unknown): boolean => isElement(value) && value['primary'] === true;

/**
 * The elements of a multi-valued attribute as they are kept: equal ones once, and at most one of them primary
 * (RFC 7643 2.4). Among several primary ones the last that is not in `before` wins; else the first.
 */
export function tidyElements(before: readonly unknown[], after: readonly unknown[]): unknown[] {
  const once = unique(after);
  const marked = once.filter(isPrimary);
  const fresh = marked.filter((e) => !before.some((b) => isDeepStrictEqual(b, e)));
  const chosen = fresh.at(-1) ?? marked[0];
  const single = once.map((e) => (isPrimary(e) && e !== chosen && isElement(e) ? { ...e, primary: false } : e));
  return unique(single);
}

/** Buckets by the JSON of `value` keep this linear for long lists of different values. */
function unique(elements: readonly unknown[]): unknown[] {
  const seen = new Map<string, unknown[]>();
  return elements.filter((element) => {
    const key = JSON.stringify(isElement(element) ? (element['value'] ?? null) : element);
    const bucket = seen.get(key) ?? [];
    if (bucket.some((e) => isDeepStrictEqual(e, element))) return false;
    seen.set(key, [...bucket, element]);
    return true;
  });
}

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
  if (marked.length < 2) return once;
  const known = new Set(before.map(keyOf));
  const fresh = marked.filter((e) => !known.has(keyOf(e)));
  const chosen = fresh.at(-1) ?? marked[0];
  const single = once.map((e) => (isPrimary(e) && e !== chosen && isElement(e) ? { ...e, primary: false } : e));
  return unique(single);
}

/** By a text that equal elements share, so that a long list costs its length. */
function unique(elements: readonly unknown[]): unknown[] {
  const seen = new Map(elements.toReversed().map((element) => [keyOf(element), element]));
  return seen.size === elements.length
    ? [...elements]
    : [...new Map(elements.map((e) => [keyOf(e), seen.get(keyOf(e))])).values()];
}

/** The same for two elements with the same parts, in whatever order. */
const keyOf = (element: unknown): string =>
  JSON.stringify(
    isElement(element) ? Object.entries(element).toSorted(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)) : element,
  );

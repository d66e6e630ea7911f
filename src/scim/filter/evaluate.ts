import { type Filter, type FilterAttribute, foldCase } from '../../model/filter.ts';

/**
 * Does a resource (or, for a value path, one element) match? The store's SQL gives the same answer, but for the few
 * letters whose lower case depends on what stands around them, such as a final sigma.
 */
export function matches(filter: Filter, resource: unknown): boolean {
  switch (filter.type) {
    case 'and':
      return filter.filters.every((f) => matches(f, resource));
    case 'or':
      return filter.filters.some((f) => matches(f, resource));
    case 'not':
      return !matches(filter.filter, resource);
    case 'present':
      return valuesAt(filter.attribute, resource).some((v) => v !== '');
    case 'element':
      return valuesAt(filter.attribute, resource).some((element) => matches(filter.filter, element));
    case 'compare':
      return valuesAt(filter.attribute, resource).some((v) => holds(filter, v));
  }
}

/** All values that a path leads to; none for an absent attribute. */
function valuesAt({ path, many }: FilterAttribute, resource: unknown): unknown[] {
  let values: unknown[] = [resource];
  for (const [i, key] of path.entries()) {
    values = values.map((v) => (v as Record<string, unknown>)[key]).filter((v) => v !== undefined && v !== null);
    if (i === many) values = values.flat();
  }
  return values;
}

function holds(comparison: Extract<Filter, { type: 'compare' }>, actual: unknown): boolean {
  const { attribute, op, value } = comparison;
  if (typeof actual === 'number' && typeof value === 'number') return ordered(op, actual - value);
  if (typeof actual !== 'string' || typeof value !== 'string') return op === 'eq' && actual === value;
  if (attribute.type === 'dateTime') return ordered(op, new Date(actual).getTime() - new Date(value).getTime());
  const a = attribute.caseExact ? actual : foldCase(actual);
  const b = attribute.caseExact ? value : foldCase(value);
  switch (op) {
    case 'co':
      return a.includes(b);
    case 'sw':
      return a.startsWith(b);
    case 'ew':
      return a.endsWith(b);
    default:
      // By code points, as the database orders; JavaScript's own order differs above U+D7FF.
      return ordered(op, a === b ? 0 : Buffer.compare(Buffer.from(a), Buffer.from(b)));
  }
}

function ordered(op: string, difference: number): boolean {
  if (op === 'eq') return difference === 0;
  if (op === 'gt') return difference > 0;
  if (op === 'ge') return difference >= 0;
  return op === 'lt' ? difference < 0 : difference <= 0;
}

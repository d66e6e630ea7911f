import type { Filter, FilterAttribute } from '../../model/filter.ts';
import type { ResourceKind } from './types.ts';

/**
 * Live records of a source and kind (`$1` is the source), said so that PostgreSQL finds names and ids by their index
 * even where it has no statistics yet, as in the first minute of an import. Without them it believes that a source has one record,
 * and walks all of them in search of a name. Conditions that no index can serve are written as expressions.
 */
export function scopeOf(kind: ResourceKind, filter: Filter | undefined): string {
  if (filter !== undefined && names(filter, isId)) return byId(kind);
  if (filter !== undefined && names(filter, (a) => isKey(kind, a))) {
    return `(r.source || '') = $1 and (r.kind || '') = '${kind}' and r.gone_at is null`;
  }
  return `r.source = $1 and r.kind = '${kind}' and r.gone_at is null`;
}

/** The same where the id is given as well: then the index on ids is the only one that can be used. */
export const byId = (kind: ResourceKind): string => `r.source = $1 and r.kind = '${kind}' and ${STILL_THERE}`;

const STILL_THERE = `coalesce(r.gone_at, 'infinity') = 'infinity'`;

const isId = ({ path }: FilterAttribute): boolean => path.length === 1 && path[0] === 'id';

function isKey(kind: ResourceKind, { path }: FilterAttribute): boolean {
  const name = path.join('.');
  if (name === 'externalId') return true;
  return kind === 'user' ? name === 'userName' || name === 'emails.value' : name === 'displayName';
}

/** Does every match have one of few ids, names or addresses? */
export const isLookUp = (kind: ResourceKind, filter: Filter): boolean =>
  names(filter, (a) => isId(a) || isKey(kind, a));

/** Does every match have one of few values in such an attribute? */
function names(filter: Filter, isMeant: (attribute: FilterAttribute) => boolean): boolean {
  switch (filter.type) {
    case 'and':
      return filter.filters.some((f) => names(f, isMeant));
    case 'or':
      return filter.filters.every((f) => names(f, isMeant));
    case 'compare':
      return filter.op === 'eq' && filter.value !== '' && isMeant(filter.attribute);
    case 'element': {
      const inside = (a: FilterAttribute): boolean => isMeant({ ...a, path: [...filter.attribute.path, ...a.path] });
      return names(filter.filter, inside);
    }
    case 'not':
    case 'present':
      return false;
  }
}

import { foldCase } from '../model/filter.ts';
import type { CarriedValue, Resources } from '../store/resources.ts';
import type { Context } from './call.ts';
import { badRequest, notFound, ScimError } from './errors.ts';
import { resourceAttributes } from './filter/attributes.ts';
import { matches } from './filter/evaluate.ts';
import { parseFilter } from './filter/parse.ts';
import type { Answer } from './http/answer.ts';
import { listBody, pageOf } from './list.ts';
import { projectionOf } from './projection.ts';
import type { ValueType } from './schema/available.ts';

/** Values that the settings of a source declare, by the attribute of users that they stand in. */
export type Declared = Readonly<Partial<Record<ValueType['attribute'], readonly CarriedValue[]>>>;

/** Values of a source that may be assigned, by id: those that the settings declare, and those that its users have. */
export type Available = (attribute: ValueType['attribute']) => Promise<readonly CarriedValue[]>;

/** A look at all users of a source takes part of the database; what it found serves for this many times as long. */
const REST = 20;

/**
 * Looks through a source's users at most for a twentieth of the time, however often the list is asked for and however
 * many users there are: with few the answer is of the moment, with a million at most a minute old.
 */
export function createAvailable(
  resources: Resources,
  now: () => number = () => performance.now(),
): (source: string, declared: Declared) => Available {
  const found = new Map<string, { readonly until: number; readonly values: Promise<readonly CarriedValue[]> }>();
  const carried = (source: string, attribute: ValueType['attribute']): Promise<readonly CarriedValue[]> => {
    const key = `${source}/${attribute}`;
    const known = found.get(key);
    if (known !== undefined && now() < known.until) return known.values;
    const started = now();
    const values = resources.carried(source, attribute);
    found.set(key, { until: Infinity, values });
    values.then(
      () => found.set(key, { until: now() + REST * (now() - started), values }),
      () => found.delete(key),
    );
    return values;
  };
  return (source, declared) => async (attribute) => {
    const byValue = new Map((await carried(source, attribute)).map((value) => [value.value, value]));
    for (const value of declared[attribute] ?? []) byValue.set(value.value, value);
    return [...byValue.values()].toSorted((a, b) => (a.value < b.value ? -1 : 1));
  };
}

/** `/Roles`, `/Entitlements`: lists in Okta's form, and one value by its id. Read-only. */
export async function available(context: Context, type: ValueType, id: string | undefined): Promise<Answer> {
  const { query, base, note } = context;
  const all = (await context.available(type.attribute)).map((value) => shown(type, value, base));
  const projection = projectionOf(type, query.get('attributes'), query.get('excludedattributes'), note);
  if (id !== undefined) {
    const one = all.find((resource) => resource['id'] === id);
    if (one === undefined) throw notFound(`The ${type.name.toLowerCase()}`, id);
    return { status: 200, body: projection.apply(one) };
  }
  if (query.has('cursor')) throw new ScimError(501, `${type.endpoint} is paged by startIndex and count only.`);
  const text = query.get('filter')?.trim() ?? '';
  const filter = text === '' ? undefined : parseFilter(type, text, note);
  const matching = sorted(
    type,
    filter === undefined ? all : all.filter((r) => matches(filter, r)),
    query.get('sortby'),
  );
  const ordered = query.get('sortorder')?.toLowerCase() === 'descending' ? matching.toReversed() : matching;
  const { offset, limit } = pageOf(query, context.limits);
  const page = ordered.slice(offset, offset + limit).map((r) => projection.apply(r));
  return { status: 200, body: listBody(matching.length, offset + 1, page) };
}

/** By id, or by what the client names; without a value last. */
function sorted(type: ValueType, all: Array<Record<string, unknown>>, sortBy = ''): Array<Record<string, unknown>> {
  if (sortBy.trim() === '') return all;
  const [name = '', ...more] = resourceAttributes(type).leaf(sortBy.trim())?.path ?? [];
  if (more.length > 0) throw badRequest('invalidPath', `${type.endpoint} can't be sorted by ${sortBy}.`);
  const key = (r: Record<string, unknown>): string => (typeof r[name] === 'string' ? `0${foldCase(r[name])}` : '1');
  return all.toSorted((a, b) => (key(a) === key(b) ? 0 : key(a) < key(b) ? -1 : 1));
}

const shown = (type: ValueType, { value, display, type: label }: CarriedValue, base: string) => ({
  schemas: [type.schema.id],
  id: value,
  displayName: display ?? value,
  ...(label === undefined || label === null ? {} : { type: label }),
  meta: { resourceType: type.name, location: `${base}${type.endpoint}/${encodeURIComponent(value)}` },
});

import type { Db } from '../db.ts';
import { compileFilter, type Parameters, sortExpression, sortType, type SortType } from './filter.ts';
import { columns, withMembers } from './read.ts';
import { isLookUp, scopeOf } from './scope.ts';
import type { Found, Position, ResourceKind, SearchQuery, StoredResource } from './types.ts';

type Branch = SearchQuery['branches'][number];

interface Hit {
  readonly key: number;
  readonly kind: ResourceKind;
  readonly value: string | Date | null;
}

/** How much of a text is sorted by: it becomes part of a position. Records that differ behind it count as ties. */
const SORTED_CHARACTERS = 256;

/**
 * Keys come first, from all kinds together in one order, each kind by its own indexes; then the rows of the page.
 * Keys are given in the order of creation and never change, so a position is just a place in that order.
 */
export async function searchResources(db: Db, source: string, query: SearchQuery): Promise<Found> {
  const wanted = query.limit + 1;
  const hits = query.limit === 0 ? [] : await findHits(db, source, query, wanted);
  const shown = hits.slice(0, query.limit);
  const last = hits.length > query.limit ? shown.at(-1) : undefined;
  return {
    total: query.total ?? (await countAll(db, source, query, hits.length, wanted)),
    page: await readRows(db, query.branches, shown),
    next: last === undefined ? undefined : positionOf(last, query),
  };
}

function positionOf({ key, value }: Hit, { branches }: SearchQuery): Position {
  if (branches.every((b) => b.sortBy === undefined)) return { key };
  return { key, value: value instanceof Date ? value.toISOString() : value };
}

async function findHits(db: Db, source: string, query: SearchQuery, wanted: number): Promise<Hit[]> {
  const values: unknown[] = [source];
  const parameters: Parameters = { add: (value, cast) => `$${values.push(value)}::${cast}` };
  const offset = 'offset' in query.from ? query.from.offset : 0;
  const limit = `limit $${values.push(wanted + offset)}`;
  const order = `${sorts(query) ? `value ${query.descending === true ? 'desc' : 'asc'}, ` : ''}key`;
  const parts = query.branches.map((branch) => {
    const own = branchText(branch, query, parameters);
    return `(select key, kind, value from (${own}) b${behind(query, parameters)} order by ${order} ${limit})`;
  });
  return db.rows<Hit>({
    text: `select key, kind, value from (${parts.join('\nunion all\n')}) hit order by ${order}
      limit $${values.push(wanted)} offset $${values.push(offset)}`,
    values,
  });
}

const sorts = ({ branches }: SearchQuery): boolean => branches.some((b) => b.sortBy !== undefined);

/** The one type in which all kinds are sorted: text where an attribute is typed in one of them only. */
function typeOf({ branches }: SearchQuery): SortType {
  const [first = 'text', ...others] = branches.flatMap((b) =>
    b.sortBy === undefined ? [] : [sortType(b.kind, b.sortBy)],
  );
  return others.every((other) => other === first) ? first : 'text';
}

/** The matches of one kind. `+ 0` keeps PostgreSQL from walking all keys in order in search of a single match. */
function branchText(branch: Branch, query: SearchQuery, parameters: Parameters): string {
  const { kind, filter } = branch;
  const key = filter !== undefined && isLookUp(kind, filter) ? '(r.key + 0)' : 'r.key';
  return `select ${key} as key, '${kind}'::text as kind, ${sortValue(branch, query)} as value
    from record r where ${whereOf(branch, parameters)}`;
}

function whereOf({ kind, filter }: Branch, parameters: Parameters): string {
  const scope = scopeOf(kind, filter);
  return filter === undefined ? scope : `${scope} and ${compileFilter(kind, filter, parameters)}`;
}

/** Null for all where the attribute is none of this kind. */
function sortValue({ kind, sortBy }: Branch, query: SearchQuery): string {
  const type = typeOf(query);
  if (type !== 'text') return sortBy === undefined ? `null::${type}` : sortExpression(kind, sortBy);
  if (sortBy === undefined) return `(null::text collate "C")`;
  const value = sortExpression(kind, sortBy);
  return `left(${sortType(kind, sortBy) === 'text' ? value : `(${value})::text collate "C"`}, ${SORTED_CHARACTERS})`;
}

/** Behind the position, in the order of the walk: without a value last when ascending, first when descending. */
function behind(query: SearchQuery, parameters: Parameters): string {
  const after = 'after' in query.from ? query.from.after : undefined;
  if (after === undefined) return '';
  const key = parameters.add(after.key, 'bigint');
  if (!sorts(query)) return ` where key > ${key}`;
  const down = query.descending === true;
  if (after.value == null) {
    return ` where (value is null and key > ${key})${down ? ' or value is not null' : ''}`;
  }
  const value = parameters.add(after.value, typeOf(query));
  return ` where value ${down ? '<' : '>'} ${value} or (value = ${value} and key > ${key})${down ? '' : ' or value is null'}`;
}

async function readRows(db: Db, branches: readonly Branch[], hits: readonly Hit[]): Promise<StoredResource[]> {
  const read = await Promise.all(
    branches.map(async ({ kind, links }) => {
      const keys = hits.filter((hit) => hit.kind === kind).map((hit) => hit.key);
      if (keys.length === 0) return [];
      const rows = await db.rows<StoredResource>({
        name: `resource-rows-${kind}-${links}`,
        text: `select ${columns(kind, links)} from record r where r.key = any($1::bigint[]) and r.gone_at is null`,
        values: [keys],
      });
      return kind === 'group' && links ? withMembers(db, rows) : rows;
    }),
  );
  const byKey = new Map(read.flat().map((row) => [row.key, row]));
  // One that was deleted since its key was found is left out.
  return hits.flatMap(({ key }) => byKey.get(key) ?? []);
}

/** A first page that is not full is all there is; only longer lists are counted. */
async function countAll(db: Db, source: string, query: SearchQuery, found: number, wanted: number): Promise<number> {
  const begins = 'offset' in query.from ? query.from.offset === 0 : query.from.after === undefined;
  if (begins && query.limit > 0 && found < wanted) return found;
  const values: unknown[] = [source];
  const parameters: Parameters = { add: (value, cast) => `$${values.push(value)}::${cast}` };
  const counts = query.branches.map((branch) => `(select count(*) from record r where ${whereOf(branch, parameters)})`);
  const row = await db.row<{ total: number }>({ text: `select (${counts.join(' + ')})::int as total`, values });
  return row?.total ?? 0;
}

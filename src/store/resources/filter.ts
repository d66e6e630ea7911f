import { type Filter, type FilterAttribute, foldCase } from '../../model/filter.ts';
import type { ResourceKind } from './types.ts';

/** Collects the values of a statement; gives the placeholder, cast to its type. */
export interface Parameters {
  add(value: unknown, cast: 'text' | 'numeric' | 'timestamptz' | 'bigint' | 'text[]'): string;
}

type Comparison = Extract<Filter, { type: 'compare' }>;

/**
 * A filter as a condition on `record r`: columns with an index where there is one, else the stored resource. May be
 * null for a record without the attribute, which counts as false; `not` makes it true.
 */
export function compileFilter(kind: ResourceKind, filter: Filter, parameters: Parameters): string {
  return compile(filter, { kind, parameters, base: undefined, depth: 0 });
}

/** What a list is sorted by; null where the attribute is absent. Of several values the primary one, else the first. */
export function sortExpression(kind: ResourceKind, attribute: FilterAttribute): string {
  const column = COLUMNS[kind][attribute.path.join('.')];
  if (column?.at !== undefined) return column.at;
  if (column?.text !== undefined) return ordered(column.text, attribute.caseExact || column.folded === true);
  const { many, path } = attribute;
  if (many === undefined)
    return typed(attribute, 'r.resource', path) ?? ordered(textAt('r.resource', path), attribute.caseExact);
  const list = listAt('r.resource', attribute);
  const value = textAt('e.v', path.slice(many + 1));
  const first = `(select ${value} from jsonb_array_elements(${list}) with ordinality e(v, n)
    order by (e.v -> 'primary') is not distinct from 'true'::jsonb desc, n limit 1)`;
  return ordered(first, attribute.caseExact);
}

export type SortType = 'timestamptz' | 'numeric' | 'text';

/** What `sortExpression` gives; of several values the first one's text. */
export function sortType(kind: ResourceKind, { path, many, type }: FilterAttribute): SortType {
  const column = COLUMNS[kind][path.join('.')];
  if (column?.at !== undefined) return 'timestamptz';
  if (column?.text !== undefined || many !== undefined) return 'text';
  return type === 'number' ? 'numeric' : type === 'dateTime' ? 'timestamptz' : 'text';
}

/** `foldCase` in SQL, for what is not stored folded. */
const fold = (text: string): string => `lower(normalize(${text}))`;

const ordered = (text: string, exact: boolean): string => `${exact ? text : fold(text)} collate "C"`;

interface Scope {
  readonly kind: ResourceKind;
  readonly parameters: Parameters;
  /** Inside a value path: the element; undefined for the record itself. */
  readonly base: string | undefined;
  readonly depth: number;
}

interface Column {
  readonly text?: string;
  /** The column holds `foldCase` of the value. */
  readonly folded?: boolean;
  readonly at?: string;
  readonly flag?: string;
}

// Times are given out in milliseconds, so that is how they are compared.
const TIMES: Readonly<Record<string, Column>> = {
  'meta.created': { at: `date_trunc('milliseconds', r.created_at)` },
  'meta.lastModified': { at: `date_trunc('milliseconds', r.changed_at)` },
};
const COLUMNS: Readonly<Record<ResourceKind, Readonly<Record<string, Column>>>> = {
  user: {
    ...TIMES,
    id: { text: 'r.anchor' },
    externalId: { text: 'r.external_id' },
    userName: { text: 'r.name_key', folded: true },
    active: { flag: 'r.active' },
    'meta.resourceType': { text: `'User'::text` },
  },
  group: {
    ...TIMES,
    id: { text: 'r.anchor' },
    externalId: { text: 'r.external_id' },
    displayName: { text: 'r.name_key', folded: true },
    'meta.resourceType': { text: `'Group'::text` },
  },
};

function compile(filter: Filter, scope: Scope): string {
  switch (filter.type) {
    case 'and':
    case 'or':
      if (filter.filters.length === 0) return String(filter.type === 'and');
      return `(${filter.filters.map((f) => compile(f, scope)).join(` ${filter.type} `)})`;
    case 'not':
      return `((${compile(filter.filter, scope)}) is not true)`;
    case 'present':
      return present(filter.attribute, scope);
    case 'element':
      return element(filter.attribute, filter.filter, scope);
    case 'compare':
      return compare(filter, scope);
  }
}

const isLinks = ({ path }: FilterAttribute, { kind, base }: Scope): boolean =>
  base === undefined && path[0] === (kind === 'user' ? 'groups' : 'members');

function present(attribute: FilterAttribute, scope: Scope): string {
  const { path, many } = attribute;
  if (isLinks(attribute, scope)) return links(scope, path.length > 1 ? linkPresent(path.at(-1), scope) : 'true');
  const column = scope.base === undefined ? COLUMNS[scope.kind][path.join('.')] : undefined;
  if (column !== undefined) return `(${column.text ?? column.at ?? column.flag}::text <> '')`;
  if (path.length === 1 && path[0] === 'meta') return 'true';
  if (many !== undefined && path.length > many + 1) {
    return overElements(attribute, scope, (v) => notEmpty(v, path.slice(many + 1)));
  }
  return notEmpty(scope.base ?? 'r.resource', path);
}

const notEmpty = (base: string, path: readonly string[]): string => `(${textAt(base, path)} <> '')`;

function element(attribute: FilterAttribute, inner: Filter, scope: Scope): string {
  if (isLinks(attribute, scope)) {
    const single = inner.type === 'compare' ? linkedTo(inner, scope) : undefined;
    return single ?? links(scope, linkCondition(inner, scope));
  }
  const keys = attribute.path[0] === 'emails' ? requiredEmail(inner) : undefined;
  const found = overElements(attribute, scope, (v) => compile(inner, { ...scope, base: v, depth: scope.depth + 1 }));
  return keys === undefined ? found : `(${hasEmail(keys, scope)} and ${found})`;
}

function overElements(attribute: FilterAttribute, scope: Scope, condition: (element: string) => string): string {
  const list = listAt(scope.base ?? 'r.resource', attribute);
  const name = `e${scope.depth}`;
  return `exists (select 1 from jsonb_array_elements(${list}) ${name}(v) where ${condition(`${name}.v`)})`;
}

/** An address that every match has: lets the index on addresses find the few records that can match. */
function requiredEmail(filter: Filter): string | undefined {
  if (filter.type === 'and') return filter.filters.map(requiredEmail).find((f) => f !== undefined);
  if (filter.type !== 'compare' || filter.op !== 'eq' || filter.attribute.path[0] !== 'value') return undefined;
  return filter.value === '' ? undefined : String(filter.value);
}

const hasEmail = (email: string, { parameters }: Scope): string =>
  `r.email_keys @> ${parameters.add([foldCase(email)], 'text[]')}`;

function compare(comparison: Comparison, scope: Scope): string {
  const { attribute, op, value } = comparison;
  const { path, many } = attribute;
  if (isLinks(attribute, scope)) return linkedTo(comparison, scope) ?? links(scope, linkCompare(comparison, scope));
  if (scope.base === undefined && path.join('.') === 'emails.value' && op === 'eq' && value !== '') {
    return hasEmail(String(value), scope);
  }
  const column = scope.base === undefined ? COLUMNS[scope.kind][path.join('.')] : undefined;
  if (column?.flag !== undefined) return value === true ? column.flag : `not ${column.flag}`;
  if (column?.at !== undefined) return `${column.at} ${SIGNS[op]} ${scope.parameters.add(value, 'timestamptz')}`;
  if (column?.text !== undefined) return compareText(column.text, comparison, scope, column.folded === true);
  if (many !== undefined && scope.base === undefined) {
    return overElements(attribute, scope, (v) => compareAt(v, path.slice(many + 1), comparison, scope));
  }
  return compareAt(scope.base ?? 'r.resource', path, comparison, scope);
}

function compareAt(base: string, path: readonly string[], comparison: Comparison, scope: Scope): string {
  const value = typed(comparison.attribute, base, path);
  if (value === undefined) return compareText(textAt(base, path), comparison, scope);
  const cast = comparison.attribute.type === 'number' ? 'numeric' : 'timestamptz';
  return `${value} ${SIGNS[comparison.op]} ${scope.parameters.add(comparison.value, cast)}`;
}

/**
 * A number or a time in the resource as such; null where what is stored is none: it may be older than the declaration
 * that says so. Undefined for other types.
 */
function typed({ type }: FilterAttribute, base: string, path: readonly string[]): string | undefined {
  const text = textAt(base, path);
  if (type === 'number') {
    return `(case when jsonb_typeof(${path.length === 0 ? base : jsonAt(base, path)}) = 'number' then ${text}::numeric end)`;
  }
  if (type !== 'dateTime') return undefined;
  const lastDay = `extract(day from (substr(${text}, 1, 7) || '-01')::date + interval '1 month' - interval '1 day')`;
  return `(case when ${text} ~ '${TIME}' then
    case when substr(${text}, 9, 2)::int <= ${lastDay} then ${text}::timestamptz end end)`;
}

/** The form in which times are stored; whether the month has the day is for `typed` to see. */
const TIME =
  '^(?!0000)\\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\\d|3[01])T([01]\\d|2[0-3]):[0-5]\\d:[0-5]\\d(\\.\\d{1,9})?(Z|[+-](0\\d|1[0-4]):[0-5]\\d)$';

const SIGNS: Readonly<Record<Comparison['op'], string>> = {
  eq: '=',
  gt: '>',
  ge: '>=',
  lt: '<',
  le: '<=',
  co: '=',
  sw: '=',
  ew: '=',
};

/** `folded`: the text is in the form of `foldCase` already, as the value then has to be. */
function compareText(text: string, { attribute, op, value }: Comparison, scope: Scope, folded = false): string {
  if (typeof value !== 'string') return `${text} = '${value === true}'`;
  const bySql = !attribute.caseExact && !folded;
  const left = bySql ? fold(text) : text;
  const given = scope.parameters.add(folded ? foldCase(value) : value, 'text');
  // Both sides by the same function: PostgreSQL and JavaScript differ about a few letters (a final sigma, say).
  const placeholder = bySql ? fold(given) : given;
  switch (op) {
    case 'eq':
      return `${left} = ${placeholder}`;
    case 'co':
      return `strpos(${left}, ${placeholder}) > 0`;
    case 'sw':
      return `starts_with(${left}, ${placeholder})`;
    case 'ew':
      return `right(${left}, length(${placeholder})) = ${placeholder}`;
    default:
      return `(${left} collate "C") ${SIGNS[op]} ${placeholder}`;
  }
}

/** `members eq "id"`: one look-up of the id and one of the membership, not a walk through the members. */
function linkedTo({ attribute, op, value }: Comparison, { kind, parameters }: Scope): string | undefined {
  if (op !== 'eq' || attribute.path.at(-1) !== 'value') return undefined;
  const [own, other] = LINK_KEYS[kind];
  return `exists (select 1 from membership m where m.${own} = r.key and m.${other} = (select l.key from record l
    where l.source = $1 and l.anchor = ${parameters.add(value, 'text')} and coalesce(l.gone_at, 'infinity') = 'infinity'))`;
}

const LINK_KEYS = { user: ['member_key', 'group_key'], group: ['group_key', 'member_key'] } as const;

/**
 * Some group of the user, or some member of the group (`l`), fulfils the condition. The links are looked through once for
 * the whole query and remembered: `is true` keeps PostgreSQL from making a join of it, which in a database without
 * statistics looks through all records again for each of them.
 */
function links({ kind }: Scope, condition: string): string {
  const [own, other] = LINK_KEYS[kind];
  return `(r.key in (select m.${own} from membership m join record l on l.key = m.${other} and l.gone_at is null
    where l.source = $1 and ${condition})) is true`;
}

/** What `value`, `display`, `type` and `$ref` of a link are made of; addresses can't be searched for. */
function linkText(sub: string | undefined, { kind }: Scope): string {
  if (sub === 'value') return 'l.anchor';
  if (sub === 'display') return 'coalesce(l.display_name, l.user_name)';
  if (sub === 'type') return kind === 'user' ? `'direct'::text` : 'initcap(l.kind)';
  return 'null::text';
}

const linkPresent = (sub: string | undefined, scope: Scope): string => `${linkText(sub, scope)} <> ''`;

const linkCompare = (comparison: Comparison, scope: Scope): string =>
  compareText(linkText(comparison.attribute.path.at(-1), scope), comparison, scope);

function linkCondition(filter: Filter, scope: Scope): string {
  switch (filter.type) {
    case 'and':
    case 'or':
      if (filter.filters.length === 0) return String(filter.type === 'and');
      return `(${filter.filters.map((f) => linkCondition(f, scope)).join(` ${filter.type} `)})`;
    case 'not':
      return `((${linkCondition(filter.filter, scope)}) is not true)`;
    case 'present':
      return linkPresent(filter.attribute.path.at(-1), scope);
    case 'compare':
      return linkCompare(filter, scope);
    case 'element':
      return 'false';
  }
}

/** The array that an attribute's values stand in. What is stored by an older declaration of a schema may be none. */
function listAt(base: string, { path, many = 0 }: FilterAttribute): string {
  const list = jsonAt(base, path.slice(0, many + 1));
  return path[0]?.startsWith('urn:') === true ? `case when jsonb_typeof(${list}) = 'array' then ${list} end` : list;
}

const quote = (key: string): string => `'${key.replaceAll("'", "''")}'`;
const jsonAt = (base: string, path: readonly string[]): string => [base, ...path.map(quote)].join(' -> ');

/** The text at a path; keys come from the schema, never from a client. */
function textAt(base: string, path: readonly string[]): string {
  if (path.length === 0) return `(${base} #>> '{}')`;
  const before = path.slice(0, -1);
  return `(${jsonAt(base, before)} ->> ${quote(path.at(-1) ?? '')})`;
}

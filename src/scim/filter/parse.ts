import type { CompareOp, Filter, FilterAttribute } from '../../model/filter.ts';
import { badRequest, shorten } from '../errors.ts';
import { noNote, type Note } from '../irregular.ts';
import type { Shape } from '../schema/types.ts';
import { type Attributes, filterValue, resourceAttributes } from './attributes.ts';
import { type Token, tokenize } from './tokens.ts';

/** How deep parentheses, `not` and value paths may nest, and how many comparisons there may be. */
export const MAX_FILTER_DEPTH = 16;
export const MAX_FILTER_TERMS = 100;

/**
 * Reads a filter on a resource type, `others` being the types that are searched at the same time. Linear in its length;
 * throws 400 invalidFilter that says where it stops.
 */
export function parseFilter(type: Shape, filter: string, note: Note = noNote, others: readonly Shape[] = []): Filter {
  return parseWith(resourceAttributes(type, others), tokenize(filter), note);
}

/** Reads the filter of a value path (`type eq "work"`), whose attributes are those of one element. */
export function parseWith(attributes: Attributes, tokens: readonly Token[], note: Note = noNote): Filter {
  const state: State = { tokens, next: 0, terms: 0, note };
  const result = anyOf(state, attributes, 0);
  const rest = state.tokens[state.next];
  if (rest !== undefined) throw unexpected(rest, 'and, or, or the end');
  return result;
}

interface State {
  readonly tokens: readonly Token[];
  next: number;
  terms: number;
  readonly note: Note;
}

/** What is never so: an attribute that this resource type does not have. */
const NEVER: Filter = { type: 'or', filters: [] };

const whereKnown = <A>(attribute: A | undefined, condition: (attribute: A) => Filter): Filter =>
  attribute === undefined ? NEVER : condition(attribute);

const OPERATORS = new Set(['eq', 'ne', 'co', 'sw', 'ew', 'gt', 'ge', 'lt', 'le']);

function unexpected(token: Token | undefined, wanted: string): Error {
  if (token === undefined) return badRequest('invalidFilter', `The filter ends where ${wanted} should follow.`);
  return badRequest(
    'invalidFilter',
    `Character ${token.at + 1} of the filter: ${shorten(token.text)} where ${wanted} should stand.`,
  );
}

const keyword = (state: State, word: string): boolean => {
  const token = state.tokens[state.next];
  if (token?.type !== 'word' || token.text.toLowerCase() !== word) return false;
  state.next++;
  return true;
};

function expect(state: State, type: Token['type'], wanted: string): Token {
  const token = state.tokens[state.next];
  if (token?.type !== type) throw unexpected(token, wanted);
  state.next++;
  return token;
}

function anyOf(state: State, attributes: Attributes, depth: number): Filter {
  const filters = [allOf(state, attributes, depth)];
  while (keyword(state, 'or')) filters.push(allOf(state, attributes, depth));
  return filters.length === 1 ? (filters[0] as Filter) : { type: 'or', filters };
}

function allOf(state: State, attributes: Attributes, depth: number): Filter {
  const filters = [term(state, attributes, depth)];
  while (keyword(state, 'and')) filters.push(term(state, attributes, depth));
  return filters.length === 1 ? (filters[0] as Filter) : { type: 'and', filters };
}

function term(state: State, attributes: Attributes, depth: number): Filter {
  if (depth > MAX_FILTER_DEPTH) {
    throw badRequest('invalidFilter', `The filter nests deeper than ${MAX_FILTER_DEPTH} levels.`);
  }
  const token = state.tokens[state.next];
  if (token?.type === '(') {
    state.next++;
    const inner = anyOf(state, attributes, depth + 1);
    expect(state, ')', 'a closing parenthesis');
    return inner;
  }
  if (token?.type === 'word' && token.text.toLowerCase() === 'not' && state.tokens[state.next + 1]?.type === '(') {
    state.next++;
    return { type: 'not', filter: term(state, attributes, depth + 1) };
  }
  return comparison(state, attributes, depth);
}

function comparison(state: State, attributes: Attributes, depth: number): Filter {
  if (++state.terms > MAX_FILTER_TERMS) {
    throw badRequest('invalidFilter', `The filter has more than ${MAX_FILTER_TERMS} comparisons.`);
  }
  const name = expect(state, 'word', 'an attribute name');
  if (state.tokens[state.next]?.type === '[') return valuePath(state, attributes, name.text, depth);
  const op = operator(state);
  if (op === 'pr') return present(attributes, name.text);
  return compare(state, attributes.leaf(name.text), op);
}

function operator(state: State): string {
  const token = state.tokens[state.next];
  const op = token?.type === 'word' ? token.text.toLowerCase() : '';
  if (token === undefined || (op !== 'pr' && !OPERATORS.has(op))) {
    throw unexpected(token, 'an operator (eq, ne, co, sw, ew, gt, ge, lt, le, pr)');
  }
  state.next++;
  return op;
}

/** `emails[type eq "work"]`, or `emails[type eq "work"].value eq "x"` as Entra ID writes it: on one same element. */
function valuePath(state: State, attributes: Attributes, name: string, depth: number): Filter {
  const { attribute, inside } = attributes.element(name);
  expect(state, '[', 'an opening bracket');
  const filter = anyOf(state, inside, depth + 1);
  expect(state, ']', 'a closing bracket');
  const on = (condition: Filter): Filter =>
    whereKnown(attribute, (known) => ({ type: 'element', attribute: known, filter: condition }));
  if (state.tokens[state.next]?.type !== '.') return on(filter);
  state.next++;
  const sub = expect(state, 'word', 'a sub-attribute');
  const op = operator(state);
  const condition = op === 'pr' ? present(inside, sub.text) : compare(state, inside.leaf(sub.text), op);
  return on({ type: 'and', filters: [filter, condition] });
}

const present = (attributes: Attributes, name: string): Filter =>
  whereKnown(attributes.present(name), (attribute) => ({ type: 'present', attribute }));

function compare(state: State, attribute: FilterAttribute | undefined, op: string): Filter {
  const token = state.tokens[state.next];
  if (token?.type !== 'string' && token?.type !== 'word') throw unexpected(token, 'a value');
  state.next++;
  if (attribute === undefined) {
    const isNull = token.type === 'word' && token.text.toLowerCase() === 'null';
    return (op === 'ne') === isNull ? NEVER : { type: 'not', filter: NEVER };
  }
  const value = filterValue(attribute, op, token.text, token.type === 'string', state.note);
  if (value === null) {
    const present: Filter = { type: 'present', attribute };
    return op === 'ne' ? present : { type: 'not', filter: present };
  }
  if (op !== 'ne') return { type: 'compare', attribute, op: op as CompareOp, value };
  return { type: 'not', filter: { type: 'compare', attribute, op: 'eq', value } };
}

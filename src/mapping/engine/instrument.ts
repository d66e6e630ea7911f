import type { AttributeDeclaration, AttributeType } from '../../model/attributes.ts';
import type { AttributeRead, ExpressionInput } from '../../model/rules.ts';
import { RULE_FUNCTIONS } from '../functions/index.ts';
import { bounded, paidFor } from './bounds.ts';
import {
  asCall,
  attributeRead,
  type CelEvaluator,
  type CelNode,
  children,
  COMPREHENSIONS,
  isUser,
  readText,
  textLiteral,
} from './nodes.ts';
import { isNone, NONE, toCel, Unknown } from './values.ts';

/** What the nodes of an expression read while it is evaluated. Evaluation is synchronous, so one slot is enough. */
export interface Slot {
  input: ExpressionInput | undefined;
  /** What loops may still cost. */
  steps: number;
}

type Evaluate = CelNode['evaluate'];
type Attributes = ReadonlyMap<string, AttributeDeclaration>;

const COMPARISONS = new Set(['==', '!=', '<', '<=', '>', '>=', 'in']);
const FUNCTIONS = new Map(RULE_FUNCTIONS.map((f) => [f.name, f]));

/**
 * Gives a type-checked tree our meaning of missing values. CEL knows only values and errors; here
 * - reading what was not delivered throws `Unknown` (an error to CEL, so `&&` and `||` absorb it);
 * - reading what was delivered empty throws `NONE`, which ends at the nearest comparison, method with a bool result,
 *   operand of a logical operator or condition: that is false.
 */
export function instrument(root: CelNode, attributes: Attributes, slot: Slot): void {
  const visit = (node: CelNode): void => {
    const read = attributeRead(node);
    if (read !== undefined) {
      node.evaluate = readAttribute(read, attributes, slot);
      return;
    }
    const call = asCall(node);
    if (call?.name === 'has') {
      node.evaluate = hasAttribute(attributeRead(call.args[0] as CelNode) ?? { name: '' }, attributes, slot);
      return;
    }
    if (call?.receiver !== undefined && isUser(call.receiver)) {
      node.evaluate = personFunction(call.name, call.args, slot);
      return;
    }
    for (const child of children(node)) visit(child);
    const own = ownFunction(node) ?? (node.op === '[]' ? indexOf(node) : undefined);
    if (own !== undefined) node.evaluate = own;
    if (growing(node)) node.evaluate = kept(original(node));
    if (call?.receiver !== undefined && COMPREHENSIONS.has(call.name)) {
      call.receiver.evaluate = paidFor(original(call.receiver), slot);
    }
    if (COMPARISONS.has(node.op) || (call !== undefined && isBool(node))) {
      const usual = node.op === 'in' ? membership(node) : original(node);
      const reads = certainReads(node).filter((r) => attributes.get(r.name)?.type !== 'list<string>');
      node.evaluate = noneIsFalse(
        node,
        usual,
        reads.map((read) => lookUp(read, attributes, slot)),
      );
    }
    for (const operand of conditions(node)) operand.evaluate = noneIsFalse(operand, original(operand));
  };
  visit(root);
  if (isBool(root)) root.evaluate = noneIsFalse(root, original(root));
}

/** `+` of texts and lists, and `join`: what can grow with each use. */
const growing = (node: CelNode): boolean =>
  (node.op === '+' && (node.checkedType?.name === 'string' || node.checkedType?.kind === 'list')) ||
  asCall(node)?.name === 'join';

const kept =
  (usual: Evaluate): Evaluate =>
  (ev, node, ctx) =>
    bounded(usual(ev, node, ctx));

const isBool = (node: CelNode): boolean => node.checkedType?.name === 'bool';

/** The node's evaluation as it is now: ours if it was given one, else what the library would choose. */
function original(node: CelNode): Evaluate {
  if (Object.hasOwn(node, 'evaluate')) return node.evaluate;
  const { alternate, macro, evaluate } = node.meta;
  if (alternate !== undefined) return (ev, _node, ctx) => alternate.evaluate(ev, alternate, ctx);
  if (macro !== undefined) return (ev, _node, ctx) => macro.evaluate(ev, macro, ctx);
  return (ev, _node, ctx) => evaluate(ev, node, ctx);
}

const NOT_DELIVERED = Symbol('not delivered');

/** How an attribute is looked up: its value, or that it was not delivered. Makes no object: this is the hot path. */
function lookUp({ name, source }: AttributeRead, attributes: Attributes, slot: Slot): () => unknown {
  const onlySaid = attributes.get(name)?.onlySaid === true;
  if (source === undefined) {
    return () => {
      const input = slot.input;
      return input?.covers.has(name) === true ? input.user[name] : NOT_DELIVERED;
    };
  }
  return () => {
    if (slot.input?.from === undefined) return NOT_DELIVERED;
    const said = slot.input.from(source);
    if (said === undefined) return undefined;
    const covered = said.covers?.has(name) ?? (!onlySaid || name in said.user);
    return covered ? said.user[name] : NOT_DELIVERED;
  };
}

/** One error for all evaluations, made when it is first needed: its stack costs more than many evaluations. */
function failing(message: () => string): () => Unknown {
  let made: Unknown | undefined;
  return () => (made ??= new Unknown(message()));
}

function readAttribute(read: AttributeRead, attributes: Attributes, slot: Slot): Evaluate {
  const type: AttributeType = attributes.get(read.name)?.type ?? 'string';
  const unknown = failing(() => `${readText(read)} was not delivered`);
  const mistyped = failing(() => `${readText(read)} was not delivered as ${type}`);
  const look = lookUp(read, attributes, slot);
  return () => {
    const found = look();
    if (found === NOT_DELIVERED) throw unknown();
    if (isNone(found)) {
      if (type === 'list<string>') return [];
      throw NONE;
    }
    const converted = toCel(found, type);
    if (converted === undefined) throw mistyped();
    return converted;
  };
}

function hasAttribute(read: AttributeRead, attributes: Attributes, slot: Slot): Evaluate {
  const unknown = failing(() => `${readText(read)} was not delivered`);
  const look = lookUp(read, attributes, slot);
  return () => {
    const found = look();
    if (found === NOT_DELIVERED) throw unknown();
    return !isNone(found) && !(Array.isArray(found) && found.length === 0);
  };
}

function personFunction(name: string, args: readonly CelNode[], slot: Slot): Evaluate {
  const own = FUNCTIONS.get(name);
  const given = args.map((arg) => textLiteral(arg) ?? '');
  return () => {
    if (own === undefined || !('of' in own) || slot.input === undefined) throw new Unknown(`user.${name} is not known`);
    return own.of(slot.input, ...given);
  };
}

/** An element of an empty list is none, as the list is. Any other index out of range stays an error. */
function indexOf(node: CelNode): Evaluate | undefined {
  const [left] = node.args as [CelNode, CelNode];
  if (left.checkedType?.kind !== 'list') return undefined;
  const usual = original(node);
  return (ev, self, ctx) => {
    const list = ev.run(left, ctx);
    if (Array.isArray(list) && list.length === 0) throw NONE;
    return usual(ev, self, ctx);
  };
}

function ownFunction(node: CelNode): Evaluate | undefined {
  const call = asCall(node);
  const receiver = call?.receiver;
  const own = call === undefined ? undefined : FUNCTIONS.get(call.name);
  if (call === undefined || receiver === undefined || own === undefined || 'of' in own) return undefined;
  const give = (value: unknown): unknown => {
    if (value === undefined) throw NONE;
    return bounded(value);
  };
  if ('compile' in own) {
    const run = own.compile(textLiteral(call.args[0]) ?? '');
    return (ev, _node, ctx) => give(run(ev.run(receiver, ctx) as string));
  }
  return (ev, _node, ctx) => {
    const value = ev.run(receiver, ctx) as string | Date;
    return give(own.call(value, ...call.args.map((a) => ev.run(a, ctx) as string | Date)));
  };
}

/** `x in [a, b]` with the elements one by one, so that an element that is none does not hide the others. */
function membership(node: CelNode): Evaluate {
  const [left, right] = node.args as [CelNode, CelNode];
  const usual = original(node);
  if (right.op !== 'list' || children(right).every((e) => e.op === 'value')) return usual;
  const elements = children(right);
  return (ev, _node, ctx) => {
    const wanted = ev.run(left, ctx);
    let failed: unknown;
    for (const element of elements) {
      try {
        if (same(ev.run(element, ctx), wanted)) return true;
      } catch (error) {
        if (!comesToNone(element, ev, ctx)) failed ??= error;
      }
    }
    if (failed !== undefined) throw failed;
    return false;
  };
}

function same(a: unknown, b: unknown): boolean {
  if (a instanceof Date && b instanceof Date) return a.getTime() === b.getTime();
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((v, i) => same(v, b[i]));
  return a === b;
}

/** Attributes that are read whatever happens: looked at first, so that none costs no throw. */
function certainReads(node: CelNode): AttributeRead[] {
  const read = attributeRead(node);
  if (read !== undefined) return [read];
  return isBool(node) && !COMPARISONS.has(node.op) && asCall(node) === undefined
    ? []
    : strictParts(node).flatMap((c) => (isBool(c) && c.op !== '.' ? [] : certainReads(c)));
}

const STRICT = new Set([...COMPARISONS, '+', '-', '*', '/', '%', '!_', '-_', '[]']);

/** Operands without which the node has no value: one that is none makes the whole none. */
function strictParts(node: CelNode): readonly CelNode[] {
  if (node.op === 'in') return children(node).slice(0, 1);
  if (STRICT.has(node.op)) return children(node);
  const call = asCall(node);
  if (call === undefined || call.name === 'has' || call.name === 'bind') return [];
  if (call.receiver !== undefined && (COMPREHENSIONS.has(call.name) || isUser(call.receiver))) {
    return isUser(call.receiver) ? [] : [call.receiver];
  }
  return call.receiver === undefined ? call.args : [call.receiver, ...call.args];
}

/** Is this none, whatever else in it is unknown? Asked only after something failed. */
function comesToNone(node: CelNode, ev: CelEvaluator, ctx: unknown): boolean {
  try {
    ev.run(node, ctx);
    return false;
  } catch (error) {
    if (error === NONE) return true;
  }
  if (node.op !== '?:') return strictParts(node).some((part) => comesToNone(part, ev, ctx));
  const [condition, yes, no] = children(node) as [CelNode, CelNode, CelNode];
  try {
    return comesToNone(ev.run(condition, ctx) === true ? yes : no, ev, ctx);
  } catch {
    return false;
  }
}

function noneIsFalse(node: CelNode, usual: Evaluate, looks: ReadonlyArray<() => unknown> = []): Evaluate {
  return (ev: CelEvaluator, self, ctx) => {
    for (const look of looks) {
      if (isNone(look())) return false;
    }
    try {
      return usual(ev, self, ctx);
    } catch (error) {
      if (error === NONE || strictParts(node).some((part) => comesToNone(part, ev, ctx))) return false;
      throw error;
    }
  };
}

/** Operands that decide: of `&&`, `||` and `?:`, and the predicates of loops. */
function conditions(node: CelNode): CelNode[] {
  if (node.op === '&&' || node.op === '||') return children(node);
  if (node.op === '?:') return children(node).slice(0, 1);
  const call = asCall(node);
  if (call?.receiver === undefined) return [];
  const predicate = call.args[1];
  if (predicate === undefined) return [];
  const two = call.name === 'all' || call.name === 'exists' || call.name === 'exists_one' || call.name === 'filter';
  return two || (call.name === 'map' && call.args.length === 3) ? [predicate] : [];
}

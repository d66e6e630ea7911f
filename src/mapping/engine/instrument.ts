import type { AttributeType } from '../../model/attributes.ts';
import type { ExpressionInput } from '../../model/rules.ts';
import { RULE_FUNCTIONS } from '../functions/index.ts';
import { asCall, attributeRead, type CelEvaluator, type CelNode, children } from './nodes.ts';
import { isNone, NONE, toCel, Unknown } from './values.ts';

/** What the nodes of an expression read while it is evaluated. Evaluation is synchronous, so one slot is enough. */
export interface Slot {
  input: ExpressionInput | undefined;
}

type Evaluate = CelNode['evaluate'];

const COMPARISONS = new Set(['==', '!=', '<', '<=', '>', '>=', 'in']);
const FUNCTIONS = new Map(RULE_FUNCTIONS.map((f) => [f.name, f]));

/**
 * Gives a type-checked tree our meaning of missing values. CEL knows only values and errors; here
 * - reading what was not delivered throws `Unknown` (an error to CEL, so `&&` and `||` absorb it);
 * - reading what was delivered empty throws `NONE`, which ends at the nearest comparison, method with a bool result,
 *   operand of a logical operator or condition: that is false.
 */
export function instrument(root: CelNode, types: ReadonlyMap<string, AttributeType>, slot: Slot): void {
  const visit = (node: CelNode): void => {
    const name = attributeRead(node);
    if (name !== undefined) {
      node.evaluate = readAttribute(name, types.get(name) ?? 'string', slot);
      return;
    }
    const call = asCall(node);
    if (call?.name === 'has') {
      node.evaluate = hasAttribute(attributeRead(call.args[0] as CelNode) ?? '', slot);
      return;
    }
    for (const child of children(node)) visit(child);
    const own = ownFunction(node) ?? (node.op === '[]' ? indexOf(node) : undefined);
    if (own !== undefined) node.evaluate = own;
    if (COMPARISONS.has(node.op) || (call !== undefined && isBool(node))) {
      node.evaluate = noneIsFalse(
        node.op === 'in' ? membership(node) : original(node),
        certainReads(node).filter((n) => types.get(n) !== 'list<string>'),
        slot,
      );
    }
    for (const operand of conditions(node)) operand.evaluate = noneIsFalse(original(operand), [], slot);
  };
  visit(root);
  if (isBool(root)) root.evaluate = noneIsFalse(original(root), [], slot);
}

const isBool = (node: CelNode): boolean => node.checkedType?.name === 'bool';

/** The node's evaluation as it is now: ours if it was given one, else what the library would choose. */
function original(node: CelNode): Evaluate {
  if (Object.hasOwn(node, 'evaluate')) return node.evaluate;
  const { alternate, macro, evaluate } = node.meta;
  if (alternate !== undefined) return (ev, _node, ctx) => alternate.evaluate(ev, alternate, ctx);
  if (macro !== undefined) return (ev, _node, ctx) => macro.evaluate(ev, macro, ctx);
  return (ev, _node, ctx) => evaluate(ev, node, ctx);
}

function readAttribute(name: string, type: AttributeType, slot: Slot): Evaluate {
  const unknown = new Unknown(`user.${name} was not delivered`);
  const mistyped = new Unknown(`user.${name} was not delivered as ${type}`);
  return () => {
    const input = slot.input;
    if (input === undefined || !input.covers.has(name)) throw unknown;
    const value = input.user[name];
    if (isNone(value)) {
      if (type === 'list<string>') return [];
      throw NONE;
    }
    const converted = toCel(value, type);
    if (converted === undefined) throw mistyped;
    return converted;
  };
}

function hasAttribute(name: string, slot: Slot): Evaluate {
  const unknown = new Unknown(`user.${name} was not delivered`);
  return () => {
    const input = slot.input;
    if (input === undefined || !input.covers.has(name)) throw unknown;
    const value = input.user[name];
    return !isNone(value) && !(Array.isArray(value) && value.length === 0);
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
  if (call === undefined || receiver === undefined || own === undefined) return undefined;
  const give = (value: unknown): unknown => {
    if (value === undefined) throw NONE;
    return value;
  };
  if ('compile' in own) {
    const run = own.compile(String(call.args[0]?.args));
    return (ev, _node, ctx) => give(run(ev.run(receiver, ctx) as string));
  }
  return (ev, _node, ctx) => {
    const text = ev.run(receiver, ctx) as string;
    return give(own.call(text, ...call.args.map((a) => ev.run(a, ctx) as string)));
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
        if (error !== NONE) failed ??= error;
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
function certainReads(node: CelNode): string[] {
  const name = attributeRead(node);
  if (name !== undefined) return [name];
  if (node.op === '?:' || node.op === '&&' || node.op === '||' || node.op === 'list' || node.op === 'map') return [];
  const call = asCall(node);
  if (call !== undefined) return call.receiver === undefined ? [] : certainReads(call.receiver);
  if (!COMPARISONS.has(node.op) && node.op !== '+') return [];
  return children(node).flatMap((c) => (isBool(c) && c.op !== '.' ? [] : certainReads(c)));
}

function noneIsFalse(usual: Evaluate, reads: readonly string[], slot: Slot): Evaluate {
  return (ev: CelEvaluator, node, ctx) => {
    for (const name of reads) {
      const input = slot.input;
      if (input !== undefined && input.covers.has(name)) {
        if (isNone(input.user[name])) return false;
      }
    }
    try {
      return usual(ev, node, ctx);
    } catch (error) {
      if (error === NONE) return false;
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

import type { CelEvaluator, CelNode } from './nodes.ts';

/** Elements that the loops of one evaluation may go through, all together. */
export const MAX_STEPS = 100_000;
/** Longest text (characters) and longest list (elements) that an expression may put together. */
export const MAX_TEXT = 65_536;
export const MAX_LIST = 100_000;

/** Thrown where an evaluation would cost too much. To CEL it is an error like any other. */
export class TooMuch extends Error {}
const TOO_LONG = new TooMuch('a text or list grows too long');
const TOO_MANY = new TooMuch(`its loops take more than ${MAX_STEPS} steps`);

/** The value, unless it has grown beyond bounds. */
export function bounded<T>(value: T): T {
  if (typeof value === 'string' ? value.length > MAX_TEXT : Array.isArray(value) && value.length > MAX_LIST) {
    throw TOO_LONG;
  }
  return value;
}

/**
 * The list that a loop goes through, paid for before it begins: once the steps are used up no further loop starts, so
 * that an error absorbed by an outer loop costs no more.
 */
export function paidFor(
  usual: CelNode['evaluate'],
  budget: { steps: number },
): (ev: CelEvaluator, node: CelNode, ctx: unknown) => unknown {
  return (ev, node, ctx) => {
    const list = usual(ev, node, ctx);
    if (Array.isArray(list) && (budget.steps -= list.length) < 0) throw TOO_MANY;
    return list;
  };
}

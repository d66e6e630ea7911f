import { isObject } from '../values.ts';
import type { BulkOperation } from './parse.ts';

const PREFIX = 'bulkId:';

/** `value eq "bulkId:…"` in the path of a PATCH operation. */
const IN_PATH = /"bulkId:([^"\\]+)"/g;

/** Makes of a bulkId what it stands for; undefined where it is none of this request, and stays as it is. */
export type Resolve = (bulkId: string) => string | undefined;

const refersTo = (text: string): string | undefined =>
  text.startsWith(PREFIX) ? text.slice(PREFIX.length) : undefined;

/** The value with every text `bulkId:X` replaced. Bodies nest to a bounded depth, so recursion is bounded too. */
export function resolved(value: unknown, resolve: Resolve): unknown {
  if (typeof value === 'string') return resolvedText(value, resolve);
  if (Array.isArray(value)) return value.map((v) => resolved(v, resolve));
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [
      key,
      key.toLowerCase() === 'path' && typeof inner === 'string'
        ? inner.replace(IN_PATH, (whole, id: string) => JSON.stringify(resolve(id) ?? whole.slice(1, -1)))
        : resolved(inner, resolve),
    ]),
  );
}

function resolvedText(text: string, resolve: Resolve): string {
  const bulkId = refersTo(text);
  return (bulkId === undefined ? undefined : resolve(bulkId)) ?? text;
}

/** The operations of the request that one refers to, in its path or its data. */
export function referencesOf(operation: BulkOperation, byBulkId: ReadonlyMap<string, BulkOperation>): BulkOperation[] {
  const found = new Set<BulkOperation>();
  const note: Resolve = (bulkId) => {
    const other = byBulkId.get(bulkId);
    if (other !== undefined) found.add(other);
    return undefined;
  };
  if (operation.id !== undefined) resolvedText(operation.id, note);
  resolved(operation.data, note);
  return [...found];
}

/**
 * Operations in the order in which they can be done: each by itself after those that it refers to, and those that refer
 * to each other together (the strongly connected components, by Tarjan). Otherwise the order of the request.
 */
export function inOrder(operations: readonly BulkOperation[]): BulkOperation[][] {
  const byBulkId = new Map(operations.flatMap((o) => (o.bulkId === undefined ? [] : [[o.bulkId, o] as const])));
  const groups: BulkOperation[][] = [];
  const numbers = new Map<BulkOperation, { number: number; low: number; open: boolean }>();
  const stack: BulkOperation[] = [];
  /** Depth-first with a stack of its own: a chain of references may be as long as the request. */
  for (const start of operations) {
    if (numbers.has(start)) continue;
    const walk = [enter(start)];
    while (walk.length > 0) {
      const frame = walk.at(-1) as Frame;
      const next = frame.references.pop();
      if (next === undefined) {
        walk.pop();
        leave(frame);
        const above = walk.at(-1);
        if (above !== undefined) above.mark.low = Math.min(above.mark.low, frame.mark.low);
      } else {
        const seen = numbers.get(next);
        if (seen === undefined) walk.push(enter(next));
        else if (seen.open) frame.mark.low = Math.min(frame.mark.low, seen.number);
      }
    }
  }
  return groups;

  function enter(operation: BulkOperation): Frame {
    const mark = { number: numbers.size, low: numbers.size, open: true };
    numbers.set(operation, mark);
    stack.push(operation);
    return { operation, mark, references: referencesOf(operation, byBulkId).toReversed() };
  }

  function leave({ operation, mark }: Frame): void {
    if (mark.low !== mark.number) return;
    const group = stack.splice(stack.indexOf(operation));
    for (const one of group) (numbers.get(one) as { open: boolean }).open = false;
    groups.push(group.toSorted((a, b) => a.index - b.index));
  }
}

interface Frame {
  readonly operation: BulkOperation;
  readonly mark: { number: number; low: number; open: boolean };
  readonly references: BulkOperation[];
}

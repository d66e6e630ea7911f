import type { AttributeRead } from '../../model/rules.ts';

/**
 * The syntax tree of @marcbachmann/cel-js 8.0.0 as far as we use it. `op`, `args`, `start` and `end` are documented;
 * `evaluate`, `meta` and `checkedType` are not, so the version is pinned and engine.test.ts proves what we rest on.
 */
export interface CelNode {
  readonly op: string;
  readonly args: unknown;
  readonly start: number;
  readonly end: number;
  readonly pos: number;
  readonly checkedType?: { readonly kind: string; readonly name: string };
  readonly meta: {
    readonly alternate?: CelNode;
    readonly macro?: {
      evaluate(ev: CelEvaluator, macro: unknown, ctx: unknown): unknown;
      typeCheck?: (checker: CelChecker, macro: unknown, ctx: unknown) => unknown;
    };
    evaluate(ev: CelEvaluator, node: CelNode, ctx: unknown): unknown;
  };
  evaluate: (ev: CelEvaluator, node: CelNode, ctx: unknown) => unknown;
}

export interface CelChecker {
  check(node: CelNode, ctx: unknown): unknown;
  getType(name: string): unknown;
}

export interface CelEvaluator {
  run(node: CelNode, ctx: unknown): unknown;
}

const isNode = (value: unknown): value is CelNode =>
  typeof value === 'object' && value !== null && 'op' in value && 'args' in value;

/** The nodes directly below, in the order of the text. */
export function children(node: CelNode): CelNode[] {
  if (node.op === 'value' || node.op === 'id') return [];
  const args: unknown[] = Array.isArray(node.args) ? node.args : [node.args];
  return args.flat(2).filter(isNode);
}

/** The node itself and everything below it. */
export function* walk(node: CelNode): Generator<CelNode> {
  yield node;
  for (const child of children(node)) yield* walk(child);
}

/** A call of a function or method: its name, the receiver of a method, and the arguments. */
export function asCall(node: CelNode): { name: string; receiver?: CelNode; args: readonly CelNode[] } | undefined {
  if (node.op === 'call') {
    const [name, args] = node.args as [string, CelNode[]];
    return { name, args };
  }
  if (node.op === 'rcall') {
    const [name, receiver, args] = node.args as [string, CelNode, CelNode[]];
    return { name, receiver, args };
  }
  return undefined;
}

/** The attribute that the node reads, if it reads one. The source is known only where it is a literal. */
export function attributeRead(node: CelNode): AttributeRead | undefined {
  if (node.op !== '.') return undefined;
  const [left, name] = node.args as [CelNode, string];
  if (isUser(left)) return { name };
  const source = sourceOf(left);
  return source === undefined ? undefined : { name, source };
}

/** As it is written in a rule. */
export const readText = ({ name, source }: AttributeRead): string =>
  source === undefined ? `user.${name}` : `user.from("${source}").${name}`;

export const isUser = (node: CelNode): boolean => node.op === 'id' && node.args === 'user';

/** The value of a literal text; undefined for anything else. */
export const textLiteral = (node: CelNode | undefined): string | undefined =>
  node?.op === 'value' && typeof node.args === 'string' ? node.args : undefined;

/** The source of `user.from("<source>")`. */
function sourceOf(node: CelNode): string | undefined {
  const call = asCall(node);
  if (call?.name !== 'from' || call.receiver === undefined || !isUser(call.receiver)) return undefined;
  return call.args.length === 1 ? textLiteral(call.args[0]) : undefined;
}

/** Loops of CEL, written as methods of a list. */
export const COMPREHENSIONS: ReadonlySet<string> = new Set(['all', 'exists', 'exists_one', 'map', 'filter']);

/** A text that is the same for expressions of the same structure: blanks, comments and quotes don't count. */
export function meaningOf(node: CelNode): string {
  const part = (value: unknown): unknown => {
    if (isNode(value)) return [value.op, part(value.args)];
    if (Array.isArray(value)) return value.map(part);
    if (typeof value === 'bigint') return { int: `${value}` };
    if (value instanceof Uint8Array) return { bytes: [...value] };
    if (typeof value === 'object' && value !== null) return { uint: String(value) };
    return value;
  };
  return JSON.stringify(part(node));
}

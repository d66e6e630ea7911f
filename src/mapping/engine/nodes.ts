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
    readonly macro?: { evaluate(ev: CelEvaluator, macro: unknown, ctx: unknown): unknown };
    evaluate(ev: CelEvaluator, node: CelNode, ctx: unknown): unknown;
  };
  evaluate: (ev: CelEvaluator, node: CelNode, ctx: unknown) => unknown;
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

/** The attribute's name if the node reads `user.<name>`. */
export function attributeRead(node: CelNode): string | undefined {
  if (node.op !== '.') return undefined;
  const [left, name] = node.args as [CelNode, string];
  return left.op === 'id' && left.args === 'user' ? name : undefined;
}

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

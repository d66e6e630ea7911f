import { Scalar } from 'yaml';

/**
 * How far into the YAML source of a scalar its `offset`-th character stands. Exact for plain and quoted scalars of one
 * line and for literal blocks (`|`); for what YAML folds, the beginning of the scalar.
 */
export function offsetInSource(text: string, node: Scalar, offset: number): number {
  const [from, to] = node.range ?? [0, 0];
  const source = text.slice(from, to);
  switch (node.type) {
    case Scalar.PLAIN:
      return source.includes('\n') ? 0 : offset;
    case Scalar.QUOTE_SINGLE:
      return source.includes('\n') ? 0 : quoted(source, offset, (at) => (source[at] === "'" ? 2 : 1));
    case Scalar.QUOTE_DOUBLE:
      return source.includes('\n') ? 0 : quoted(source, offset, (at) => escapeLength(source, at));
    case Scalar.BLOCK_LITERAL:
      return literal(source, String(node.value), offset);
    default:
      return 0;
  }
}

function quoted(source: string, offset: number, width: (at: number) => number): number {
  let at = 1;
  for (let i = 0; i < offset && at < source.length - 1; i++) at += width(at);
  return at;
}

/** YAML 1.2.2 section 5.7. */
function escapeLength(source: string, at: number): number {
  if (source[at] !== '\\') return 1;
  const digits = { x: 2, u: 4, U: 8 }[source[at + 1] ?? ''];
  return 2 + (digits ?? 0);
}

function literal(source: string, value: string, offset: number): number {
  const body = source.indexOf('\n') + 1;
  const lines = source.slice(body).split('\n');
  const before = value.slice(0, offset).split('\n');
  const row = before.length - 1;
  const text = value.split('\n')[row] ?? '';
  const indent = Math.max(0, (lines[row] ?? '').length - text.length);
  const above = lines.slice(0, row).reduce((sum, line) => sum + line.length + 1, 0);
  return body + above + indent + (before.at(-1)?.length ?? 0);
}

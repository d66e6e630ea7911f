import { asCall, attributeRead, type CelNode, children, meaningOf } from './nodes.ts';

/** What a condition comes to whoever the person is, as far as simple means can tell, and why. */
export interface Always {
  readonly value: boolean;
  readonly because: string;
}

/** `undefined`: it depends on the person, or can't be told by simple means. Never wrong, often silent. */
export function alwaysOf(node: CelNode): Always | undefined {
  if (node.op === 'value') return typeof node.args === 'boolean' ? said(node.args, `it says ${node.args}`) : undefined;
  if (node.op === '!_') {
    const inner = alwaysOf(children(node)[0] as CelNode);
    return inner === undefined ? undefined : said(!inner.value, inner.because);
  }
  if (node.op === '&&') return ofParts(flat(node, '&&'), false);
  if (node.op === '||') return ofParts(flat(node, '||'), true);
  if (node.op === '?:') return ofChoice(node);
  if (node.op === 'in') {
    const right = children(node)[1];
    return right?.op === 'list' && children(right).length === 0
      ? said(false, 'nothing is in an empty list')
      : undefined;
  }
  return compareLiterals(node);
}

const said = (value: boolean, because: string): Always => ({ value, because });
const flat = (node: CelNode, op: string): CelNode[] =>
  node.op === op ? children(node).flatMap((child) => flat(child, op)) : [node];

/** Of `&&`, `false` decides; of `||`, `true`. */
function ofParts(parts: readonly CelNode[], decides: boolean): Always | undefined {
  const each = parts.map(alwaysOf);
  const one = each.find((a) => a?.value === decides);
  if (one !== undefined) return one;
  const meanings = new Set(parts.map(meaningOf));
  if (parts.some((p) => p.op === '!_' && meanings.has(meaningOf(children(p)[0] as CelNode)))) {
    return said(decides, 'it asks for something and for its opposite');
  }
  if (!decides) {
    const clash = contradiction(parts);
    if (clash !== undefined) return said(false, clash);
  }
  return each.every((a) => a !== undefined) ? each[0] : undefined;
}

function ofChoice(node: CelNode): Always | undefined {
  const [condition, yes, no] = children(node) as [CelNode, CelNode, CelNode];
  const fixed = alwaysOf(condition);
  if (fixed !== undefined) return alwaysOf(fixed.value ? yes : no);
  return undefined;
}

/** Two parts that ask one attribute for different values. */
function contradiction(parts: readonly CelNode[]): string | undefined {
  const allowed = new Map<string, ReadonlySet<string>>();
  for (const part of parts) {
    const asked = askedOf(part);
    if (asked === undefined) continue;
    const before = allowed.get(asked.key);
    const both = before === undefined ? asked.values : new Set([...asked.values].filter((v) => before.has(v)));
    if (both.size === 0) return `${asked.name} can not be two values at once`;
    allowed.set(asked.key, both);
  }
  for (const part of parts) {
    const [left, right] = part.op === '!=' ? (children(part) as [CelNode, CelNode]) : [];
    const [read, value] = right?.op === 'value' ? [left, right] : [right, left];
    if (read === undefined || value?.op !== 'value' || attributeRead(read) === undefined) continue;
    const values = allowed.get(meaningOf(read));
    if (values?.size === 1 && values.has(meaningOf(value))) return 'it asks for a value and excludes it';
  }
  return undefined;
}

/** `user.x == "a"` and `user.x in ["a", "b"]`, of attributes with one value. */
function askedOf(node: CelNode): { key: string; name: string; values: ReadonlySet<string> } | undefined {
  if (node.op !== '==' && node.op !== 'in') return undefined;
  const [left, right] = children(node) as [CelNode, CelNode];
  const [subject, other] = node.op === '==' && left.op === 'value' ? [right, left] : [left, right];
  const read = attributeRead(subject);
  if (read === undefined) return undefined;
  const literals = node.op === 'in' ? (other.op === 'list' ? children(other) : []) : [other];
  if (literals.length === 0 || literals.some((l) => l.op !== 'value')) return undefined;
  return { key: meaningOf(subject), name: `user.${read.name}`, values: new Set(literals.map(meaningOf)) };
}

/** Literals held against literals. */
function compareLiterals(node: CelNode): Always | undefined {
  if ((node.op !== '==' && node.op !== '!=') || asCall(node) !== undefined) return undefined;
  const [left, right] = children(node) as [CelNode, CelNode];
  if (left.op !== 'value' || right.op !== 'value') return undefined;
  const same = meaningOf(left) === meaningOf(right);
  return said(node.op === '==' ? same : !same, 'it compares two fixed values');
}

import type { AttributeRead } from '../../model/rules.ts';
import { alwaysOf } from './always.ts';
import { asCall, attributeRead, type CelNode, children, isUser, meaningOf, textLiteral } from './nodes.ts';
import type { ExpressionFacts } from './types.ts';

/** Looks through a type-checked tree for what the lints need. Before it is instrumented. */
export function factsOf(root: CelNode): ExpressionFacts {
  const found = { reads: new Map<string, AttributeRead>(), names: new Set<string>(), any: false };
  const emails = new Set<string>();
  const groups = new Map<string, { source: string; id: string }>();
  const visit = (node: CelNode): void => {
    const read = attributeRead(node);
    if (read !== undefined) {
      found.reads.set(JSON.stringify(read), read);
      if (read.name === 'groups') found.any = true;
      return;
    }
    const call = asCall(node);
    if (call?.receiver !== undefined && isUser(call.receiver)) {
      const [source, id] = call.args.map((arg) => textLiteral(arg) ?? '');
      if (source !== undefined && id !== undefined) groups.set(`${source}/${id}`, { source, id });
      return;
    }
    for (const text of emailTexts(node)) emails.add(text);
    const named = groupNamed(node);
    if (named !== undefined) {
      found.names.add(named);
      found.reads.set('groups', { name: 'groups' });
      return;
    }
    for (const child of children(node)) visit(child);
  };
  visit(root);
  const always = root.checkedType?.name === 'bool' ? alwaysOf(root) : undefined;
  const text = textLiteral(root);
  return {
    reads: [...found.reads.values()],
    emails: [...emails],
    groupNames: [...found.names],
    anyGroup: found.any,
    groups: [...groups.values()],
    ...(always !== undefined && { always }),
    parts: [...new Set(conjuncts(root).map(meaningOf))].toSorted(),
    ...(text !== undefined && { text }),
  };
}

/** The parts that `&&` joins, from left to right. */
export const conjuncts = (node: CelNode): CelNode[] => (node.op === '&&' ? children(node).flatMap(conjuncts) : [node]);

/** `"DBA" in user.groups` */
function groupNamed(node: CelNode): string | undefined {
  if (node.op !== 'in') return undefined;
  const [left, right] = children(node);
  const read = right === undefined ? undefined : attributeRead(right);
  return read?.name === 'groups' ? textLiteral(left) : undefined;
}

const EMAIL = new Set(['email', 'emails']);

/** Literals that an e-mail address is held against, in a comparison or as the argument of a method. */
function emailTexts(node: CelNode): string[] {
  const call = asCall(node);
  const compares = ['==', '!=', 'in'].includes(node.op) || call?.receiver !== undefined;
  if (!compares || !children(node).some(isEmail)) return [];
  return children(node)
    .flatMap((child) => (child.op === 'list' ? children(child) : [child]))
    .flatMap((child) => textLiteral(child) ?? []);
}

/** An e-mail attribute, or what a method makes of one. */
function isEmail(node: CelNode): boolean {
  const read = attributeRead(node);
  if (read !== undefined) return EMAIL.has(read.name);
  const receiver = asCall(node)?.receiver;
  return receiver !== undefined && !isUser(receiver) && isEmail(receiver);
}

import { isMap, isScalar, type Node } from 'yaml';
import type { RuleTest } from '../../model/rules.ts';
import { didYouMean } from '../../model/suggest.ts';
import { type Doc, listOf, mapOf, textOf } from './document.ts';
import type { Known } from './rule.ts';

/** Reads one entry of `tests:`: an example person and the roles that should come out. */
export function readTest(doc: Doc, node: Node, known: Known): RuleTest | undefined {
  const keys = mapOf(doc, node, 'a test', ['name', 'user', 'expect'], ['name', 'user', 'expect']);
  if (keys === undefined) return undefined;
  const name = textOf(doc, keys.name, 'the name of a test')?.value ?? '';
  const user: Record<string, unknown> = {};
  if (keys.user !== undefined && !isMap(keys.user)) doc.report(keys.user, '`user` of a test must be a map');
  for (const pair of isMap(keys.user) ? keys.user.items : []) {
    const key = isScalar(pair.key) ? String(pair.key.value) : '';
    if (!known.engine.attributes.has(key)) {
      doc.report(pair.key as Node, `no attribute \`${key}\` is declared`, {
        remedy: didYouMean(key, [...known.engine.attributes.keys()]),
      });
      continue;
    }
    user[key] = plain(pair.value as Node | null);
  }
  const expect = listOf(doc, keys.expect, '`expect` of a test').flatMap((item) => {
    const text = textOf(doc, item, 'an expected role');
    const target = text?.value.split('/')[0] ?? '';
    if (text === undefined) return [];
    if (!/^[^/]+\/.+/.test(text.value)) doc.report(text, `\`${text.value}\` is not written as target/role`);
    else if (!known.targets.includes(target)) {
      doc.report(text, `there is no target \`${target}\``, { remedy: didYouMean(target, known.targets) });
    }
    return [text.value];
  });
  return { name, place: doc.place(node), user, expect };
}

/** A scalar's value, or a list of them. */
function plain(node: Node | null): unknown {
  if (isScalar(node)) return node.value;
  const items: unknown = node !== null && 'items' in node ? node.items : [];
  return Array.isArray(items) ? items.map((item) => (isScalar(item) ? item.value : undefined)) : [];
}

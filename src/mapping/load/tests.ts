import { isMap, isScalar, isSeq, type Node, type Scalar } from 'yaml';
import type { AttributeType } from '../../model/attributes.ts';
import type { RuleTest } from '../../model/rules.ts';
import { didYouMean } from '../../model/suggest.ts';
import { isValueOf } from '../engine.ts';
import { type Doc, listOf, mapOf, textOf } from './document.ts';
import { type Known, named } from './parts.ts';
import type { LoadedRule } from './rule.ts';

/** A test, and the check of its names against all rules, once these are read. */
export interface LoadedTest {
  readonly test: RuleTest;
  check(names: Nameable): void;
}

/** What a test may name because some rule does. */
export interface Nameable {
  readonly roles: readonly string[];
  readonly aliases: readonly string[];
  readonly groupNames: readonly string[];
  /** `source/id` */
  readonly groups: readonly string[];
  /** Some condition looks at the names of groups in a way that any name may fit. */
  readonly anyGroup: boolean;
}

export function nameable(rules: readonly LoadedRule[]): Nameable {
  const facts = rules.flatMap((r) => r.expressions.map((e) => e.facts));
  const groups = rules.flatMap((r) => r.rule.when?.group ?? []);
  return {
    roles: rules.flatMap(({ rule }) => rule.grant.map((g) => `${g.target}/${g.role}`)),
    aliases: rules.flatMap(({ rule }) => rule.alias.map((a) => `${a.target}/${a.set}`)),
    groupNames: [...groups.flatMap((g) => g.name ?? []), ...facts.flatMap((f) => f.groupNames)],
    groups: [
      ...groups.flatMap((g) => (g.id === undefined ? [] : [`${g.source}/${g.id}`])),
      ...facts.flatMap((f) => f.groups.map((g) => `${g.source}/${g.id}`)),
    ],
    anyGroup: facts.some((f) => f.anyGroup),
  };
}

const KEYS = ['name', 'user', 'from', 'unknown', 'now', 'expect', 'undecided', 'accounts', 'aliases'] as const;

/** Reads one entry of `tests:`: an example person and what should come out. */
export function readTest(doc: Doc, node: Node, known: Known): LoadedTest | undefined {
  const keys = mapOf(doc, node, 'a test', KEYS, ['name', 'user', 'expect']);
  if (keys === undefined) return undefined;
  const name = textOf(doc, keys.name, 'the name of a test')?.value ?? '';
  const checks: Array<(names: Nameable) => void> = [];
  const later = (
    node: Scalar<string>,
    complaint: (names: Nameable) => readonly [string, string | undefined] | undefined,
  ) =>
    void checks.push((names) => {
      const wrong = complaint(names);
      if (wrong !== undefined) doc.report(node, wrong[0], { remedy: wrong[1] ?? 'name one that a rule names' });
    });
  const user = attributesOf(doc, keys.user, '`user` of a test', known);
  for (const group of groupNodes(keys.user)) {
    later(group, (names) => unknownGroup(group.value, names, known.sources));
  }
  const roles = (node: Node | undefined, what: string): string[] =>
    listOf(doc, node, `\`${what}\` of a test`).flatMap((item) => {
      const text = atTarget(doc, item, `an entry of \`${what}\``, known.targets, 'target/role');
      if (text === undefined) return [];
      later(text, ({ roles: all }) =>
        all.includes(text.value) ? undefined : [`no rule gives \`${text.value}\``, didYouMean(text.value, all)],
      );
      return [text.value];
    });
  const aliases = (): string[] =>
    listOf(doc, keys.aliases, '`aliases` of a test').flatMap((item) => {
      const text = atTarget(doc, item, 'an entry of `aliases`', known.targets, 'target/set=username');
      if (text === undefined) return [];
      const set = text.value.split('=')[0] ?? '';
      later(text, ({ aliases: all }) =>
        all.includes(set) ? undefined : [`no rule gives an alias \`${set}\``, didYouMean(set, all)],
      );
      return [text.value];
    });
  const test: RuleTest = {
    name,
    place: doc.place(node),
    user,
    from: fromOf(doc, keys.from, known),
    unknown: unknownOf(doc, keys.unknown, known),
    ...nowOf(doc, keys.now),
    expect: roles(keys.expect, 'expect'),
    ...(keys.undecided !== undefined && { undecided: roles(keys.undecided, 'undecided') }),
    ...(keys.accounts !== undefined && { accounts: accountsOf(doc, keys.accounts, known) }),
    ...(keys.aliases !== undefined && { aliases: aliases() }),
  };
  return { test, check: (names) => checks.forEach((check) => check(names)) };
}

/** `user` or one source of `from`: declared names, values of their types. */
function attributesOf(doc: Doc, node: Node | undefined, what: string, known: Known): Record<string, unknown> {
  const user: Record<string, unknown> = {};
  if (node === undefined) return user;
  if (!isMap(node)) doc.report(node, `${what} must be a map`);
  const { attributes } = known.engine;
  for (const pair of isMap(node) ? node.items : []) {
    const key = isScalar(pair.key) ? String(pair.key.value) : '';
    const declared = attributes.get(key);
    const value = plain(pair.value as Node | null);
    if (declared === undefined) {
      const remedy = didYouMean(key, [...attributes.keys()]);
      doc.report(pair.key as Node, `no attribute \`${key}\` is declared`, { remedy });
    } else if (value !== null && !isValueOf(value, declared.type)) {
      const remedy = `write ${EXAMPLES[declared.type]}`;
      doc.report((pair.value ?? pair.key) as Node, `\`${key}\` must be a ${declared.type}`, { remedy });
    } else user[key] = value;
  }
  return user;
}

const EXAMPLES: Readonly<Record<AttributeType, string>> = {
  string: 'a text, in quotes where it looks like a number',
  int: 'a whole number',
  double: 'a number',
  bool: 'true or false',
  timestamp: 'a time such as 2030-01-31T00:00:00Z',
  'list<string>': 'a list of texts such as [a, b]',
};

function groupNodes(user: Node | undefined): Array<Scalar<string>> {
  const groups = isMap(user) ? user.get('groups', true) : undefined;
  const items: unknown[] = isSeq(groups) ? groups.items : [];
  return items.filter((item): item is Scalar<string> => isScalar(item) && typeof item.value === 'string');
}

function unknownGroup(
  group: string,
  { groupNames, groups, anyGroup }: Nameable,
  sources: readonly string[],
): readonly [string, string | undefined] | undefined {
  const isId = sources.some((source) => group.startsWith(`${source}/`));
  const all = isId ? groups : groupNames;
  if (all.includes(group) || (anyGroup && !isId)) return undefined;
  return [`no rule names the group \`${group}\``, didYouMean(group, all)];
}

function fromOf(doc: Doc, node: Node | undefined, known: Known): RuleTest['from'] {
  if (node === undefined) return {};
  if (!isMap(node)) {
    doc.report(node, '`from` of a test must be a map', { remedy: 'write `from: { <source>: { <attribute>: … } }`' });
    return {};
  }
  return Object.fromEntries(
    node.items.map((pair) => {
      const key = pair.key as Scalar<string>;
      named(doc, key, 'source', known.sources);
      return [key.value, attributesOf(doc, (pair.value ?? undefined) as Node | undefined, `\`${key.value}\``, known)];
    }),
  );
}

function unknownOf(doc: Doc, node: Node | undefined, { engine }: Known): string[] {
  const names = [...engine.attributes.keys()].filter((name) => name !== 'groups');
  return listOf(doc, node, '`unknown` of a test').flatMap((item) => {
    const text = textOf(doc, item, 'an entry of `unknown`');
    if (text === undefined) return [];
    if (names.includes(text.value)) return [text.value];
    doc.report(text, `no attribute \`${text.value}\` is declared`, { remedy: didYouMean(text.value, names) });
    return [];
  });
}

function nowOf(doc: Doc, node: Node | undefined): { now?: Date } {
  const text = textOf(doc, node, '`now` of a test');
  if (text === undefined) return {};
  if (isValueOf(text.value, 'timestamp')) return { now: new Date(text.value) };
  doc.report(text, `\`${text.value}\` is no time`, { remedy: `write ${EXAMPLES.timestamp}` });
  return {};
}

function accountsOf(doc: Doc, node: Node, known: Known): string[] {
  return listOf(doc, node, '`accounts` of a test').flatMap((item) => {
    const text = textOf(doc, item, 'an entry of `accounts`');
    if (text !== undefined) named(doc, text, 'target', known.targets);
    return text?.value ?? [];
  });
}

/** `target/…` with a target of the settings. */
function atTarget(
  doc: Doc,
  item: Node,
  what: string,
  targets: readonly string[],
  form: string,
): Scalar<string> | undefined {
  const text = textOf(doc, item, what);
  if (text === undefined) return undefined;
  const target = text.value.split('/')[0] ?? '';
  const rest = form.includes('=') ? /^[^/]+\/[^=]+=.+/ : /^[^/]+\/.+/;
  if (!rest.test(text.value)) doc.report(text, `\`${text.value}\` is not written as ${form}`);
  else if (!targets.includes(target)) {
    doc.report(text, `there is no target \`${target}\``, { remedy: didYouMean(target, targets) });
  } else return text;
  return undefined;
}

/** A scalar's value, or a list of them. */
function plain(node: Node | null): unknown {
  if (isScalar(node)) return node.value;
  return isSeq(node) ? node.items.map((item) => (isScalar(item) ? item.value : undefined)) : undefined;
}

import type { Node } from 'yaml';
import type { GroupRef, Rule } from '../../model/rules.ts';
import type { Sound } from '../engine.ts';
import { type Doc, flagOf, listOf, mapOf, textOf } from './document.ts';
import { digest, type Known, named, partsReader } from './parts.ts';

/** A rule with what the loader and the lints know of it besides. */
export interface LoadedRule {
  readonly rule: Rule;
  /** The text that its part of the revision is made of. */
  readonly meaning: string;
  readonly condition?: Sound<boolean>;
  /** All its expressions, the condition too. */
  readonly expressions: ReadonlyArray<Sound<unknown>>;
}

const KEYS = ['id', 'about', 'when', 'if', 'grant', 'account', 'alias', 'deny', 'protected', 'shadow'] as const;
const GIVES = ['grant', 'account', 'alias', 'deny'] as const;
const ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/;

/** Reads one entry of `rules:`. Everything that is wrong is reported; the rule then doesn't count. */
export function readRule(doc: Doc, node: Node, known: Known): LoadedRule | undefined {
  const keys = mapOf(doc, node, 'a rule', KEYS, ['id']);
  if (keys === undefined) return undefined;
  const id = textOf(doc, keys.id, 'the id of a rule');
  if (id !== undefined && !ID.test(id.value)) {
    doc.report(id, `\`${id.value}\` can not be a rule's id`, {
      remedy: 'use up to 100 letters, digits, dots, dashes and underscores',
    });
  }
  const name = id?.value ?? '';
  const what = id === undefined ? 'the rule' : `rule ${name}`;
  const expressions: Array<Sound<unknown>> = [];
  const read = partsReader(doc, known, what, (sound) => expressions.push(sound));
  const parts = <T>(key: (typeof GIVES)[number], one: (node: Node) => T[]): T[] =>
    listOf(doc, keys[key], `\`${key}\` of ${what}`).flatMap(one);
  const about = textOf(doc, keys.about, `\`about\` of ${what}`)?.value;
  const group = keys.when === undefined ? undefined : readWhen(doc, keys.when, known, what);
  const condition = keys.if === undefined ? undefined : read.expression(keys.if, 'if', 'bool');
  const grant = parts('grant', read.grant);
  const account = parts('account', read.account);
  const alias = parts('alias', read.alias);
  const deny = parts('deny', read.deny);
  const flags = {
    protected: flagOf(doc, keys.protected, `\`protected\` of ${what}`, false),
    shadow: flagOf(doc, keys.shadow, `\`shadow\` of ${what}`, false),
  };
  if (GIVES.every((key) => keys[key] === undefined)) {
    doc.report(keys.id ?? node, `${what} neither grants nor denies anything`, {
      remedy: 'add `grant:`, `account:`, `alias:` or `deny:`',
    });
  }
  if (keys.when === undefined && keys.if === undefined && keys.deny === undefined) {
    const remedy = 'add `when:` or `if:` unless that is meant';
    doc.report(keys.id ?? node, `${what} holds for everybody`, { severity: 'warning', remedy });
  }
  const values = <T>(list: ReadonlyArray<{ readonly value: T }>): T[] => list.map((p) => p.value);
  const meanings = (list: ReadonlyArray<{ readonly meaning: string }>): string[] =>
    list.map((p) => p.meaning).toSorted();
  const rule: Rule = {
    id: name,
    place: doc.place(node),
    ...(about !== undefined && { about }),
    ...(group !== undefined && { when: { group } }),
    ...(condition !== undefined && { if: condition.expression }),
    grant: values(grant),
    account: values(account),
    alias: values(alias),
    deny: values(deny),
    ...flags,
  };
  const meaning = digest([
    name,
    group === undefined
      ? null
      : [group.source, group.id ?? null, group.id === undefined ? group.name : null, group.nested],
    condition?.meaning ?? null,
    ...[grant, account, alias, deny].map(meanings),
    flags,
  ]);
  return { rule, meaning, ...(condition !== undefined && { condition }), expressions };
}

function readWhen(doc: Doc, node: Node, known: Known, what: string): GroupRef | undefined {
  const when = mapOf(doc, node, `\`when\` of ${what}`, ['group'], ['group']);
  if (when?.group === undefined) return undefined;
  const keys = mapOf(doc, when.group, `\`group\` of ${what}`, ['source', 'id', 'name', 'nested'], ['source']);
  if (keys === undefined) return undefined;
  const source = textOf(doc, keys.source, `\`source\` of ${what}`);
  if (source !== undefined) named(doc, source, 'source', known.sources);
  const id = textOf(doc, keys.id, `the group's \`id\` in ${what}`)?.value;
  const name = textOf(doc, keys.name, `the group's \`name\` in ${what}`)?.value;
  if (keys.id === undefined && keys.name === undefined) {
    doc.report(when.group, `\`group\` of ${what} names no group`, {
      remedy: 'add the `id` of the group at its source',
    });
  }
  const nested = flagOf(doc, keys.nested, `\`nested\` of ${what}`, true);
  if (source === undefined) return undefined;
  const place = doc.place(keys.id ?? keys.name ?? when.group);
  return { place, source: source.value, ...(id !== undefined && { id }), ...(name !== undefined && { name }), nested };
}

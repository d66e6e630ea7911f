import { createHash } from 'node:crypto';
import type { Node, Scalar } from 'yaml';
import type { Expression, Grant, GroupRef, Rule } from '../../model/rules.ts';
import type { ResultTypes, RuleEngine } from '../engine.ts';
import { didYouMean } from '../../model/suggest.ts';
import { type Doc, flagOf, listOf, mapOf, textOf } from './document.ts';

/** What rules may name. */
export interface Known {
  readonly engine: RuleEngine;
  readonly sources: readonly string[];
  readonly targets: readonly string[];
}

/** A rule with the text that its part of the revision is made of. */
export interface LoadedRule {
  readonly rule: Rule;
  readonly meaning: string;
}

const KEYS = ['id', 'about', 'when', 'if', 'grant', 'alias', 'deny', 'protected', 'shadow'] as const;
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
  const read = reader(doc, known, what);
  const about = textOf(doc, keys.about, `\`about\` of ${what}`)?.value;
  const group = keys.when === undefined ? undefined : readWhen(doc, keys.when, known, what);
  const condition = keys.if === undefined ? undefined : read.expression(keys.if, 'if', 'bool');
  const grant = listOf(doc, keys.grant, `\`grant\` of ${what}`).flatMap((n) => read.grant(n));
  const alias = listOf(doc, keys.alias, `\`alias\` of ${what}`).flatMap((n) => read.alias(n));
  const deny = listOf(doc, keys.deny, `\`deny\` of ${what}`).flatMap((n) => read.deny(n));
  const isProtected = flagOf(doc, keys.protected, `\`protected\` of ${what}`, false);
  const shadow = flagOf(doc, keys.shadow, `\`shadow\` of ${what}`, false);
  const place = doc.place(node);
  if (keys.grant === undefined && keys.alias === undefined && keys.deny === undefined) {
    doc.report(keys.id ?? node, `${what} neither grants nor denies anything`, {
      remedy: 'add `grant:`, `alias:` or `deny:`',
    });
  }
  if (group === undefined && keys.when === undefined && keys.if === undefined && keys.deny === undefined) {
    const remedy = 'add `when:` or `if:` unless that is meant';
    doc.report(keys.id ?? node, `${what} holds for everybody`, { severity: 'warning', remedy });
  }
  const rule: Rule = {
    id: name,
    place,
    ...(about !== undefined && { about }),
    ...(group !== undefined && { when: { group } }),
    ...(condition !== undefined && { if: condition.expression }),
    grant: grant.map((g) => g.grant),
    alias: alias.map((a) => a.alias),
    deny,
    protected: isProtected,
    shadow,
  };
  const meaning = digest([
    name,
    group === undefined
      ? null
      : [group.source, group.id ?? null, group.id === undefined ? group.name : null, group.nested],
    condition?.meaning ?? null,
    grant.map((g) => g.meaning).toSorted(),
    alias.map((a) => a.meaning).toSorted(),
    deny.map((d) => digest([d.target, d.role])).toSorted(),
    isProtected,
    shadow,
  ]);
  return { rule, meaning };
}

const digest = (value: unknown): string => createHash('sha256').update(JSON.stringify(value)).digest('hex');

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
  } else if (keys.id === undefined) {
    doc.report(keys.name, `${what} knows its group by name alone`, {
      severity: 'warning',
      remedy: 'add the `id`: whoever may make or rename a group could otherwise give what the rule gives',
    });
  }
  const nested = flagOf(doc, keys.nested, `\`nested\` of ${what}`, true);
  if (source === undefined) return undefined;
  return { source: source.value, ...(id !== undefined && { id }), ...(name !== undefined && { name }), nested };
}

function named(doc: Doc, node: Scalar<string>, what: string, candidates: readonly string[]): void {
  if (candidates.includes(node.value)) return;
  const remedy = didYouMean(node.value, candidates) ?? `name a ${what} of the settings`;
  doc.report(node, `there is no ${what} \`${node.value}\``, { remedy });
}

interface Read<T> {
  readonly expression: Expression<T>;
  readonly meaning: string;
}

/** Readers of a rule's parts. */
function reader(doc: Doc, known: Known, what: string) {
  const expression = <K extends keyof ResultTypes>(
    node: Node,
    key: string,
    type: K,
  ): Read<ResultTypes[K]> | undefined => {
    const text = textOf(doc, node, `\`${key}\` of ${what}`);
    if (text === undefined) return undefined;
    const compiled = known.engine.compile(text.value, type, doc.place(text));
    if ('expression' in compiled) return compiled;
    const { message, remedy, start } = compiled.fault;
    doc.report(text, `\`${key}\` of ${what}: ${message}`, { remedy, offset: start });
    return undefined;
  };
  const target = (node: Node | undefined, key: string): string => {
    const text = textOf(doc, node, `\`target\` of ${key} in ${what}`);
    if (text !== undefined) named(doc, text, 'target', known.targets);
    return text?.value ?? '';
  };
  const role = (node: Node | undefined, key: string): string =>
    textOf(doc, node, `\`role\` of ${key} in ${what}`)?.value ?? '';
  return {
    expression,
    grant: (node: Node): Array<{ grant: Grant; meaning: string }> => {
      const keys = mapOf(doc, node, `\`grant\` of ${what}`, ['target', 'role', 'until'], ['target', 'role']);
      if (keys === undefined) return [];
      const until = keys.until === undefined ? undefined : expression(keys.until, 'until', 'timestamp');
      const grant = { target: target(keys.target, 'grant'), role: role(keys.role, 'grant') };
      if (grant.role.includes('*'))
        doc.report(keys.role, '`*` stands for many roles only in `deny`', { remedy: 'name one role' });
      const meaning = digest([grant.target, grant.role, until?.meaning ?? null]);
      return [{ grant: { ...grant, ...(until !== undefined && { until: until.expression }) }, meaning }];
    },
    alias: (node: Node): Array<{ alias: Rule['alias'][number]; meaning: string }> => {
      const all = ['target', 'set', 'username'] as const;
      const keys = mapOf(doc, node, `\`alias\` of ${what}`, all, all);
      if (keys === undefined) return [];
      const set = textOf(doc, keys.set, `\`set\` of alias in ${what}`)?.value ?? '';
      const at = target(keys.target, 'alias');
      const username = keys.username === undefined ? undefined : expression(keys.username, 'username', 'string');
      if (username === undefined) return [];
      return [
        { alias: { target: at, set, username: username.expression }, meaning: digest([at, set, username.meaning]) },
      ];
    },
    deny: (node: Node): Array<{ target: string; role: string }> => {
      const keys = mapOf(doc, node, `\`deny\` of ${what}`, ['target', 'role'], ['target', 'role']);
      return keys === undefined ? [] : [{ target: target(keys.target, 'deny'), role: role(keys.role, 'deny') }];
    },
  };
}

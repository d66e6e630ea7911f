import { createHash } from 'node:crypto';
import type { Node, Scalar } from 'yaml';
import type { AccountGrant, AliasGrant, Bounds, Deny, Expression, Grant } from '../../model/rules.ts';
import { didYouMean } from '../../model/suggest.ts';
import type { ResultTypes, RuleEngine, Sound } from '../engine.ts';
import { isReserved } from '../reserved.ts';
import { type Doc, flagOf, mapOf, textOf } from './document.ts';

/** What rules may name. */
export interface Known {
  readonly engine: RuleEngine;
  readonly sources: readonly string[];
  readonly targets: readonly string[];
}

/** A part of a rule with the text that its share of the revision is made of. */
export interface Part<T> {
  readonly value: T;
  readonly meaning: string;
}

export const digest = (value: unknown): string => createHash('sha256').update(JSON.stringify(value)).digest('hex');

export function named(doc: Doc, node: Scalar<string>, what: string, candidates: readonly string[]): void {
  if (candidates.includes(node.value)) return;
  const remedy = didYouMean(node.value, candidates) ?? `name a ${what} of the settings`;
  doc.report(node, `there is no ${what} \`${node.value}\``, { remedy });
}

type AnyNode = Node | undefined;

/** Readers of a rule's parts. Every expression that is sound is given to `keep`. */
export function partsReader(doc: Doc, known: Known, what: string, keep: (sound: Sound<unknown>) => void) {
  const expression = <K extends keyof ResultTypes>(
    node: AnyNode,
    key: string,
    type: K,
  ): Sound<ResultTypes[K]> | undefined => {
    const text = textOf(doc, node, `\`${key}\` of ${what}`);
    if (text === undefined) return undefined;
    const compiled = known.engine.compile(text.value, type, doc.place(text));
    if ('expression' in compiled) {
      keep(compiled);
      return compiled;
    }
    const { message, remedy, start } = compiled.fault;
    doc.report(text, `\`${key}\` of ${what}: ${message}`, { remedy, offset: start });
    return undefined;
  };
  const target = (node: AnyNode, key: string): string => {
    const text = textOf(doc, node, `\`target\` of ${key} in ${what}`);
    if (text !== undefined) named(doc, text, 'target', known.targets);
    return text?.value ?? '';
  };
  const role = (node: AnyNode, key: string): string => textOf(doc, node, `\`role\` of ${key} in ${what}`)?.value ?? '';
  const bounds = (keys: { from?: Node; until?: Node }): Part<Bounds> => {
    const from = keys.from === undefined ? undefined : expression(keys.from, 'from', 'timestamp');
    const until = keys.until === undefined ? undefined : expression(keys.until, 'until', 'timestamp');
    return {
      value: { ...part('from', from), ...part('until', until) },
      meaning: digest([from?.meaning ?? null, until?.meaning ?? null]),
    };
  };
  return {
    expression,
    grant: (node: Node): Array<Part<Grant>> => {
      const keys = mapOf(doc, node, `\`grant\` of ${what}`, ['target', 'role', 'from', 'until'], ['target', 'role']);
      if (keys === undefined) return [];
      const when = bounds(keys);
      const given = { target: target(keys.target, 'grant'), role: role(keys.role, 'grant') };
      if (given.role.includes('*')) {
        doc.report(keys.role, '`*` stands for many roles only in `deny`', { remedy: 'name one role' });
      }
      const meaning = digest([given.target, given.role, when.meaning]);
      return [{ value: { place: doc.place(keys.role ?? node), ...given, ...when.value }, meaning }];
    },
    account: (node: Node): Array<Part<AccountGrant>> => {
      const keys = mapOf(doc, node, `\`account\` of ${what}`, ['target', 'from', 'until'], ['target']);
      if (keys === undefined) return [];
      const when = bounds(keys);
      const at = target(keys.target, 'account');
      return [{ value: { place: doc.place(node), target: at, ...when.value }, meaning: digest([at, when.meaning]) }];
    },
    alias: (node: Node): Array<Part<AliasGrant>> => {
      const all = ['target', 'set', 'username'] as const;
      const keys = mapOf(doc, node, `\`alias\` of ${what}`, [...all, 'follow'], all);
      if (keys === undefined) return [];
      const set = textOf(doc, keys.set, `\`set\` of alias in ${what}`)?.value ?? '';
      if (set.includes('=')) {
        doc.report(keys.set, `\`set\` of alias in ${what}: \`${set}\` has an equals sign in it`, {
          remedy: 'name the set without it',
        });
      }
      const at = target(keys.target, 'alias');
      const follow = flagOf(doc, keys.follow, `\`follow\` of alias in ${what}`, false);
      const username = expression(keys.username, 'username', 'string');
      if (username === undefined) return [];
      const fixed = username.facts.text;
      if (fixed !== undefined && isReserved(fixed)) {
        doc.report(keys.username, `\`username\` of ${what}: the name ${fixed} is reserved`, {
          remedy: 'an alias names one human: make it of their attributes',
        });
      }
      const value = { place: doc.place(node), target: at, set, username: username.expression, follow };
      return [{ value, meaning: digest([at, set, username.meaning, follow]) }];
    },
    deny: (node: Node): Array<Part<Deny>> => {
      const keys = mapOf(doc, node, `\`deny\` of ${what}`, ['target', 'role'], ['target', 'role']);
      if (keys === undefined) return [];
      const denied = { target: target(keys.target, 'deny'), role: role(keys.role, 'deny') };
      return [
        { value: { place: doc.place(keys.role ?? node), ...denied }, meaning: digest([denied.target, denied.role]) },
      ];
    },
  };
}

const part = <K extends string>(key: K, sound: Sound<Date> | undefined): { [P in K]?: Expression<Date> } =>
  sound === undefined ? {} : ({ [key]: sound.expression } as { [P in K]: Expression<Date> });

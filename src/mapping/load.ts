import { createHash } from 'node:crypto';
import type { AttributeDeclaration } from '../model/attributes.ts';
import type { NamedGroup, Problem, RuleSet } from '../model/rules.ts';
import { createEngine } from './engine.ts';
import type { LintSettings } from './lint/input.ts';
import { lint } from './lint/lint.ts';
import { type Doc, excerpt, listOf, mapOf, readDocument } from './load/document.ts';
import type { Known } from './load/parts.ts';
import { type LoadedRule, readRule } from './load/rule.ts';
import { type LoadedTest, nameable, readTest } from './load/tests.ts';

export type { LintSettings } from './lint/input.ts';

/** Most rules in one folder. */
export const MAX_RULES = 10_000;

export interface RulesInput {
  /** Every file of the rules folder, with the path to show. */
  readonly files: ReadonlyArray<{ readonly path: string; readonly text: string }>;
  /** Ids of the sources and targets in the settings. */
  readonly sources: readonly string[];
  readonly targets: ReadonlyArray<{ readonly id: string; readonly type: string }>;
  readonly attributes: readonly AttributeDeclaration[];
  readonly lint?: Partial<LintSettings>;
}

export interface LoadedRules {
  readonly rules?: RuleSet;
  readonly problems: readonly Problem[];
  /** Some file says `rules:`, be it of an empty list. Without that nobody has said that there are to be none. */
  readonly stated: boolean;
}

/**
 * Reads and type-checks all rules. Every problem comes at once, with its place; with an error among them there are no
 * rules, and those in force stay. No rules at all is a warning, and so is what the lints find.
 */
export function loadRules(input: RulesInput): LoadedRules {
  const problems: Problem[] = [];
  const known: Known = {
    engine: createEngine(input.attributes, input.sources),
    sources: input.sources,
    targets: input.targets.map((t) => t.id),
  };
  const files = input.files.toSorted((a, b) => (a.path < b.path ? -1 : 1));
  const read: Read = { rules: [], tests: [], stated: false };
  for (const { path, text } of files) readFile(readDocument(path, text, problems), known, read);
  if (read.rules.length === 0 && problems.length === 0) {
    const message = 'there are no rules: nobody is given anything';
    problems.push({ severity: 'warning', message, remedy: 'write one into the rules folder' });
  }
  const sound = problems.every((p) => p.severity !== 'error');
  if (sound) {
    const names = nameable(read.rules);
    for (const one of read.tests) one.check(names);
  }
  const texts = new Map(files.map((f) => [f.path, f.text.split('\n')]));
  problems.push(...lintAll(input, read.rules).map((p) => withExcerpt(p, texts)));
  problems.sort(byPlace);
  if (problems.some((p) => p.severity === 'error')) return { problems, stated: read.stated };
  const rules = read.rules.map((l) => l.rule).toSorted((a, b) => (a.id < b.id ? -1 : 1));
  const tests = read.tests.map((t) => t.test);
  return {
    rules: { revision: revisionOf(read.rules, input.attributes), rules, groups: namedGroups(read.rules), tests },
    problems,
    stated: read.stated,
  };
}

interface Read {
  readonly rules: LoadedRule[];
  readonly tests: LoadedTest[];
  stated: boolean;
}

function readFile(doc: Doc, known: Known, read: Read): void {
  if (doc.root === undefined) return;
  const keys = mapOf(doc, doc.root, 'a rules file', ['rules', 'tests']);
  if (keys?.rules !== undefined) read.stated = true;
  const byId = new Map(read.rules.map((l) => [l.rule.id, l]));
  for (const node of listOf(doc, keys?.rules, '`rules`')) {
    if (read.rules.length >= MAX_RULES) {
      doc.report(node, `there are more than ${MAX_RULES} rules`, { remedy: 'name groups in fewer, broader rules' });
      break;
    }
    const one = readRule(doc, node, known);
    if (one === undefined) continue;
    const same = one.rule.id === '' ? undefined : byId.get(one.rule.id);
    if (same !== undefined) {
      const { file, line } = same.rule.place;
      doc.report(node, `rule ${one.rule.id} is there twice`, { remedy: `the other one is at ${file}:${line}` });
    }
    read.rules.push(one);
    byId.set(one.rule.id, one);
  }
  for (const node of listOf(doc, keys?.tests, '`tests`')) {
    const one = readTest(doc, node, known);
    if (one !== undefined) read.tests.push(one);
  }
}

function lintAll({ attributes, sources, lint: settings }: RulesInput, rules: readonly LoadedRule[]): Problem[] {
  const none = { selfEditable: new Map(), verifiedDomains: [], trusted: new Set<string>() };
  return lint({ rules, attributes, sources, ...none, ...settings });
}

function withExcerpt(problem: Problem, texts: ReadonlyMap<string, readonly string[]>): Problem {
  const lines = problem.place === undefined ? undefined : texts.get(problem.place.file);
  return lines === undefined || problem.place === undefined
    ? problem
    : { ...problem, excerpt: excerpt(lines, problem.place) };
}

function namedGroups(rules: readonly LoadedRule[]): NamedGroup[] {
  return rules.flatMap(({ rule, expressions }) => {
    const group = rule.when?.group;
    const inside = expressions.flatMap(({ facts, expression }) =>
      facts.groups.map((g) => ({ rule: rule.id, place: expression.place, ...g })),
    );
    if (group === undefined) return inside;
    const { nested: _, ...named } = group;
    return [{ rule: rule.id, ...named }, ...inside];
  });
}

/**
 * SHA-256 over what the rules mean: their order, the files they stand in, comments and `about` don't count. Where several
 * sources may decide an attribute, their precedence is part of it.
 */
function revisionOf(loaded: readonly LoadedRule[], attributes: readonly AttributeDeclaration[]): string {
  const hash = createHash('sha256');
  for (const meaning of loaded.map((l) => l.meaning).toSorted()) hash.update(meaning);
  const contested = attributes.filter((a) => (a.precedence?.length ?? 0) > 1);
  for (const { name, precedence } of contested.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    hash.update(JSON.stringify([name, precedence]));
  }
  return hash.digest('hex');
}

function byPlace(a: Problem, b: Problem): number {
  const [x, y] = [a.place, b.place];
  if (x === undefined || y === undefined) return Number(x === undefined) - Number(y === undefined);
  if (x.file !== y.file) return x.file < y.file ? -1 : 1;
  return x.line - y.line || x.column - y.column;
}

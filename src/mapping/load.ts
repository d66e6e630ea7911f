import { createHash } from 'node:crypto';
import type { AttributeDeclaration } from '../model/attributes.ts';
import type { Problem, RuleSet, RuleTest } from '../model/rules.ts';
import { createEngine } from './engine.ts';
import { listOf, mapOf, readDocument } from './load/document.ts';
import { type Known, type LoadedRule, readRule } from './load/rule.ts';
import { readTest } from './load/tests.ts';

/** Most rules in one folder. */
export const MAX_RULES = 10_000;

export interface RulesInput {
  /** Every file of the rules folder, with the path to show. */
  readonly files: ReadonlyArray<{ readonly path: string; readonly text: string }>;
  /** Ids of the sources and targets in the settings. */
  readonly sources: readonly string[];
  readonly targets: ReadonlyArray<{ readonly id: string; readonly type: string }>;
  readonly attributes: readonly AttributeDeclaration[];
}

export interface LoadedRules {
  readonly rules?: RuleSet;
  readonly problems: readonly Problem[];
  /** Some file says `rules:`, be it of an empty list. Without that nobody has said that there are to be none. */
  readonly stated: boolean;
}

/**
 * Reads and type-checks all rules. Every problem comes at once, with its place; with an error among them there are no
 * rules, and those in force stay. No rules at all is a warning.
 */
export function loadRules(input: RulesInput): LoadedRules {
  const problems: Problem[] = [];
  const known: Known = {
    engine: createEngine(input.attributes),
    sources: input.sources,
    targets: input.targets.map((t) => t.id),
  };
  const loaded: LoadedRule[] = [];
  const byId = new Map<string, LoadedRule>();
  const tests: RuleTest[] = [];
  let stated = false;
  for (const { path, text } of input.files.toSorted((a, b) => (a.path < b.path ? -1 : 1))) {
    const doc = readDocument(path, text, problems);
    if (doc.root === undefined) continue;
    const keys = mapOf(doc, doc.root, 'a rules file', ['rules', 'tests']);
    if (keys?.rules !== undefined) stated = true;
    for (const node of listOf(doc, keys?.rules, '`rules`')) {
      if (loaded.length >= MAX_RULES) {
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
      loaded.push(one);
      byId.set(one.rule.id, one);
    }
    for (const node of listOf(doc, keys?.tests, '`tests`')) {
      const one = readTest(doc, node, known);
      if (one !== undefined) tests.push(one);
    }
  }
  if (loaded.length === 0 && problems.length === 0) {
    const message = 'there are no rules: nobody is given anything';
    problems.push({ severity: 'warning', message, remedy: 'write one into the rules folder' });
  }
  problems.sort(byPlace);
  if (problems.some((p) => p.severity === 'error')) return { problems, stated };
  const rules = loaded.map((l) => l.rule).toSorted((a, b) => (a.id < b.id ? -1 : 1));
  return { rules: { revision: revisionOf(loaded), rules, tests }, problems, stated };
}

/** SHA-256 over what the rules mean: their order, the files they stand in, comments and `about` don't count. */
function revisionOf(loaded: readonly LoadedRule[]): string {
  const hash = createHash('sha256');
  for (const meaning of loaded.map((l) => l.meaning).toSorted()) hash.update(meaning);
  return hash.digest('hex');
}

function byPlace(a: Problem, b: Problem): number {
  const [x, y] = [a.place, b.place];
  if (x === undefined || y === undefined) return Number(x === undefined) - Number(y === undefined);
  if (x.file !== y.file) return x.file < y.file ? -1 : 1;
  return x.line - y.line || x.column - y.column;
}

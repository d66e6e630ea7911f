import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { test } from 'node:test';
import { rulesPage, suitesPage } from '../scripts/docs.ts';
import { ruleTestResults } from '../src/app/rule-tests.ts';
import { createEngine } from '../src/mapping/engine.ts';
import { loadRules } from '../src/mapping/load.ts';
import { CORE_ATTRIBUTES } from '../src/model/attributes.ts';
import type { TargetView } from '../src/model/planning.ts';

const ROOT = resolve(import.meta.dirname, '..');
const pages = globSync(['*.md', 'docs/**/*.md', 'examples/**/*.md', 'src/**/*.md'], { cwd: ROOT });

test('the tables of docs/rules.md are those of the code (npm run docs)', () => {
  const text = readFileSync(join(ROOT, 'docs/rules.md'), 'utf8');
  assert.equal(text, rulesPage(text));
});

test('the counts and judgements of docs/scim-suites.md are those of the suites as they run (npm run docs)', () => {
  const text = readFileSync(join(ROOT, 'docs/scim-suites.md'), 'utf8');
  assert.equal(text, suitesPage(text));
});

test('every link between pages leads somewhere', () => {
  assert.ok(pages.length >= 10, `only ${pages.length} pages were found`);
  const dead = pages.flatMap((page) => {
    const text = readFileSync(join(ROOT, page), 'utf8');
    return [...text.matchAll(/\]\((?!https?:)([^)#\s]+)(?:#[^)]*)?\)/g)]
      .map((match) => match[1] ?? '')
      .filter((link) => !existsSync(resolve(ROOT, dirname(page), link)))
      .map((link) => `${page}: ${link}`);
  });
  assert.deepEqual(dead, []);
});

/** Fenced blocks of one language on a page. */
const blocks = (page: string, language: string): string[] =>
  [...readFileSync(join(ROOT, page), 'utf8').matchAll(new RegExp(`^\`\`\`${language}\n([^]*?)^\`\`\``, 'gm'))].map(
    (match) => match[1] ?? '',
  );

test('the rules of docs/rules.md load, and their tests hold', () => {
  const examples = blocks('docs/rules.md', 'yaml');
  assert.ok(examples.length >= 3);
  for (const text of examples) {
    const { rules, problems } = loadRules({
      files: [{ path: 'docs/rules.md', text }],
      sources: ['entra', 'hr'],
      targets: [{ id: 'strongdm', type: 'strongdm' }],
      attributes: CORE_ATTRIBUTES,
    });
    assert.deepEqual(problems, []);
    assert.ok(rules !== undefined);
    const target = { id: 'strongdm', mode: 'full', createRoles: true, can: { requires: [] } } as unknown as TargetView;
    const results = ruleTestResults({ rules, targets: [target] }, new Date('2026-11-01T00:00:00Z'));
    assert.ok(results.length > 0);
    assert.deepEqual(
      results.filter((result) => !result.ok),
      [],
    );
  }
});

test('the conditions of docs/rules.md come to what is said there', () => {
  const engine = createEngine(CORE_ATTRIBUTES);
  const user = { title: 'x', department: '' };
  const lines = blocks('docs/rules.md', 'cel').flatMap((block) => block.trim().split('\n'));
  assert.ok(lines.length >= 10);
  for (const line of lines) {
    const [, text = '', want] = /^(.*?)\s+\/\/ (true|false|undecided)$/.exec(line) ?? [];
    const compiled = engine.compile(text, 'bool', { file: 'docs/rules.md', line: 1, column: 1 });
    assert.ok('expression' in compiled, line);
    const outcome = compiled.expression.evaluate({ user, covers: new Set(Object.keys(user)), now: new Date(0) });
    assert.equal('value' in outcome ? String(outcome.value) : 'undecided', want, line);
  }
});

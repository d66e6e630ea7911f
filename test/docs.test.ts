import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { test } from 'node:test';
import { rulesPage } from '../scripts/docs.ts';

const ROOT = resolve(import.meta.dirname, '..');
const pages = globSync(['*.md', 'docs/**/*.md', 'examples/**/*.md', 'src/**/*.md'], { cwd: ROOT });

test('the tables of docs/rules.md are those of the code (npm run docs)', () => {
  const text = readFileSync(join(ROOT, 'docs/rules.md'), 'utf8');
  assert.equal(text, rulesPage(text));
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

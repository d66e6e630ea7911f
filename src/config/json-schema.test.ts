import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { kinds } from '../app/kinds.ts';
import { settingsJsonSchema } from './json-schema.ts';
import { loadSettings } from './load.ts';

const at = (path: string): URL => new URL(`../../config/${path}`, import.meta.url);

test('the committed JSON schema is what the code makes (npm run schema)', () => {
  const committed: unknown = JSON.parse(readFileSync(at('drawbridge.schema.json'), 'utf8'));
  assert.deepEqual(committed, JSON.parse(JSON.stringify(settingsJsonSchema(kinds))));
});

test('every setting of the schema has a description', () => {
  const lacking: string[] = [];
  const walk = (schema: Record<string, unknown>, path: string): void => {
    for (const [name, property] of Object.entries((schema['properties'] as object | undefined) ?? {})) {
      const here = `${path}.${name}`;
      if (typeof property.description !== 'string') lacking.push(here);
      walk(property, here);
      const { oneOf = [] } = property.additionalProperties ?? {};
      for (const kind of oneOf) walk(kind, `${here}.*`);
    }
  };
  walk(settingsJsonSchema(kinds), '');
  assert.deepEqual(lacking, []);
});

test("the project's own settings file is right as it stands", () => {
  const { problems, settings } = loadSettings({ file: at('drawbridge.yaml').pathname, env: {}, kinds });
  assert.deepEqual(problems, []);
  assert.ok(settings !== undefined && settings.sources.length > 0);
});

test('duplicate kinds are not listed', () => {
  for (const list of [kinds.sources, kinds.targets]) {
    assert.equal(new Set(list.map((kind) => kind.type)).size, list.length);
  }
});

test('docs/configuration.md names every setting', () => {
  const page = readFileSync(new URL('../../docs/configuration.md', import.meta.url), 'utf8');
  const lacking: string[] = [];
  const walk = (schema: Record<string, unknown>): void => {
    for (const [name, property] of Object.entries((schema['properties'] as object | undefined) ?? {})) {
      if (!page.includes(`\`${name}\``) && !page.includes(`## ${name}\n`)) lacking.push(name);
      walk(property);
      for (const kind of property.additionalProperties?.oneOf ?? []) walk(kind);
    }
  };
  walk(settingsJsonSchema(kinds));
  assert.deepEqual([...new Set(lacking)], []);
});

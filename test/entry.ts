/**
 * What the runner runs: every file as a suite of its own, so that hooks of one file (`before`, `beforeEach`, …) don't
 * run for the tests of all others, as they otherwise would in one process. test/run.ts says which files.
 */
import { describe } from 'node:test';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

for (const file of JSON.parse(process.env['DRAWBRIDGE_TEST_FILES'] ?? '[]') as string[]) {
  describe(file, async () => {
    await import(pathToFileURL(resolve(file)).href);
  });
}

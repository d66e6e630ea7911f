/**
 * What the runner runs: every file as a suite of its own, so that hooks of one file (`before`, `beforeEach`, …) don't
 * run for the tests of all others, as they otherwise would in one process. test/run.ts says which files.
 */
import { after, describe } from 'node:test';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

for (const file of JSON.parse(process.env['DRAWBRIDGE_TEST_FILES'] ?? '[]') as string[]) {
  describe(file, async () => {
    await import(pathToFileURL(resolve(file)).href);
  });
}

/** A run that has ended and whose process has not is a leak: it must fail, and soon, not hang until somebody kills it. */
const STRAY_MS = 30_000;

after(() => {
  const stray = setTimeout(() => {
    const left = process.getActiveResourcesInfo().toSorted().join(', ');
    process.stderr.write(`\nAll tests have ended, but something keeps the process: ${left}\n`);
    process.exitCode = 1;
    // As a time limit from outside would: the runner still prints its counts.
    process.kill(process.pid, 'SIGTERM');
  }, STRAY_MS);
  stray.unref();
});

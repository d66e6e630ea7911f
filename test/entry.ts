/**
 * What the runner runs: every file as a suite of its own, so that hooks of one file (`before`, `beforeEach`, …) don't
 * run for the tests of all others, as they otherwise would in one process. test/run.ts says which files.
 */
import { after, describe } from 'node:test';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { holdTestServer } from './support/database.ts';

/** Of a file, and of each test in it that says none of its own. */
const LIMIT_MS = 600_000;
/** A run that has ended and whose process has not is a leak: it must fail, and soon, not hang until somebody kills it. */
const STRAY_MS = 30_000;

export function runFiles(files: readonly string[]): void {
  const endServer = holdTestServer();
  for (const file of files) {
    describe(file, { timeout: LIMIT_MS }, async () => {
      await import(pathToFileURL(resolve(file)).href);
    });
  }
  after(async () => {
    await endServer();
    const stray = setTimeout(() => {
      const left = process.getActiveResourcesInfo().toSorted().join(', ');
      process.stderr.write(`\nAll tests have ended, but something keeps the process: ${left}\n`);
      process.exitCode = 1;
      process.kill(process.pid, 'SIGTERM');
    }, STRAY_MS);
    stray.unref();
  });
}

/**
 * The project's tests: `npm test [-- FILE…]`. All files share one process and one PostgreSQL server, which the tests
 * start themselves; that is ten times faster than a process a file. Ends with the runner's own counts.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, globSync } from 'node:fs';

const named = process.argv.slice(2);
const files = named.length > 0 ? named : globSync(['src/**/*.test.ts', 'test/**/*.test.ts']).toSorted();
const missing = files.filter((file) => !existsSync(file));
if (files.length === 0 || missing.length > 0) {
  process.stderr.write(`no such test file: ${missing.join(', ') || 'none at all'}; run this in the project's folder\n`);
  process.exit(1);
}
const run = spawnSync(
  process.execPath,
  ['--test', '--test-isolation=none', '--test-timeout=180000', '--test-reporter=spec', 'test/entry.ts'],
  { stdio: 'inherit', env: { ...process.env, DRAWBRIDGE_TEST_FILES: JSON.stringify(files) } },
);
process.exit(run.status ?? 1);

/**
 * The project's tests: `npm test [-- FILE…]`. All files share one process and one PostgreSQL server, which the tests
 * start themselves; that is ten times faster than a process a file. Ends with the runner's own counts.
 */
import { spawnSync } from 'node:child_process';
import { globSync } from 'node:fs';

const named = process.argv.slice(2);
const files = named.length > 0 ? named : globSync(['src/**/*.test.ts', 'test/**/*.test.ts']).toSorted();
if (files.length === 0) {
  process.stderr.write('no test files found: run this in the project folder\n');
  process.exit(1);
}
const run = spawnSync(
  process.execPath,
  ['--test', '--test-isolation=none', '--test-timeout=180000', '--test-reporter=spec', ...files],
  { stdio: 'inherit' },
);
process.exit(run.status ?? 1);

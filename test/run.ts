/**
 * The project's tests: `npm test [-- FILE…]`, or `npm run test:postgres [-- FILE…]` for the same on the PostgreSQL of
 * the system's packages. The tests start their servers themselves. Files share two processes, one for those that start
 * processes of their own and mostly wait; that is ten times faster than a process a file. Ends with the runner's counts.
 */
import { existsSync, globSync } from 'node:fs';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';
import { parseArgs } from 'node:util';

/** They start the service or PostgreSQL as processes, and are about what happens to those. */
const PROCESSES = /^test\/(e2e|packaging)\/|^src\/cli\/serve\.test\.ts$|^src\/store\/embedded\//;
/** Left out on another PostgreSQL: about the embedded server itself, started on it by definition, or on no store. */
const EMBEDDED =
  /^src\/store\/embedded\/|^src\/cli\/serve\.test\.ts$|^test\/(e2e\/(examples|interrupt)|packaging\/(package|deploy))\.test\.ts$/;

const { values, positionals: named } = parseArgs({
  options: { postgres: { type: 'boolean' } },
  allowPositionals: true,
});
const all = named.length > 0 ? named : globSync(['src/**/*.test.ts', 'test/**/*.test.ts']).toSorted();
const missing = all.filter((file) => !existsSync(file));
if (all.length === 0 || missing.length > 0) {
  process.stderr.write(`no such test file: ${missing.join(', ') || 'none at all'}; run this in the project's folder\n`);
  process.exit(1);
}
const files = values.postgres === true && named.length === 0 ? all.filter((file) => !EMBEDDED.test(file)) : all;
const [units, processes] = [files.filter((f) => !PROCESSES.test(f)), files.filter((f) => PROCESSES.test(f))];
Object.assign(process.env, {
  DRAWBRIDGE_TEST_STORE: values.postgres === true ? 'postgres' : 'embedded',
  DRAWBRIDGE_TEST_UNITS: JSON.stringify(units),
  DRAWBRIDGE_TEST_PROCESSES: JSON.stringify(processes),
});

const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort());
process.exitCode = 1;
run({
  files: [
    ...(processes.length > 0 ? ['test/entry-processes.ts'] : []),
    ...(units.length > 0 ? ['test/entry-units.ts'] : []),
  ],
  concurrency: 2,
  signal: stop.signal,
})
  .on('test:summary', ({ file, success }) => {
    if (file === undefined) process.exitCode = success && !stop.signal.aborted ? 0 : 1;
  })
  .compose(spec)
  .on('end', () => {
    if (files.length === all.length) return;
    const left = all.filter((file) => !files.includes(file));
    process.stdout.write(`Left out, since they are about the embedded server or need no store: ${left.join(' ')}\n`);
  })
  .pipe(process.stdout);

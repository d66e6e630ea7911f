/** `npm run fuzz -- --minutes 10 --seed N`: requests that nobody would send, against a service of its own. */
import { parseArgs } from 'node:util';
import { fuzz, summary } from '../test/fuzz/fuzz.ts';
import { fuzzService } from '../test/fuzz/service.ts';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 1e9)) },
    parallel: { type: 'string', default: '8' },
    slowest: { type: 'string', default: '1000' },
  },
});
const [minutes, seed, parallel, slowest] = [values.minutes, values.seed, values.parallel, values.slowest].map(Number);
if ([minutes, seed, parallel, slowest].some((n) => n === undefined || !(n >= 0)) || minutes === 0) {
  process.stderr.write('usage: npm run fuzz -- [--minutes N] [--seed N] [--parallel N] [--slowest MS]\n');
  process.exit(2);
}
const service = await fuzzService();
try {
  process.stdout.write(`seed ${seed}, ${minutes} minutes, ${parallel} at a time, no answer over ${slowest} ms\n`);
  const { base, token, memory } = service;
  const result = await fuzz({
    base,
    token,
    memory,
    seed: seed ?? 0,
    ms: (minutes ?? 10) * 60_000,
    parallel: parallel ?? 8,
    slowest: slowest ?? 1_000,
    progress: (done) => {
      if (done % 5_000 === 0 && done > 0) process.stderr.write(`${done} requests, ${Math.round(memory() / 1e6)} MB\n`);
    },
  });
  const errors = service.bridge
    .err()
    .split('\n')
    .filter((line) => /"level":"(error|fatal)"/.test(line));
  process.stdout.write(
    `${summary(result)}\n${errors
      .slice(0, 10)
      .map((line) => `${line}\n`)
      .join('')}`,
  );
  if (result.failures.length > 0 || errors.length > 0) process.exitCode = 1;
} finally {
  await service.close();
}

/**
 * What things cost: `npm run bench [-- NAME…] [--quick] [--write]`. A full run keeps its figures in bench/results;
 * `--write` makes docs/performance.md of what is kept. Nothing in here says that a figure is too bad: it shows them.
 */
import { loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { bench as groups } from './groups.ts';
import { bench as jobs } from './jobs.ts';
import { bench as ldap } from './ldap.ts';
import { bench as leaver } from './leaver.ts';
import { bench as plan } from './plan.ts';
import { bench as scimGroup } from './scim-group.ts';
import { bench as scimPaging } from './scim-paging.ts';
import { bench as scimPatch } from './scim-patch.ts';
import { bench as scimPost } from './scim-post.ts';
import { bench as scimRead } from './scim-read.ts';
import { bench as start } from './start.ts';
import { machine } from './support/machine.ts';
import { keep, table, writeDocument } from './support/report.ts';
import type { Bench, Scale } from './support/types.ts';

/** In the order of the document. A new bench is a file beside this one and a line here. */
const BENCHES: readonly Bench[] = [
  scimRead,
  scimPost,
  scimPatch,
  scimPaging,
  scimGroup,
  jobs,
  leaver,
  ldap,
  plan,
  groups,
  start,
];

const USAGE = `npm run bench [-- NAME…] [--quick] [--write] [--only-write]

  --quick       a small run of a few seconds each: do they still work? Keeps nothing
  --write       then writes docs/performance.md from the last full run of each
  --only-write  writes it without running anything

${BENCHES.map((bench) => `  ${bench.name.padEnd(14)}${bench.title}`).join('\n')}
`;

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      quick: { type: 'boolean', default: false },
      write: { type: 'boolean', default: false },
      'only-write': { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const unknown = positionals.filter((name) => BENCHES.every((bench) => bench.name !== name));
  if (values.help || unknown.length > 0) {
    process.stdout.write(unknown.length > 0 ? `There is no bench ${unknown.join(', ')}.\n\n${USAGE}` : USAGE);
    return unknown.length > 0 ? 2 : 0;
  }
  const chosen = BENCHES.filter((bench) => positionals.length === 0 || positionals.includes(bench.name));
  if (!values['only-write']) for (const bench of chosen) await runOne(bench, values.quick);
  if (values.write || values['only-write']) writeDocument(BENCHES);
  return 0;
}

async function runOne(bench: Bench, quick: boolean): Promise<void> {
  const begun = performance.now();
  const busy = loadavg()[0] ?? 0;
  const scale: Scale = {
    quick,
    pick: (full, small) => (quick ? small : full),
    say: (text) => void process.stderr.write(`  ${bench.name}: ${text}\n`),
  };
  const measured = await bench.run(scale);
  // A small run says nothing about an aim.
  const figures = quick ? measured.map(({ aim: _aim, ...figure }) => figure) : measured;
  const seconds = Math.round((performance.now() - begun) / 1000);
  process.stdout.write(`\n${bench.title} (${bench.name}, ${seconds} s)\n${table(figures)}\n`);
  const load = [busy, loadavg()[0] ?? 0] as const;
  if (!quick) keep({ bench: bench.name, at: new Date().toISOString(), machine: machine(), load, figures });
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
try {
  process.exit(await main());
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
}

import { readFileSync, writeFileSync } from 'node:fs';
import { existsSync, mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Bench, Figure } from './types.ts';

/** What one run of a bench gave, as it is kept. */
export interface Result {
  readonly bench: string;
  readonly at: string;
  readonly machine: string;
  /** Load average over one minute, before and after: above the number of cores, others were at work too. */
  readonly load?: readonly [number, number];
  readonly figures: readonly Figure[];
}

const FOLDER = fileURLToPath(new URL('../results', import.meta.url));
const DOCUMENT = fileURLToPath(new URL('../../docs/performance.md', import.meta.url));
const fileOf = (name: string): string => `${FOLDER}/${name}.json`;

export function keep(result: Result): void {
  mkdirSync(FOLDER, { recursive: true });
  writeFileSync(fileOf(result.bench), `${JSON.stringify(result, null, 2)}\n`);
}

const kept = (name: string): Result | undefined =>
  existsSync(fileOf(name)) ? (JSON.parse(readFileSync(fileOf(name), 'utf8')) as Result) : undefined;

/** Three digits that mean something. */
export function amount(value: number): string {
  if (!Number.isFinite(value)) return '–';
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : Math.abs(value) >= 1 ? 2 : 3;
  return value.toFixed(digits).replace(/\B(?=(\d{3})+(?!\d))(?<!\.\d*)/g, ' ');
}

const HEAD = ['what', 'median', 'min–max', 'p99 ms', 'CPU ms', 'store CPU ms', 'peak MB', 'ratio', 'aim', ''] as const;

function cells(figure: Figure): string[] {
  const { rounds = [], ratio, aim } = figure;
  const optional = (value: number | undefined): string => (value === undefined ? '' : amount(value));
  return [
    figure.name,
    `${amount(figure.value)} ${figure.unit}`,
    rounds.length > 1 ? `${amount(Math.min(...rounds))}–${amount(Math.max(...rounds))}` : '',
    optional(figure.p99),
    optional(figure.cpuMs),
    optional(figure.storeCpuMs),
    optional(figure.peakMb),
    ratio === undefined ? '' : `${amount(ratio.value)} × ${ratio.to}`,
    aim?.text ?? '',
    aim === undefined ? '' : aim.reached ? 'reached' : '**not reached**',
  ];
}

/** A table in Markdown, which also reads well on a screen; columns that nobody fills are left out. */
export function table(figures: readonly Figure[]): string {
  const rows = figures.map(cells);
  const used = HEAD.map((_, i) => rows.some((row) => row[i] !== ''));
  const lines = [[...HEAD], ...rows].map((row) => row.filter((_, i) => used[i]));
  const widths = (lines[0] ?? []).map((_, i) => Math.max(...lines.map((line) => line[i]?.length ?? 0), 3));
  const line = (row: readonly string[]): string => `| ${row.map((c, i) => c.padEnd(widths[i] ?? 0)).join(' | ')} |`;
  const [head = [], ...rest] = lines;
  return [line(head), `| ${widths.map((w) => '-'.repeat(w)).join(' | ')} |`, ...rest.map(line)].join('\n');
}

const INTRO = `# Performance

Made by \`npm run bench -- --write\` from the last full run of each bench; don't edit it by hand: what the figures mean is
written in the bench's file. Each figure is the median of its rounds. Servers under test run in processes of their own,
the load comes from another process on the same machine, and a peer is measured in the same run, in turns. "CPU ms" is
what the measured process alone uses for one request, "store CPU ms" what PostgreSQL uses for it; "peak MB" is the most
memory that the measured process held. Other work on the machine makes every time longer and throughput lower, so each
chapter says how busy the machine was (load average, over its cores); CPU times suffer least from it.

\`npm run bench\` runs all of it, \`npm run bench -- NAME\` one; \`--quick\` only tries whether they run.
`;

const busy = ({ load }: Result): string =>
  load === undefined ? '' : `;\nload average ${load[0].toFixed(1)} before, ${load[1].toFixed(1)} after`;

/** What the document says of a bench already: from its command to the end of its table. */
function written(command: string): string | undefined {
  if (!existsSync(DOCUMENT)) return undefined;
  const text = `${readFileSync(DOCUMENT, 'utf8')}\n`;
  const at = text.indexOf(`\n${command}, 2`);
  const end = text.indexOf('|\n\n', at);
  return at < 0 || end < 0 ? undefined : text.slice(at + 1, end + 1);
}

/**
 * Writes docs/performance.md from what is kept. Of a bench that was not run here the document keeps what it has; one
 * that was never run is named as such.
 */
export function writeDocument(benches: readonly Bench[]): void {
  const chapters = benches.map((bench) => {
    const result = kept(bench.name);
    const command = `\`npm run bench -- ${bench.name}\``;
    const body =
      result === undefined
        ? (written(command) ?? `${command} has not been run yet.`)
        : `${command}, ${result.at.slice(0, 10)}, ${result.machine}${busy(result)}.\n\n${table(result.figures)}`;
    const notes = bench.notes.trim();
    return `## ${bench.title}\n\n${bench.about.trim()}\n\n${body}\n${notes === '' ? '' : `\n${notes}\n`}`;
  });
  writeFileSync(DOCUMENT, [INTRO, ...chapters].join('\n'));
}

import { type Load, load, type LoadResult } from './load.ts';
import { cpuMs, familyCpuMs, peakMb, resetPeak, type Running } from './process.ts';
import { median, medianRatio } from './stats.ts';
import type { Figure } from './types.ts';

/** What one load did to one server. */
export interface Round extends LoadResult {
  /** CPU time of the server for one request, ms. */
  readonly cpu: number;
  /** The same of the PostgreSQL server; NaN when none was named. */
  readonly storeCpu: number;
  /** The most memory that it held meanwhile, MB. */
  readonly peak: number;
}

/** One load on one server, with what the server, and the PostgreSQL server `store` (its process id), used for it. */
export async function measure(server: Running, job: Omit<Load, 'url'>, store?: number): Promise<Round> {
  const used = (): [number, number] => [cpuMs(server.pid), store === undefined ? Number.NaN : familyCpuMs(store)];
  let before = used();
  let after = before;
  resetPeak(server.pid);
  const warm = (): void => void (before = used());
  const done = (): void => void (after = used());
  const result = await load({ ...job, url: server.url }, { warm, done });
  const [cpu, storeCpu] = [after[0] - before[0], after[1] - before[1]].map((ms) => ms / result.count);
  return { ...result, cpu: cpu ?? Number.NaN, storeCpu: storeCpu ?? Number.NaN, peak: peakMb(server.pid) };
}

export const rates = (rounds: readonly Round[]): number[] => rounds.map((round) => round.perSecond);

/** Requests a second over the rounds, with all that belongs to them. */
export const rateFigure = (name: string, rounds: readonly Round[]): Figure => ({
  name,
  value: median(rates(rounds)),
  unit: '/s',
  rounds: rates(rounds),
  p99: median(rounds.map(({ p99 }) => p99)),
  peakMb: Math.max(...rounds.map(({ peak }) => peak)),
  cpuMs: median(rounds.map(({ cpu }) => cpu)),
  ...(rounds.some(({ storeCpu }) => Number.isNaN(storeCpu))
    ? {}
    : { storeCpuMs: median(rounds.map(({ storeCpu }) => storeCpu)) }),
});

export const ratioTo = (
  to: string,
  ours: readonly Round[],
  theirs: readonly Round[],
): NonNullable<Figure['ratio']> => ({
  to,
  value: medianRatio(rates(ours), rates(theirs)),
});

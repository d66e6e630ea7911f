import { type Load, load, type LoadResult } from './load.ts';
import { cpuMs, peakMb, resetPeak, type Running } from './process.ts';
import { median, medianRatio } from './stats.ts';
import type { Figure } from './types.ts';

/** What one load did to one server. */
export interface Round extends LoadResult {
  /** CPU time of the server for one request, ms. */
  readonly cpu: number;
  /** The most memory that it held meanwhile, MB. */
  readonly peak: number;
}

/** One load on one server, with what the server used for it. */
export async function measure(server: Running, job: Omit<Load, 'url'>): Promise<Round> {
  let cpu = 0;
  resetPeak(server.pid);
  const result = await load(
    { ...job, url: server.url },
    { warm: () => (cpu = cpuMs(server.pid)), done: () => (cpu = cpuMs(server.pid) - cpu) },
  );
  return { ...result, cpu: cpu / result.count, peak: peakMb(server.pid) };
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
});

export const ratioTo = (
  to: string,
  ours: readonly Round[],
  theirs: readonly Round[],
): NonNullable<Figure['ratio']> => ({
  to,
  value: medianRatio(rates(ours), rates(theirs)),
});

/**
 * How long to wait after the `attempt`-th failure in a row (from 1): anything between nothing and base · 2^(attempt-1),
 * at most `cap` (full jitter, so that lanes that failed together don't come back together), but never less than what
 * the target asked for. Whole milliseconds.
 */
export function backoffMs(
  attempt: number,
  random: () => number,
  { base, cap, afterMs = 0 }: { readonly base: number; readonly cap: number; readonly afterMs?: number },
): number {
  const ceiling = Math.min(cap, base * 2 ** Math.min(Math.max(attempt, 1) - 1, 40));
  return Math.max(Math.ceil(afterMs), Math.floor(random() * ceiling));
}

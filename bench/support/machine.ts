import { cpus, release, totalmem } from 'node:os';
import { availableParallelism } from 'node:os';

/** Where the figures come from, in a line. */
export function machine(): string {
  const gb = Math.round(totalmem() / 1e9);
  const model = cpus()[0]?.model.trim() ?? 'unknown CPU';
  return `${availableParallelism()} cores (${model}), ${gb} GB, Linux ${release()}, Node ${process.versions.node}, embedded PostgreSQL`;
}

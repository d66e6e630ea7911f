import { CommandError, EXIT } from './exit.ts';

/** A page's size out of `--limit`: 1 to 10 000. */
export function readLimit(text: string): number {
  const limit = Number(text);
  if (Number.isInteger(limit) && limit >= 1 && limit <= 10_000) return limit;
  throw new CommandError(EXIT.usage, `--limit: "${text}" is no page size`, {
    remedy: 'Give a number from 1 to 10000.',
  });
}

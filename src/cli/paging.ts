import { CommandError, EXIT } from './exit.ts';

/** What `--limit` says: 1 to `most` of `what`, a page's size where nothing else is said. */
export function readLimit(text: string, what = 'page size', most = 10_000): number {
  const limit = Number(text);
  if (Number.isInteger(limit) && limit >= 1 && limit <= most) return limit;
  throw new CommandError(EXIT.usage, `--limit: "${text}" is no ${what}`, {
    remedy: `Give a number from 1 to ${most}.`,
  });
}

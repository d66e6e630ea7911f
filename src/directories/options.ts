import * as z from 'zod';
import { DURATION_PATTERN, parseDuration } from '../model/duration.ts';
import type { ReadingSettings } from '../model/settings.ts';

/** The longest time that timers and intervals of the store take well: ten years. */
const LONGEST = 10 * 365 * 86_400_000;

/** `30s`, `5m`, `1h30m`, `7d`: from `least` to ten years. */
const duration = (least: string) =>
  z
    .string()
    .regex(new RegExp(DURATION_PATTERN), 'must be a time such as 30s, 5m, 6h or 1h30m')
    .refine((text) => msOf(text) >= msOf(least) && msOf(text) <= LONGEST, `must be at least ${least}`);

const msOf = (text: string): number => parseDuration(text) ?? 0;

/** What the settings of every directory have besides its own: spread it into the kind's `z.strictObject`. */
export const readingOptions = {
  ttl: duration('1s').default('5m').describe('How long after a reading the next one is due.'),
  fullEvery: duration('1s').default('6h').describe('How often everything is read, and not only what changed.'),
  shrinkLimit: z
    .string()
    .regex(/^(\d{1,2}(\.\d+)?|100)%$/, 'must be a percentage such as 10%')
    .default('10%')
    .describe('A reading in which more than this part of the people or groups is missing is not taken as whole.'),
  canaries: z
    .array(z.string().min(1, 'must not be empty'))
    .max(100, 'must be 100 at most')
    .default([])
    .describe('Ids, user names or group names that every whole reading has: without one of them it is not whole.'),
  maxStale: duration('1s')
    .default('24h')
    .describe(
      'After this long without a whole reading the people of the source are frozen: nothing is given or taken.',
    ),
};

type ReadingOptions = z.output<z.ZodObject<typeof readingOptions>>;

/** The options of every directory as the reader wants them. */
export const readingSettings = (options: ReadingOptions): ReadingSettings => ({
  ttl: msOf(options.ttl),
  fullEvery: msOf(options.fullEvery),
  shrinkLimit: Number(options.shrinkLimit.slice(0, -1)) / 100,
  canaries: options.canaries,
  maxStale: msOf(options.maxStale),
});

import * as z from 'zod';
import { DURATION_PATTERN, parseDuration } from '../model/duration.ts';
import { BURST_LIMIT } from '../model/guard.ts';

/** Ids stand in addresses, metrics and rules. */
const ID = /^[a-z0-9][a-z0-9_-]{0,62}$/i;
export const id = z
  .string()
  .regex(ID, 'must be letters, digits, - and _, at most 63, beginning with a letter or digit');

/** The window is counted in sixty parts of whole seconds. */
const burstWindow = z
  .string()
  .regex(new RegExp(DURATION_PATTERN), { error: 'must be a time such as 30m, 1h or 1h30m', abort: true })
  .refine((text) => {
    const ms = parseDuration(text) ?? 0;
    return ms >= 60_000 && ms <= 86_400_000;
  }, 'must be from 1m to 24h');

const leaverBurst = z
  .strictObject({
    abs: z
      .int('must be a whole number')
      .min(0, 'must be at least 0')
      .max(1_000_000_000, 'must be at most 1000000000')
      .default(BURST_LIMIT.abs)
      .describe('This many may always leave.'),
    pct: z
      .number('must be a number')
      .min(0, 'must be at least 0')
      .max(100, 'must be at most 100')
      .default(BURST_LIMIT.pct)
      .describe("Per cent of the source's people, if more."),
    within: burstWindow.default('1h').describe('Counted within this time.'),
  })
  .describe(
    'How many people of the source may leave or be suspended at a time. Further ones lose protected roles at once, and ' +
      'the rest is held for "drawbridge approve".',
  );

/** What every source has; the rest belongs to its kind. */
export const sourceSchema = z.looseObject({
  type: z.string().describe('Kind of source.'),
  was: id
    .optional()
    .describe('The id that this source had before: its records, people and tokens go on under the new one.'),
  trusted: z
    .boolean()
    .optional()
    .describe('Where some source says true, rules with protected: true may go by such sources alone.'),
  selfEditable: z
    .array(z.string().min(1))
    .optional()
    .describe('Attributes that people can change there themselves. Default: those usual for the kind of source.'),
  leaverBurst: leaverBurst.optional(),
  issuer: id
    .optional()
    .describe(
      'Who gives out the numbers and names of its records. Only records of one issuer can be one person. ' +
        'Default: all sources that say nothing have the same.',
    ),
  people: z
    .string()
    .min(1, 'must be an expression')
    .optional()
    .describe('Which records are humans: an expression over the record. Others belong to nobody. Default: all.'),
  secondary: z
    .string()
    .min(1, 'must be an expression')
    .optional()
    .describe(
      'Which records are one more of somebody who has one there already, such as adm- accounts: an expression over ' +
        'the record. They give their groups, and never end or suspend anybody.',
    ),
});

const roleSettings = z.strictObject({
  authoritative: z
    .boolean()
    .optional()
    .describe('Whoever has it on an account of ours, and not by a rule, loses it, guarded like any inferred removal.'),
  minMembers: z
    .int('must be a whole number')
    .min(1, 'must be at least 1')
    .max(1_000_000, 'must be at most 1000000')
    .optional()
    .describe('What would leave fewer of those to whom it was given is held, but for people who leave.'),
});

/** What every target has; the rest belongs to its kind. */
export const targetSchema = z.looseObject({
  type: z.string().describe('Kind of target.'),
  mode: z
    .enum(['observe', 'add-only', 'full'])
    .describe(
      'observe: writes only by "drawbridge apply HASH". add-only: gives by itself, takes nothing but from people who ' +
        'are suspended or left. full: gives and takes by itself.',
    ),
  simulator: z
    .boolean()
    .default(false)
    .describe('Use the built-in simulator, run as a child of the service, instead of the real system.'),
  baseline: z
    .enum(['approve', 'auto'])
    .default('approve')
    .describe('approve: nothing is written to a real target before its first full plan was applied by hand.'),
  adopt: z
    .enum(['ask', 'auto', 'never'])
    .default('ask')
    .describe(
      'Accounts that are there already and have the login that a person is to have. ask: they wait for an operator ' +
        '(drawbridge adoptions). auto: taken over where their e-mail address is the person’s and lies in one of ' +
        'verifiedDomains. never: only reported.',
    ),
  untouchable: z
    .array(z.string().regex(/^(tag:[^=\s]+(=.*)?|(?!tag:)\S+)$/, 'must be an id, tag:KEY or tag:KEY=VALUE'))
    .default([])
    .describe(
      'Accounts and roles that no operation may touch, also when somebody leaves (break-glass): ids of the target, ' +
        'or accounts by tag:KEY or tag:KEY=VALUE.',
    ),
  roles: z
    .record(z.string().min(1), roleSettings)
    .default({})
    .describe('What is special about single roles, by their name at the target.'),
  scope: z
    .string()
    .min(1, 'must be an expression')
    .optional()
    .describe(
      'Condition of the rule language over the person, for a pilot: others are given nothing there, and keep what they have.',
    ),
  idleAfter: z
    .string()
    .refine((text) => text === 'never' || parseDuration(text) !== undefined, 'must be a duration such as 30d, or never')
    .default('30d')
    .describe('So long after nothing is left that the rules gave an account its sign-in is blocked; never leaves it.'),
  createRoles: z.boolean().default(false).describe('May roles that rules name and the target lacks be made there?'),
  profile: z
    .partialRecord(z.enum(['login', 'firstName', 'lastName', 'displayName', 'email']), z.string())
    .default({})
    .describe('How accounts look: one expression of the rule language for each field, instead of the default.'),
});

import * as z from 'zod';
import { LOG_LEVELS } from '../log.ts';
import { parseRange } from '../model/addresses.ts';
import { extensionsSchema } from './extensions.ts';
import { BURST_LIMIT, type Budget, GUARD_LIMITS } from '../model/guard.ts';
import { DURATION_PATTERN, parseDuration } from '../model/duration.ts';

/** Ids stand in addresses, metrics and rules. */
const ID = /^[a-z0-9][a-z0-9_-]{0,62}$/i;
const id = z.string().regex(ID, 'must be letters, digits, - and _, at most 63, beginning with a letter or digit');

const LISTEN = /^(\[[0-9a-f:.]+\]|[a-z0-9._-]+):(\d{1,5})$/i;

const LISTEN_WRONG = 'must be HOST:PORT, such as 127.0.0.1:8080';

/** Host and port of `HOST:PORT`; undefined when it is none. Port 0 lets the system choose. */
export function parseListen(text: string): { host: string; port: number } | undefined {
  const [, host, digits] = LISTEN.exec(text) ?? [];
  const port = Number(digits);
  return host === undefined || port > 65_535 ? undefined : { host: host.replace(/^\[(.*)\]$/, '$1'), port };
}

export const STORE_URL = /^(embedded:.+|postgres(ql)?:\/\/.+)$/;

const publicUrl = z
  .string()
  .refine((text) => {
    const url = URL.parse(text);
    return url !== null && /^https?:$/.test(url.protocol) && url.search === '' && url.hash === '';
  }, 'must be an address such as https://bridge.example.com, without query')
  .describe('Address that clients use when a proxy stands in front; SCIM locations are made of it.');

const DOMAIN = /^[a-z0-9-]+(\.[a-z0-9-]+)+$/i;

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
  createRoles: z.boolean().default(false).describe('May roles that rules name and the target lacks be made there?'),
  profile: z
    .partialRecord(z.enum(['login', 'firstName', 'lastName', 'displayName', 'email']), z.string())
    .default({})
    .describe('How accounts look: one expression of the rule language for each field, instead of the default.'),
});

const listen = z.string(LISTEN_WRONG).refine((text) => parseListen(text) !== undefined, LISTEN_WRONG);

const tls = z
  .strictObject({
    certFile: z.string().min(1, 'must name a file').describe('PEM file with the certificate, and those between.'),
    keyFile: z.string().min(1, 'must name a file').describe('PEM file with the key, without a password.'),
  })
  .describe('Speak TLS (1.2 or later). The files are read again when they change, and on SIGHUP.');

const ranges = z.array(
  z.string().refine((text) => parseRange(text) !== undefined, 'must be an address or a range such as 192.0.2.0/24'),
);

const scimListen = z
  .strictObject({
    listen: listen.describe('HOST:PORT for SCIM alone; port 0 takes a free one.'),
    publicUrl: publicUrl.optional(),
    tls: tls.optional(),
    allow: ranges
      .min(1, 'must name at least one address; leave it out to let everybody connect')
      .optional()
      .describe('Addresses and ranges that may connect. Default: all.'),
    alsoInside: z.boolean().default(false).describe('Serve SCIM at server.listen too.'),
  })
  .describe('SCIM on an address of its own, open to the outside, while everything else stays on server.listen.');

const budget = ({ abs, pct, from }: Budget, about: string) =>
  z
    .strictObject({
      abs: z.int().min(0).default(abs).describe('This many are always allowed.'),
      pct: z.number().min(0).max(100).default(pct).describe('Per cent of what is owned that are allowed, if more.'),
      from: z.int().min(0).default(from).describe('The per cent count from this many owned.'),
    })
    .prefault({})
    .describe(about);

const guardSchema = z
  .strictObject({
    accounts: budget(GUARD_LIMITS.accounts, 'Accounts blocked, per target.'),
    attachments: budget(GUARD_LIMITS.attachments, 'Roles and aliases taken, per target and per source.'),
    role: budget(GUARD_LIMITS.role, 'Attachments of one role taken.'),
    emptyFrom: z
      .int()
      .min(1)
      .default(GUARD_LIMITS.emptyFrom)
      .describe('A role with at least this many attachments of ours is never emptied by itself.'),
    protectedGrants: budget(GUARD_LIMITS.protectedGrants, 'Grants of one protected role.'),
    creations: budget(
      GUARD_LIMITS.creations,
      'Accounts made, per target that is neither a simulator nor set to baseline: auto.',
    ),
  })
  .prefault({})
  .describe('How much may be taken or given in 24 h by inference before it is held for "drawbridge approve".');

const correlationKey = z.union([
  z.string().min(1).describe('An attribute.'),
  z.strictObject({
    name: z.string().min(1).describe('How the key is called; without sources also the attribute.'),
    sources: z
      .record(id, z.string().min(1))
      .optional()
      .describe('By source: the attribute that holds the key there. Sources that are not named do not have it.'),
    reused: z
      .boolean()
      .optional()
      .describe('May a value be given to somebody else later? Default: true for userName, email and emails.'),
  }),
]);

const correlationSchema = z
  .strictObject({
    keys: z
      .array(correlationKey)
      .min(1, 'must name at least one key')
      .max(16, 'must name at most 16 keys')
      .describe('Attributes by which records are found to be one person, the surest first.'),
    recycle: z
      .string()
      .regex(new RegExp(DURATION_PATTERN), 'must be a duration such as 90d')
      .default('90d')
      .describe('For so long after a record went, its user name or e-mail address alone makes a case.'),
  })
  .describe('How records of several sources, and of people who come back, are found to be one person.');

/** The settings file. Options of kinds are checked by the kinds. */
export const settingsSchema = z.strictObject({
  server: z
    .strictObject({
      listen: listen
        .default('127.0.0.1:8080')
        .describe('HOST:PORT to listen on; port 0 takes a free one. PORT in the environment overrides the port.'),
      publicUrl: publicUrl.optional(),
      tls: tls.optional(),
      trustProxy: ranges
        .default([])
        .describe('Proxies whose X-Forwarded-For and X-Forwarded-Proto are believed: addresses and ranges.'),
      scim: scimListen.optional(),
    })
    .prefault({})
    .describe('Where the service listens.'),
  store: z
    .strictObject({
      url: z
        .string()
        .regex(STORE_URL, 'must be embedded:FOLDER or postgres://USER:PASSWORD@HOST/DATABASE')
        .default('embedded:data')
        .describe('embedded:FOLDER, or postgres://…. DATABASE_URL in the environment overrides it.'),
      witness: z
        .string()
        .min(1, 'must name a file')
        .optional()
        .describe(
          'File outside of the database that notes how far it had come, so that an old copy is recognised. ' +
            'Default: witness.json in the data folder. Best on another disk, and never part of a backup.',
        ),
    })
    .prefault({})
    .describe('The database: a PostgreSQL that Drawbridge runs itself in a folder, or one of yours.'),
  queue: z.strictObject({}).prefault({}).describe('The queue runs on the store; there is nothing to set.'),
  data: z
    .string()
    .min(1, 'must name a folder')
    .optional()
    .describe("Folder of the built-in simulators' state. Default: the folder of an embedded store, else data."),
  sources: z
    .record(id, sourceSchema)
    .refine((sources) => Object.keys(sources).length > 0, 'must name at least one source')
    .describe('Where people come from, by id.'),
  schemas: extensionsSchema.default([]),
  precedence: z
    .record(z.string().min(1), z.array(z.string()).min(1, 'must name at least one source'))
    .optional()
    .describe('By attribute: the sources that decide it, strongest first. Default: all, in the order of sources.'),
  verifiedDomains: z
    .array(z.string().regex(DOMAIN, 'must be a domain such as example.com'))
    .optional()
    .describe('E-mail domains where nobody but you gives out addresses.'),
  correlation: correlationSchema.optional(),
  targets: z.record(id, targetSchema).default({}).describe('Systems where access is given, by id.'),
  guard: guardSchema,
  rules: z.string().min(1, 'must name a folder').default('rules').describe('Folder of the rules files (*.yaml).'),
  log: z
    .strictObject({ level: z.enum(LOG_LEVELS).default('info').describe('LOG_LEVEL in the environment overrides it.') })
    .prefault({})
    .describe('What is logged.'),
});

export type SettingsFile = z.output<typeof settingsSchema>;

/** Keys that people try and that this version has no use for, with what to do instead. */
export const NOT_YET: Readonly<Record<string, string>> = {
  'queue.redis': 'Redis is not supported in this version; remove it: the queue runs on the store',
};

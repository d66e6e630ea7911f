import * as z from 'zod';
import { id, sourceSchema, targetSchema } from './entries.ts';
import { LOG_LEVELS } from '../log.ts';
import { parseRange } from '../model/addresses.ts';
import { extensionsSchema } from './extensions.ts';
import { type Budget, GUARD_LIMITS } from '../model/guard.ts';
import { DURATION_PATTERN } from '../model/duration.ts';

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

import { readFileSync } from 'node:fs';
import * as z from 'zod';
import { CORE_ATTRIBUTES } from '../../model/attributes.ts';
import { parseDuration } from '../../model/duration.ts';
import { readingOptions } from '../options.ts';
import { dnKey } from './dn.ts';
import { FLAVORS, type FlavorName } from './flavors.ts';
import { type Address, encodeFilter, FilterError } from './wire/index.ts';

const URL_WRONG = 'must be ldaps://HOST or ldap://HOST, with :PORT where it is not 636 or 389';
const URL_PATTERN = /^(ldaps?):\/\/(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::(\d{1,5}))?\/?$/i;

/** Undefined when it is no address of an LDAP server. */
export function parseUrl(text: string): Address | undefined {
  const [, scheme, host, digits] = URL_PATTERN.exec(text.trim()) ?? [];
  if (scheme === undefined || host === undefined) return undefined;
  const tls = scheme.toLowerCase() === 'ldaps';
  const port = digits === undefined ? (tls ? 636 : 389) : Number(digits);
  if (port < 1 || port > 65_535) return undefined;
  return { host: host.replace(/^\[(.*)\]$/, '$1'), port, tls, url: `${tls ? 'ldaps' : 'ldap'}://${host}:${port}` };
}

const url = z.string().refine((text) => parseUrl(text) !== undefined, URL_WRONG);

const dn = z
  .string()
  .refine(
    (text) => text.trim() !== '' && dnKey(text) !== undefined,
    'must be a distinguished name such as OU=People,DC=example,DC=com',
  );

const filter = z.string().check((context) => {
  try {
    encodeFilter(context.value);
  } catch (error) {
    if (!(error instanceof FilterError)) throw error;
    context.issues.push({ code: 'custom', input: context.value, message: `is no filter: ${error.message}` });
  }
});

const oneOrMore = <T extends z.ZodType>(item: T) =>
  z.union([item, z.array(item).min(1, 'must name at least one')], 'must be a text or a list of texts');

const ATTRIBUTE = /^[A-Za-z][A-Za-z0-9-]*(;[A-Za-z0-9-]+)*$/;
const attribute = z.string().regex(ATTRIBUTE, 'must be the name of an attribute of the directory');

const PEM = { certificate: '-----BEGIN CERTIFICATE-----', key: 'PRIVATE KEY-----' } as const;

/** Reads the file now, so that a mistake shows when the settings are checked. */
const pem = (what: keyof typeof PEM) =>
  z
    .string()
    .min(1, 'must name a file')
    .transform((file, context): Buffer => {
      try {
        const bytes = readFileSync(file);
        if (bytes.includes(PEM[what])) return bytes;
        context.addIssue(`${file} holds no PEM ${what}`);
      } catch (error) {
        context.addIssue(`${file} can not be read (${(error as NodeJS.ErrnoException).code ?? 'error'})`);
      }
      return z.NEVER;
    });

const duration = (most: string) =>
  z.string().refine((text) => {
    const ms = parseDuration(text) ?? 0;
    return ms >= 100 && ms <= (parseDuration(most) ?? 0);
  }, `must be a time such as 10s, at most ${most}`);

const NAME = /^[a-z][A-Za-z0-9_]{0,62}$/;
const NOT_MAPPED = new Set(['active', 'userName', 'groups', 'id']);
const core = new Map(CORE_ATTRIBUTES.map((a) => [a.name, a]));

const from = oneOrMore(z.union([attribute, z.literal('dn')]));

const mapped = z.union(
  [
    from,
    z.literal(false),
    z.strictObject({
      from: from.describe('Attribute of the directory; of several the first that has a value.'),
      type: z
        .enum(['string', 'list<string>', 'int', 'bool', 'timestamp', 'filetime', 'days'])
        .default('string')
        .describe(
          'timestamp: generalized time. filetime: 100 ns since 1601, as AD has it. days: since 1970, as shadow has it.',
        ),
      about: z.string().optional().describe('For people who write rules.'),
    }),
  ],
  'must be the name of an attribute of the directory, a list of them, { from, type }, or false',
);

const attributes = z
  .record(z.string(), mapped)
  .check((context) => {
    for (const [name, value] of Object.entries(context.value)) {
      const wrong = (message: string): void =>
        void context.issues.push({ code: 'custom', input: value, path: [name], message });
      if (!NAME.test(name)) wrong('must be a name for rules: a small letter, then letters, digits and _');
      else if (name === 'userName' || name === 'active')
        wrong(`is set by ${name === 'active' ? 'disabled' : 'the option userName'}`);
      else if (NOT_MAPPED.has(name)) wrong('is a word of the rules, choose another name');
      else if (
        core.has(name) &&
        typeof value === 'object' &&
        !Array.isArray(value) &&
        typeFits(name, value.type) === false
      )
        wrong(`is ${core.get(name)?.type} in all sources; leave type away, or choose another name`);
    }
  })
  .default({})
  .describe('What rules know as user.NAME, by attribute of the directory. false leaves out what the flavor has.');

const typeFits = (name: string, type: string): boolean => core.get(name)?.type === type;

const disabledBy = z.union(
  [
    z.enum(['userAccountControl', 'accountExpires', 'nsAccountLock', 'pwdAccountLockedTime', 'shadowExpire']),
    z.strictObject({
      attribute: attribute.describe('Who has one of these values in it is disabled.'),
      values: z.array(z.string().min(1)).min(1, 'must name at least one value').describe('Compared without case.'),
    }),
  ],
  'must be userAccountControl, accountExpires, nsAccountLock, pwdAccountLockedTime, shadowExpire, or { attribute, values }',
);

/** What settings of `type: ldap` may say besides what every source has. */
const plainOptions = z.strictObject({
  ...readingOptions,
  flavor: z
    .enum(Object.keys(FLAVORS) as [FlavorName, ...FlavorName[]])
    .describe(
      'Kind of server: ad, openldap, 389ds, or generic for any other with entryUUID. It decides the defaults below.',
    ),
  url: oneOrMore(url).describe(
    'Address, ldaps://HOST[:PORT] or ldap://HOST[:PORT]; of several with the same content the first that can be reached.',
  ),
  startTls: z.boolean().default(false).describe('Begin TLS on an ldap:// connection before signing in.'),
  caFile: pem('certificate').optional().describe('PEM certificates of the CAs to trust instead of the public ones.'),
  certFile: pem('certificate').optional().describe('PEM certificate to show to the server, if it asks for one.'),
  keyFile: pem('key').optional().describe('PEM key of certFile.'),
  serverName: z
    .string()
    .min(1, 'must not be empty')
    .optional()
    .describe('Name that the certificate of the server must have. Default: the host in url.'),
  insecure: z.boolean().default(false).describe('Send the password without TLS. Never needed for this machine itself.'),
  bindDn: z
    .string()
    .min(1, 'must not be empty')
    .optional()
    .describe('Account to read with: a distinguished name; for AD also NAME@DOMAIN.'),
  password: z
    .string()
    .min(1, 'must not be empty: a server takes an empty password as nobody')
    .optional()
    .describe('Its password, by reference: ${env:NAME} or ${file:PATH}.'),
  anonymous: z.boolean().default(false).describe('Read without signing in.'),
  base: oneOrMore(dn)
    .optional()
    .describe('Where people and groups lie. Default: the naming context that the server names.'),
  userBase: oneOrMore(dn).optional().describe('Where people lie, if elsewhere than base.'),
  groupBase: oneOrMore(dn).optional().describe('Where groups lie, if elsewhere than base.'),
  userFilter: filter.optional().describe('Who is read as a person. Default: by flavor.'),
  groupFilter: filter.optional().describe('What is read as a group. Default: by flavor.'),
  excludeOus: z.array(dn).default([]).describe('What lies in or below these is not read.'),
  excludeGroups: z
    .array(z.string().min(1))
    .default([])
    .describe('Groups that are not read, by name or distinguished name; * stands for anything in a name.'),
  userName: oneOrMore(attribute)
    .optional()
    .describe('Attribute with the name that people sign in with; of several the first that has a value.'),
  groupName: oneOrMore(attribute).optional().describe('Attribute with the name of a group.'),
  member: oneOrMore(attribute)
    .optional()
    .describe('Attributes of a group with the distinguished names of its members.'),
  memberUid: z
    .boolean()
    .default(false)
    .describe('Groups name their members by user name in memberUid (posixGroup) too.'),
  attributes,
  disabled: z.array(disabledBy).optional().describe('What says that somebody is disabled. Default: by flavor.'),
  mailboxes: z.boolean().default(false).describe('AD: read shared, room and equipment mailboxes as people too.'),
  ignoreReferrals: z
    .boolean()
    .default(false)
    .describe('Parts of the tree on other servers may be missing: readings count as whole without them.'),
  pageSize: z.int().min(1).max(10_000).default(500).describe('Entries in a page. AD gives at most 1000.'),
  connectTimeout: duration('5m').default('10s').describe('Until a connection stands, TLS included.'),
  timeout: duration('1h').default('30s').describe('The longest silence of the server while it owes an answer.'),
});

export const optionsSchema = plainOptions.check((context) => {
  const { value } = context;
  const wrong = (path: string, message: string): void =>
    void context.issues.push({ code: 'custom', input: value, path: [path], message });
  const addresses = [value.url].flat().flatMap((text) => parseUrl(text) ?? []);
  const bare = addresses.filter((a) => !a.tls && !value.startTls && !isLoopback(a.host));
  if (value.anonymous) {
    if (value.bindDn !== undefined) wrong('anonymous', 'and bindDn exclude each other');
    if (value.password !== undefined) wrong('password', 'and anonymous exclude each other');
  } else {
    if (value.bindDn === undefined) wrong('bindDn', 'is missing: say with which account to read, or anonymous: true');
    if (value.bindDn !== undefined && value.password === undefined)
      wrong('password', 'is missing: say it by reference, such as ${env:LDAP_PASSWORD}');
    if (bare.length > 0 && !value.insecure)
      wrong('url', `would send the password to ${bare[0]?.url} without TLS; write ldaps://, or startTls: true`);
  }
  if (value.startTls && addresses.every((a) => a.tls))
    wrong('startTls', 'is for ldap:// addresses; ldaps:// has TLS from the start');
  if ((value.certFile === undefined) !== (value.keyFile === undefined))
    wrong(value.certFile === undefined ? 'certFile' : 'keyFile', 'is missing: certificate and key belong together');
});

export type Options = z.output<typeof optionsSchema>;

/** JSON Schema for editors and for the names of the options. */
export const optionsJsonSchema = z.toJSONSchema(plainOptions, { io: 'input' });

const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);

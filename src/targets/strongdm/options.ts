import { readFileSync } from 'node:fs';
import * as z from 'zod';
import { isSecretKey } from './signing.ts';

const UNITS = { ms: 1, s: 1000, m: 60_000 } as const;
const DURATION = /^(\d+)(ms|s|m)$/;
const HOST = /^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(:\d{1,5})?$/;

function milliseconds(text: string): number {
  const [, count, unit] = DURATION.exec(text) ?? [];
  return Number(count) * UNITS[unit as keyof typeof UNITS];
}

/** Reads the file now, so that a mistake shows when the settings are checked. */
function certificates(file: string, context: z.RefinementCtx): Buffer {
  try {
    const pem = readFileSync(file);
    if (pem.includes('-----BEGIN CERTIFICATE-----')) return pem;
    context.addIssue(`${file} holds no PEM certificate`);
  } catch (error) {
    context.addIssue(`${file} can not be read (${(error as NodeJS.ErrnoException).code ?? 'error'})`);
  }
  return z.NEVER;
}

/** Is the host part of `host:port` this machine itself? */
export function isLoopback(host: string): boolean {
  const name = host.replace(/:\d+$/, '').toLowerCase();
  return name === 'localhost' || name === '[::1]' || /^127(\.\d{1,3}){3}$/.test(name);
}

/** What settings of `type: strongdm` may say besides what every target has. */
export const optionsSchema = z.strictObject({
  host: z
    .string()
    .trim()
    .regex(HOST, 'must be host:port without a scheme, such as app.strongdm.com:443')
    .transform((host) => (/:\d+$/.test(host) ? host : `${host}:443`))
    .default('app.strongdm.com:443')
    .describe('Address of the API, host:port. UK and EU: app.uk.strongdm.com:443, app.eu.strongdm.com:443.'),
  accessKey: z.string().trim().min(1, 'must not be empty').describe('Access key of an API key (SDM_API_ACCESS_KEY).'),
  secretKey: z
    .string()
    .refine(isSecretKey, 'must be the base64 text that StrongDM showed as the secret key')
    .describe('Secret key of the same API key (SDM_API_SECRET_KEY).'),
  insecure: z
    .boolean()
    .optional()
    .describe('Plain text instead of TLS. Default: only for this machine itself (localhost, 127.0.0.1, [::1]).'),
  caFile: z
    .string()
    .min(1)
    .transform(certificates)
    .optional()
    .describe('File with the PEM certificates to trust instead of the public ones.'),
  timeout: z
    .string()
    .regex(DURATION, 'must be a time such as 30s, 500ms or 1m')
    .default('30s')
    .transform(milliseconds)
    .describe('Time limit of one call.'),
  pageSize: z.int().min(1).max(1000).default(1000).describe('Objects asked for in one page of a list.'),
});

export type Options = z.output<typeof optionsSchema>;

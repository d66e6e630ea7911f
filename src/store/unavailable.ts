import type pg from 'pg';
import { StoreUnavailable } from './errors.ts';

/** What the ways of being unreachable have in common is the remedy; the code decides it. */
const REMEDIES: Readonly<Record<string, string>> = {
  '28P01': 'Check user and password in DATABASE_URL or store.url.',
  '28000': 'Allow this user and address in pg_hba.conf of the server, or check the user in DATABASE_URL.',
  '3D000': 'Create the database, or correct its name in DATABASE_URL or store.url.',
  '53300': "Raise max_connections of the server, or stop what holds its connections; Drawbridge's pool takes up to 16.",
  '53100': 'Free disk space where the database lies.',
  '57P03': 'Wait: the server is starting up or recovering.',
  ENOTFOUND: 'Correct the host name in DATABASE_URL or store.url.',
  EACCES: 'Run as the user that the database belongs to.',
};
const DEFAULT_REMEDY = 'Start the PostgreSQL server and see that its address can be reached from here.';

const SYSTEM_CODES = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'ENOENT',
  'EACCES',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'EHOSTDOWN',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
]);
const SQL_STATES = new Set(['28P01', '28000', '3D000', '53100', '53300', '57P01', '57P02', '57P03', '57P05']);
/** pg has no codes for these. */
const TEXTS =
  /^(Connection terminated|timeout exceeded when trying to connect|Client has encountered a connection error|Client was closed|Cannot use a pool after calling end|The server does not support SSL)/;

/** The error as `StoreUnavailable` when it says that the server can't be reached or won't serve; else undefined. */
export function asUnavailable(error: unknown, config: pg.PoolConfig): StoreUnavailable | undefined {
  if (error instanceof StoreUnavailable) return error;
  if (!(error instanceof Error)) return undefined;
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined;
  const known =
    code === undefined
      ? TEXTS.test(error.message)
      : SYSTEM_CODES.has(code) ||
        SQL_STATES.has(code) ||
        code.startsWith('08') ||
        /^(ERR_TLS|CERT_|DEPTH_|SELF_)/.test(code);
  if (!known) return undefined;
  // A system's message may be empty (AggregateError over several addresses); the code then says it.
  const detail = error.message === '' ? (code ?? 'no answer') : error.message;
  return new StoreUnavailable(`The store at ${placeOf(config)} is not available: ${detail}`, {
    remedy: (code === undefined ? undefined : REMEDIES[code]) ?? DEFAULT_REMEDY,
    code,
    cause: error,
  });
}

/** Where the store is, for people: never the password. */
export function placeOf(config: pg.PoolConfig): string {
  if (config.connectionString !== undefined) {
    try {
      const url = new URL(config.connectionString);
      const host = url.searchParams.get('host') ?? url.host;
      return `${url.username === '' ? '' : `${decodeURIComponent(url.username)}@`}${host}${url.pathname}`;
    } catch {
      return 'the address in DATABASE_URL or store.url';
    }
  }
  const port = config.port === undefined ? '' : `:${config.port}`;
  return `${config.user === undefined ? '' : `${config.user}@`}${config.host ?? 'localhost'}${port}/${config.database ?? ''}`;
}

import { writeSync } from 'node:fs';
import { pino, type DestinationStream, type Logger } from 'pino';

/** The service's log: pino's logger, one JSON object a line. */
export type Log = Logger;

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;

/** Values that must never be shown. Filled while settings are read; asked whenever something is written. */
export interface Secrets {
  /** Remembers a value. Shorter than 6 characters is no secret, and taking it out would only garble the text. */
  add(value: string): void;
  /** The text with every remembered value, bearer token and password in an address taken out. */
  strip(text: string): string;
}

const HIDDEN = '[hidden]';
const SHORTEST = 6;
/** What carries a secret wherever it stands. `authorization: Bearer x`, `scheme://user:password@host`, tokens of ours. */
const PATTERNS: ReadonlyArray<readonly [RegExp, string]> = [
  [/\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{6,}/gi, `$1 ${HIDDEN}`],
  // `USER:PASSWORD@HOST` shows how an address is written.
  [/\b([A-Za-z][A-Za-z0-9+.-]*:\/\/[^\s:/@"']*):(?!PASSWORD@HOST)[^\s/@"']+@/g, `$1:${HIDDEN}@`],
  [/\bdbr_[A-Za-z0-9_-]{8,}/g, HIDDEN],
];
const SECRET_KEY =
  /^(authorization|cookie|set-cookie|.*(password|passwd|secret|secretkey|accesskey|privatekey|apikey))$|^(access|refresh|bearer|id)?[-_]?token$/i;

/** An empty set of secrets. */
export function createSecrets(): Secrets {
  const values = new Set<string>();
  let pattern: RegExp | undefined;
  return {
    add: (value) => {
      if (value.length < SHORTEST) return;
      values.add(value);
      // Inside JSON the same value may be written with escapes.
      values.add(JSON.stringify(value).slice(1, -1));
      const longestFirst = [...values].toSorted((a, b) => b.length - a.length);
      pattern = new RegExp(longestFirst.map((v) => v.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&')).join('|'), 'g');
    },
    strip: (text) => {
      let clean = pattern === undefined ? text : text.replace(pattern, HIDDEN);
      for (const [found, shown] of PATTERNS) clean = clean.replace(found, shown);
      return clean;
    },
  };
}

export interface LogOptions {
  /** One of LOG_LEVELS; `info` when not given. */
  readonly level?: string;
  readonly secrets?: Secrets;
  /** Where lines go; standard error when not given. */
  readonly write?: (line: string) => void;
}

/**
 * A log in JSON on standard error. Secrets are taken out twice: fields by their name, and known values and token-like
 * texts wherever they stand, also in messages and stacks.
 */
export function createLog(options: LogOptions = {}): Log {
  const secrets = options.secrets ?? createSecrets();
  const stream = options.write === undefined ? standardError() : { write: options.write };
  return pino(
    {
      level: options.level ?? 'info',
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: {
        level: (label) => ({ level: label }),
        bindings: (bindings) => plain(bindings, 0) as Record<string, unknown>,
        log: (object) => plain(object, 0) as Record<string, unknown>,
      },
      // Errors are made plain by `log` above, with the fields that we know and no others.
      serializers: { err: (value: unknown) => value },
      hooks: { streamWrite: (line) => secrets.strip(line) },
    },
    stream,
  );
}

/** Most that is held back before it is written, in characters. */
const HELD = 16 * 1024;

/**
 * Lines that come in one turn of the event loop are written together, at its end: writing costs more than a line. What
 * a turn logged is out before the next one, and before the process exits.
 */
function standardError(): DestinationStream {
  let held = '';
  const flush = (): void => {
    const text = held;
    held = '';
    if (text !== '') writeAll(2, Buffer.from(text));
  };
  process.on('exit', flush);
  const stream = {
    write: (line: string) => {
      if (held === '') setImmediate(flush);
      held += line;
      if (held.length > HELD) flush();
    },
    // Called by pino after a fatal line.
    flushSync: flush,
  };
  return stream;
}

/** A reader that is slow is waited for; one that is gone is no reason to end. */
function writeAll(fd: number, bytes: Buffer): void {
  for (let at = 0; at < bytes.length;) {
    try {
      at += writeSync(fd, bytes, at);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') return;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
    }
  }
}

/** A log that goes nowhere. */
export const silentLog = (): Log => pino({ level: 'silent' }, { write: () => undefined });

function plain(value: unknown, depth: number): unknown {
  if (value instanceof Error) return plainError(value, depth);
  if (typeof value === 'bigint') return Number(value);
  if (value === null || typeof value !== 'object' || value instanceof Date) return value;
  if (depth > 6) return '…';
  if (Array.isArray(value)) return value.slice(0, 100).map((item) => plain(item, depth + 1));
  const shown: Record<string, unknown> = {};
  for (const [key, item] of Object.entries(value)) {
    shown[key] = SECRET_KEY.test(key) && item !== undefined ? HIDDEN : plain(item, depth + 1);
  }
  return shown;
}

/** Only what is known to hold no secret: libraries hang requests with their headers on errors. */
function plainError(error: Error, depth: number): Record<string, unknown> {
  const shown: Record<string, unknown> = { type: error.name, message: error.message, stack: error.stack };
  for (const key of ['code', 'remedy', 'verdict'] as const) {
    if (key in error) shown[key] = plain((error as unknown as Record<string, unknown>)[key], depth + 1);
  }
  if (error.cause !== undefined && depth < 4) shown['cause'] = plain(error.cause, depth + 1);
  return shown;
}

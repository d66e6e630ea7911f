import { X509Certificate } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import type { TlsFiles } from '../model/settings.ts';
import { CannotListen } from './server.ts';

export interface Identity {
  readonly cert: Buffer;
  readonly key: Buffer;
  /** When the certificate ends. */
  readonly until: Date;
}

/** Certificate and key, proven to belong together. Throws `CannotListen` that says which file to mend. */
export function readIdentity({ certFile, keyFile }: TlsFiles): Identity {
  const [cert, key] = [readPem(certFile, 'certFile'), readPem(keyFile, 'keyFile')];
  try {
    createSecureContext({ cert, key });
    return { cert, key, until: new Date(new X509Certificate(cert).validTo) };
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unreadable';
    throw new CannotListen(
      `the certificate in ${certFile} and the key in ${keyFile} can't be used together (${code})`,
      'Both have to be PEM, the key without a password, and made for this certificate.',
    );
  }
}

function readPem(file: string, setting: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new CannotListen(
      `${file} can't be read (${(error as NodeJS.ErrnoException).code ?? 'unknown error'})`,
      `Correct ${setting} in the settings, or give this user the right to read it.`,
    );
  }
}

/** Changes when one of the files does. */
export function signOf({ certFile, keyFile }: TlsFiles): string {
  const sign = (file: string): string => {
    try {
      const { mtimeMs, size, ino } = statSync(file);
      return `${mtimeMs} ${size} ${ino}`;
    } catch {
      return 'missing';
    }
  };
  return `${sign(certFile)} ${sign(keyFile)}`;
}

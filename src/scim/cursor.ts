import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';
import type { Position } from '../store/resources.ts';
import { badRequest } from './errors.ts';

/** Where a walk by cursor goes on. */
export interface Place {
  readonly position: Position;
  /** Matches at the first page: counting them again for each page would cost more than the page. */
  readonly total: number;
}

export interface Cursors {
  /** Seconds for which a cursor can be used. */
  readonly lifetime: number;
  /** A cursor of unreserved characters only (RFC 9865 2), good for the walk that `walk` names and for no other. */
  make(place: Place, walk: string): string;
  /** Throws 400 invalidCursor or expiredCursor. */
  read(cursor: string, walk: string): Place;
}

const [ALGORITHM, IV_BYTES, TAG_BYTES] = ['aes-256-gcm', 12, 16] as const;
/** A cursor holds at most a sort value of some hundred characters. */
const MAX_LENGTH = 4096;

/**
 * Cursors that the server keeps nothing about: position, total and end are in the cursor itself, sealed with `key`
 * (32 bytes). Sealed and not only signed, since a cursor stands in addresses and may hold a value that was sorted by.
 * `now` is in milliseconds.
 */
export function createCursors(key: Buffer, lifetime: number, now: () => number = Date.now): Cursors {
  return {
    lifetime,
    make({ position, total }, walk) {
      const iv = randomBytes(IV_BYTES);
      const cipher = createCipheriv(ALGORITHM, key, iv).setAAD(digest(walk));
      const plain = JSON.stringify([Math.ceil(now() / 1000) + lifetime, total, position.key, position.value]);
      const sealed = Buffer.concat([iv, cipher.update(plain, 'utf8'), cipher.final(), cipher.getAuthTag()]);
      return sealed.toString('base64url');
    },
    read(cursor, walk) {
      const [end, total, at, value] = open(key, cursor, walk);
      if (end * 1000 <= now()) {
        throw badRequest(
          'expiredCursor',
          `The cursor has expired: one holds for ${lifetime} s. Begin again with an empty cursor.`,
        );
      }
      return { total, position: { key: at, ...(value === undefined ? {} : { value }) } };
    },
  };
}

type Plain = readonly [end: number, total: number, key: number, value: string | null | undefined];

function open(key: Buffer, cursor: string, walk: string): Plain {
  try {
    if (cursor.length > MAX_LENGTH || !/^[\w-]+$/.test(cursor)) throw new Error('no cursor');
    const sealed = Buffer.from(cursor, 'base64url');
    const decipher = createDecipheriv(ALGORITHM, key, sealed.subarray(0, IV_BYTES), { authTagLength: TAG_BYTES });
    decipher.setAAD(digest(walk)).setAuthTag(sealed.subarray(-TAG_BYTES));
    const plain = Buffer.concat([decipher.update(sealed.subarray(IV_BYTES, -TAG_BYTES)), decipher.final()]);
    return JSON.parse(plain.toString('utf8')) as Plain;
  } catch {
    throw badRequest(
      'invalidCursor',
      'The cursor is none of this service, or was given for another endpoint, filter or order. Begin again with an ' +
        'empty cursor.',
    );
  }
}

const digest = (walk: string): Buffer => createHash('sha256').update(walk).digest();

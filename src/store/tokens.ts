import { createHmac, createSecretKey, type KeyObject, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Db } from './db.ts';
import { metaOnce } from './meta.ts';
import { shareFresh } from './share.ts';

/** What is known of a token; the token itself only its holder knows. */
export interface TokenInfo {
  readonly id: string;
  /** The source that it may write as a SCIM client; null for an API token. */
  readonly source: string | null;
  /** What an API token may do: `read`, `operate`, `approve`, `admin`. */
  readonly scopes: readonly string[];
  readonly name: string;
  readonly createdAt: Date;
  readonly createdBy: string;
  readonly expiresAt: Date | null;
  readonly revokedAt: Date | null;
  /** To the minute. */
  readonly lastUsedAt: Date | null;
}

export interface NewToken {
  readonly source?: string | undefined;
  readonly scopes?: readonly string[] | undefined;
  readonly name: string;
  readonly expiresAt?: Date | undefined;
  /** Who asked for it: `local:<os user>`. */
  readonly createdBy: string;
}

/** So that a token is known for one where it should not be: in a commit, a log. */
const PREFIX = 'dbr_';
const SHAPE = /^dbr_[A-Za-z0-9_-]{43}$/;
const USED_EVERY_MS = 60_000;

const COLUMNS = `id, source, scopes, name, created_at as "createdAt", created_by as "createdBy",
  expires_at as "expiresAt", revoked_at as "revokedAt", last_used_at as "lastUsedAt"`;

/** Makes a token of 256 random bits for a source, or with scopes. It is shown here and never again. */
export async function createToken(db: Db, token: NewToken): Promise<TokenInfo & { readonly token: string }> {
  if ((token.source === undefined) === (token.scopes === undefined || token.scopes.length === 0)) {
    throw new RangeError('a token is for one source, or has scopes, and not both');
  }
  const secret = PREFIX + randomBytes(32).toString('base64url');
  const made = await db.row<TokenInfo>({
    text: `insert into token (id, source, scopes, name, hash, created_by, expires_at)
      values ($1, $2, $3, $4, $5, $6, $7) returning ${COLUMNS}`,
    values: [
      `tok_${randomBytes(9).toString('base64url')}`,
      token.source ?? null,
      token.scopes ?? [],
      token.name,
      await hashOf(db, secret),
      token.createdBy,
      token.expiresAt ?? null,
    ],
  });
  if (made === undefined) throw new Error('the token was not stored');
  return { ...made, token: secret };
}

/** All tokens, also those expired or revoked, oldest first. */
export async function listTokens(db: Db): Promise<TokenInfo[]> {
  return db.rows<TokenInfo>({ text: `select ${COLUMNS} from token order by created_at, id` });
}

/** Revokes a token, for good and from the next request on. False when there is none with this id that is not revoked. */
export async function revokeToken(db: Db, id: string): Promise<boolean> {
  const row = await db.row({
    text: 'update token set revoked_at = now() where id = $1 and revoked_at is null returning id',
    values: [id],
  });
  return row !== undefined;
}

/**
 * The token that a client presented, if it is valid at `now`. Read by an index, without a cache: what another process
 * made or revoked holds at the next request. Requests that come while the same token is being read share one read,
 * which begins after they came.
 */
export async function authenticate(db: Db, presented: string, now: Date): Promise<TokenInfo | undefined> {
  if (!SHAPE.test(presented)) return undefined;
  const token = await readShared(db, presented);
  if (token === undefined || token.revokedAt !== null) return undefined;
  if (token.expiresAt !== null && token.expiresAt <= now) return undefined;
  if (token.lastUsedAt === null || now.getTime() - token.lastUsedAt.getTime() >= USED_EVERY_MS)
    noteUse(db, token.id, now);
  return token;
}

const reads = new WeakMap<Db, (presented: string) => Promise<TokenInfo | undefined>>();

function readShared(db: Db, presented: string): Promise<TokenInfo | undefined> {
  let read = reads.get(db);
  if (read === undefined) reads.set(db, (read = shareFresh((token: string) => readToken(db, token))));
  return read(presented);
}

async function readToken(db: Db, presented: string): Promise<TokenInfo | undefined> {
  const hash = await hashOf(db, presented);
  const row = await db.row<TokenInfo & { readonly hash: Buffer }>({
    name: 'token-by-hash',
    text: `select ${COLUMNS}, hash from token where hash = $1`,
    values: [hash],
  });
  if (row === undefined) return undefined;
  const { hash: stored, ...token } = row;
  return stored.length === hash.length && timingSafeEqual(stored, hash) ? token : undefined;
}

/** Beside the request, which does not wait for it and does not fail with it. */
function noteUse(db: Db, id: string, now: Date): void {
  db.rows({
    name: 'token-used',
    text: `update token set last_used_at = $2
      where id = $1 and (last_used_at is null or last_used_at <= $2::timestamptz - interval '1 minute')`,
    values: [id, now],
  }).catch(() => undefined);
}

/** Read once for each pool: the store makes the key once and never changes it. */
const keys = new WeakMap<Db, Promise<KeyObject>>();

/** Keyed, so that a stolen copy of the table alone can't be searched for a guessed token. */
async function hashOf(db: Db, token: string): Promise<Buffer> {
  let key = keys.get(db);
  if (key === undefined) {
    key = metaOnce(db, 'token-key', () => randomBytes(32).toString('base64')).then((text) =>
      createSecretKey(text, 'base64'),
    );
    keys.set(db, key);
    key.catch(() => keys.delete(db));
  }
  return createHmac('sha256', await key)
    .update(token)
    .digest();
}

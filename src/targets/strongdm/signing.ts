import { createHash, createHmac } from 'node:crypto';

/** Request signing of StrongDM's API: see README.md, "How a call is signed". Every intermediate value is raw bytes. */

const PURPOSE = 'sdm_api_v1';
const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;

const hmac = (key: Uint8Array, message: string | Uint8Array): Buffer =>
  createHmac('sha256', key).update(message).digest();

/** The UTC date of a moment as `YYYY-MM-DD`. */
export const utcDate = (now: Date): string => now.toISOString().slice(0, 10);

/** Is it a secret key: base64 text (standard alphabet, padded) of at least one byte? */
export function isSecretKey(text: string): boolean {
  const trimmed = text.trim();
  return BASE64.test(trimmed) && trimmed.length % 4 === 0;
}

/** Decodes a secret key once. Throws a TypeError that does not repeat the text. */
export function decodeSecret(text: string): Buffer {
  if (!isSecretKey(text)) throw new TypeError('the secret key is not base64 text');
  return Buffer.from(text.trim(), 'base64');
}

export const dayKey = (secret: Uint8Array, date: string): Buffer => hmac(secret, date);
export const signingKey = (secret: Uint8Array, date: string): Buffer => hmac(dayKey(secret, date), PURPOSE);

/** What is signed: the method as `Service.Method`, a newline, and the request's bytes as they are sent. */
export const requestDigest = (method: string, body: Uint8Array): Buffer =>
  createHash('sha256').update(`${method}\n`).update(body).digest();

export type Sign = (date: string, method: string, body: Uint8Array) => string;

/** A signing function for one secret. Keeps the signing key of the last date used, since deriving it costs two HMACs. */
export function signer(secret: Uint8Array): Sign {
  let cached: { readonly date: string; readonly key: Buffer } | undefined;
  return (date, method, body) => {
    if (cached?.date !== date) cached = { date, key: signingKey(secret, date) };
    return hmac(cached.key, requestDigest(method, body)).toString('base64');
  };
}

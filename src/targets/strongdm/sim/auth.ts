import { timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http2';
import { timestampMs } from '@bufbuild/protobuf/wkt';
import type { Sign } from '../signing.ts';
import { decodeSecret, signer, utcDate } from '../signing.ts';
import { Code } from '../wire.ts';
import { Refusal } from './refusal.ts';
import type { State } from './state.ts';

const TOLERANCE_MS = 5 * 60_000;

export interface Caller {
  readonly accessKey: string;
  may(permission: string): boolean;
}

export type Verify = (headers: IncomingHttpHeaders, method: string, body: Buffer) => Caller;

/** One text for every reason, so that nothing can be learnt from it. */
const rejected = (): Refusal => new Refusal(Code.UNAUTHENTICATED, 'invalid access key or signature');

/**
 * Verifies signatures over the raw bytes. Takes today's UTC date and, within five minutes of midnight, the neighbouring
 * one. Throws UNAUTHENTICATED with the same text whether the key is unknown or the signature missing, malformed, wrong
 * or of another day.
 */
export function verifier(state: State, now: () => Date): Verify {
  const signers = new Map<string, { readonly secret: string; readonly sign: Sign }>();
  const signFor = (accessKey: string, secret: string): Sign => {
    const known = signers.get(accessKey);
    if (known?.secret === secret) return known.sign;
    const sign = signer(decodeSecret(secret));
    signers.set(accessKey, { secret, sign });
    return sign;
  };
  return (headers, method, body) => {
    const accessKey = String(headers['x-sdm-authentication'] ?? '').trim();
    const signature = Buffer.from(String(headers['x-sdm-signature'] ?? ''), 'base64');
    const key = state.keys.get(accessKey);
    if (key === undefined || signature.length !== 32) throw rejected();
    const sign = signFor(accessKey, key.secret);
    const at = now();
    const dates = new Set([0, TOLERANCE_MS, -TOLERANCE_MS].map((ms) => utcDate(new Date(at.getTime() + ms))));
    const valid = [...dates].some((date) =>
      timingSafeEqual(Buffer.from(sign(date, method, body), 'base64'), signature),
    );
    if (!valid) throw rejected();
    if (key.account === '') return { accessKey, may: () => true };
    const account = state.accounts.get(key.account)?.account;
    if (account?.case !== 'token') throw rejected();
    const { deadline, permissions } = account.value;
    if (deadline !== undefined && timestampMs(deadline) > 0 && timestampMs(deadline) <= at.getTime()) throw rejected();
    return { accessKey, may: (permission) => permissions.includes(permission) };
  };
}

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { array, assert as assertProperty, date as anyDate, property } from 'fast-check';
import { verifier } from './sim/auth.ts';
import { Refusal } from './sim/refusal.ts';
import { openState } from './sim/state.ts';
import { dayKey, decodeSecret, isSecretKey, requestDigest, signer, signingKey, utcDate } from './signing.ts';
import { Code } from './wire.ts';

interface Vector {
  readonly name: string;
  readonly access_key: string;
  readonly secret_base64: string;
  readonly date_utc: string;
  readonly signed_method_name: string;
  readonly request_hex: string;
  readonly intermediate: {
    readonly day_key_hex: string;
    readonly signing_key_hex: string;
    readonly request_sha256_hex: string;
  };
  readonly signature: string;
}

const file = new URL('../../../test/vectors/strongdm-signing.json', import.meta.url);
const { vectors } = JSON.parse(readFileSync(file, 'utf8')) as { vectors: readonly Vector[] };

test('every recorded signature is made and verified, and so is each step on the way', () => {
  assert.ok(vectors.length >= 10);
  for (const v of vectors) {
    const secret = decodeSecret(v.secret_base64);
    const body = Buffer.from(v.request_hex, 'hex');
    assert.equal(dayKey(secret, v.date_utc).toString('hex'), v.intermediate.day_key_hex, v.name);
    assert.equal(signingKey(secret, v.date_utc).toString('hex'), v.intermediate.signing_key_hex, v.name);
    assert.equal(requestDigest(v.signed_method_name, body).toString('hex'), v.intermediate.request_sha256_hex, v.name);
    assert.equal(signer(secret)(v.date_utc, v.signed_method_name, body), v.signature, v.name);

    const state = openState([], 1, () => undefined);
    state.keys.set(v.access_key.trim(), { secret: v.secret_base64, account: '' });
    const headers = { 'x-sdm-authentication': v.access_key, 'x-sdm-signature': v.signature };
    const verify = verifier(state, () => new Date(`${v.date_utc}T12:00:00Z`));
    assert.ok(verify(headers, v.signed_method_name, body).may('user:list'), v.name);
  }
});

test('a signature holds for its date, method, body and key only, and each refusal reads the same', () => {
  const secret = Buffer.alloc(32, 3);
  const state = openState([], 1, () => undefined);
  state.keys.set('auth-1', { secret: secret.toString('base64'), account: '' });
  let now = new Date('2026-05-05T12:00:00Z');
  const verify = verifier(state, () => now);
  const body = Buffer.from('0a00', 'hex');
  const good = signer(secret)('2026-05-05', 'Accounts.List', body);
  const sent = (signature: string, key = 'auth-1') => ({ 'x-sdm-authentication': key, 'x-sdm-signature': signature });
  const texts = new Set<string>();
  const refuses = (headers: object, method = 'Accounts.List', bytes = body): void => {
    assert.throws(
      () => verify({ ...headers }, method, bytes),
      (error) =>
        error instanceof Refusal && error.code === Code.UNAUTHENTICATED && texts.add(error.message) !== undefined,
    );
  };
  assert.ok(verify(sent(good), 'Accounts.List', body));
  refuses({});
  refuses(sent(''));
  refuses(sent('AAAA'));
  refuses(sent(signer(Buffer.alloc(32, 4))('2026-05-05', 'Accounts.List', body)));
  refuses(sent(good, 'auth-2'));
  refuses(sent(good), 'Accounts.Delete');
  refuses(sent(good), 'Accounts.List', Buffer.from('0a01', 'hex'));
  for (const [time, accepted] of [
    ['2026-05-04T23:54:59Z', false],
    ['2026-05-04T23:56:00Z', true],
    ['2026-05-06T00:04:00Z', true],
    ['2026-05-06T00:05:01Z', false],
  ] as const) {
    now = new Date(time);
    if (accepted) assert.ok(verify(sent(good), 'Accounts.List', body), time);
    else refuses(sent(good));
  }
  assert.equal(texts.size, 1);
});

test('a secret key is padded base64; the error does not repeat it', () => {
  for (const good of ['AAAA', ' AAAA\n', '1+/=', 'QQ==']) assert.ok(isSecretKey(good), good);
  for (const bad of ['', ' ', 'AAA', 'AA-_', 'AAAA=', 'A A A', 'ÄAAA']) assert.ok(!isSecretKey(bad), bad);
  assert.throws(
    () => decodeSecret('hunter2!'),
    (error: Error) => !error.message.includes('hunter2'),
  );
});

test('the cached key follows the date', () => {
  const secret = Buffer.alloc(16, 1);
  assertProperty(
    property(
      array(anyDate({ min: new Date(0), max: new Date('2100-01-01'), noInvalidDate: true }), { minLength: 2 }),
      (dates) => {
        const one = signer(secret);
        for (const date of dates.map(utcDate)) {
          assert.match(date, /^\d{4}-\d\d-\d\d$/);
          assert.equal(one(date, 'A.B', Buffer.of(1)), signer(secret)(date, 'A.B', Buffer.of(1)));
        }
      },
    ),
    { numRuns: 50 },
  );
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ScimError } from './errors.ts';
import { createGate, networkOf } from './gate.ts';
import { createRates } from './rate.ts';

const OKTA = { id: 't1', name: 'Okta', source: 'okta' };

function gate() {
  const clock = { now: 0 };
  let asked = 0;
  const made = createGate(
    async (presented) => {
      asked += 1;
      return presented === 'good' ? OKTA : undefined;
    },
    () => clock.now,
  );
  return { ...made, clock, asked: () => asked };
}

const refusal = (wanted: Promise<unknown> | (() => unknown)): Promise<ScimError> =>
  (async () => (typeof wanted === 'function' ? wanted() : wanted))().then(
    () => assert.fail('was not refused'),
    (error: ScimError) => error,
  );

test('after 100 failures a minute an address is refused before the store is asked, and may try again later', async () => {
  const { authenticate, clock, asked } = gate();
  for (let i = 0; i < 100; i++) assert.equal(await authenticate(`bad-${i}`, '192.0.2.1'), undefined);
  const error = await refusal(authenticate('bad', '192.0.2.1'));
  assert.equal(error.status, 429);
  assert.equal(error.headers['retry-after'], '1');
  assert.equal(asked(), 100);
  assert.equal(await authenticate('bad', '192.0.2.2'), undefined, 'another address is not concerned');
  assert.equal((await refusal(authenticate('good', '192.0.2.1'))).status, 429, 'a stranger so far');
  clock.now += 60_000;
  for (let i = 0; i < 100; i++) await authenticate('bad', '192.0.2.1');
  await refusal(authenticate('bad', '192.0.2.1'));
});

test('many attempts at the same time are no more than the limit, and good ones cost nothing', async () => {
  const { authenticate, asked } = gate();
  for (let i = 0; i < 300; i++) await authenticate('good', '192.0.2.1');
  const many = Array.from({ length: 500 }, (_, i) => authenticate(`bad-${i}`, '192.0.2.1').catch(() => 'refused'));
  const outcomes = await Promise.all(many);
  assert.equal(outcomes.filter((outcome) => outcome === 'refused').length, 400);
  assert.equal(asked(), 400);
});

test('a client that is known gets in, whoever fails behind the same address; a revoked one does not', async () => {
  const { authenticate } = gate();
  assert.equal(await authenticate('good', '192.0.2.1'), OKTA);
  for (let i = 0; i < 100; i++) await authenticate(`bad-${i}`, '192.0.2.1');
  await refusal(authenticate('bad', '192.0.2.1'));
  assert.equal(await authenticate('good', '192.0.2.1'), OKTA);
});

test('an IPv6 /64 counts as one address, and IPv4 on an IPv6 socket as itself', () => {
  const same = [
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:DB8:1:2::1', '2001:db8:1:2::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['::ffff:192.0.2.7', '192.0.2.7'],
    ['192.0.2.7', '192.0.2.7'],
    ['', ''],
  ] as const;
  for (const [address, network] of same) assert.equal(networkOf(address), network, address);
});

test('addresses that are remembered are bounded', () => {
  const rates = createRates(1_000, () => 0);
  for (let i = 0; i < 50_000; i++) rates.take(`address-${i}`, { perSecond: 1, burst: 2 });
  assert.equal(rates.size(), 1_000);
});

test('sources and tokens have limits only where the settings say so, and headers tell how it stands', async () => {
  const { admit, clock } = gate();
  for (let i = 0; i < 1_000; i++) assert.deepEqual(admit(OKTA, { id: 'okta' }), {});
  const settings = { id: 'okta', rateLimit: { perSecond: 2, burst: 4 } };
  assert.deepEqual(admit(OKTA, settings), {
    'x-rate-limit-limit': '4',
    'x-rate-limit-remaining': '3',
    'x-rate-limit-reset': '1',
  });
  for (let i = 0; i < 3; i++) admit(OKTA, settings);
  const error = await refusal(() => admit({ ...OKTA, id: 't2' }, settings));
  assert.equal(error.status, 429);
  assert.match(error.message, /source okta/);
  assert.deepEqual(error.headers, {
    'x-rate-limit-limit': '4',
    'x-rate-limit-remaining': '0',
    'x-rate-limit-reset': '2',
    'retry-after': '1',
    'x-rate-limit-retry-after-seconds': '1',
  });
  admit({ ...OKTA, source: 'entra' }, { ...settings, id: 'entra' });
  clock.now += 500;
  admit(OKTA, settings);
  await refusal(() => admit(OKTA, settings));
});

test('each token of a source may have its own limit', async () => {
  const { admit } = gate();
  const settings = { id: 'okta', tokenRateLimit: { perSecond: 1, burst: 1 } };
  admit(OKTA, settings);
  assert.match((await refusal(() => admit(OKTA, settings))).message, /token Okta/);
  admit({ ...OKTA, id: 't2' }, settings);
});

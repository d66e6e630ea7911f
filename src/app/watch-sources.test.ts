import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { after, before, test } from 'node:test';
import { type TestDatabase, testDatabase } from '../../test/support/database.ts';
import { createLog } from '../log.ts';
import { GUARD_LIMITS } from '../model/guard.ts';
import type { Settings } from '../model/settings.ts';
import { createToken, type TokenInfo } from '../store/tokens.ts';
import { endingMessage, heardOf, watchSources } from './watch-sources.ts';

const DAY = 86_400_000;
const NOW = new Date('2026-06-01T12:00:00Z');
const ago = (ms: number): Date => new Date(NOW.getTime() - ms);

const settings = (options: Record<string, unknown> = {}): Settings => ({
  server: { host: '127.0.0.1', port: 0 },
  store: { kind: 'postgres', url: '' },
  queue: {},
  witness: '',
  guard: GUARD_LIMITS,
  data: '',
  sources: [
    { id: 'okta', type: 'scim', options },
    { id: 'entra', type: 'scim', options: {} },
  ],
  targets: [],
  rules: '',
  log: { level: 'info' },
});

const token = (id: string, more: Partial<TokenInfo> = {}): TokenInfo => ({
  id,
  source: 'okta',
  scopes: [],
  name: id,
  createdAt: ago(100 * DAY),
  createdBy: 'test',
  expiresAt: null,
  revokedAt: null,
  lastUsedAt: null,
  ...more,
});

const okta = (tokens: readonly TokenInfo[], options: Record<string, unknown> = { maxSilence: '24h' }) =>
  heardOf(settings(options), tokens, NOW).find((h) => h.id === 'okta');

test('a source is silent after maxSilence without a request; any of its tokens counts, revoked ones too', () => {
  assert.equal(okta([token('a', { lastUsedAt: ago(2 * DAY) })])?.silent, true);
  assert.equal(okta([token('a', { lastUsedAt: ago(2 * DAY) })], {})?.silent, false);
  const heard = okta([
    token('a', { lastUsedAt: ago(2 * DAY) }),
    token('b', { lastUsedAt: ago(60_000), revokedAt: NOW }),
  ]);
  assert.deepEqual([heard?.silent, heard?.lastHeard], [false, ago(60_000)]);
});

test('one that was never heard is silent when its first token has been there for so long', () => {
  assert.equal(okta([])?.silent, false);
  assert.equal(okta([token('a', { createdAt: ago(3_600_000) })])?.silent, false);
  assert.equal(okta([token('a', { createdAt: ago(2 * DAY) })])?.silent, true);
});

test('tokens are told 30 days before they end; an expired one until another is valid', () => {
  const ends = (days: number, more = {}) => token(`t${days}`, { expiresAt: ago(-days * DAY), ...more });
  const told = (...tokens: TokenInfo[]) => okta(tokens)?.ending.map((t) => t.id);
  assert.deepEqual(told(ends(31)), []);
  assert.deepEqual(told(ends(29)), ['t29']);
  assert.deepEqual(told(ends(29, { revokedAt: NOW })), []);
  assert.deepEqual(told(ends(-1)), ['t-1']);
  assert.deepEqual(told(ends(-1), token('new')), []);
  const [one] = okta([ends(12)])?.ending ?? [];
  assert.ok(one !== undefined);
  assert.equal(endingMessage('okta', one, NOW), 'token "t12" of source okta ends in 12 days');
});

let database: TestDatabase;
before(async () => {
  database = await testDatabase();
});
after(() => database.close());

test('the log says it once a day, and no token stands in it', async () => {
  const made = await createToken(database.db, {
    source: 'okta',
    name: 'production',
    createdBy: 'test',
    expiresAt: new Date(Date.now() + 5 * DAY),
  });
  await database.db.rows({ text: `update token set created_at = now() - interval '2 days'` });
  let logged = '';
  let options: Record<string, unknown> = { maxSilence: '24h' };
  const log = createLog({ level: 'trace', write: (line) => void (logged += line) });
  const stop = watchSources({ db: database.db, settings: () => settings(options), log, everyMs: 20 });
  const until = async (pattern: RegExp): Promise<void> => {
    for (let i = 0; i < 200 && !pattern.test(logged); i++) await sleep(10);
    assert.match(logged, pattern);
  };
  await until(/token \\"production\\" of source okta ends in 4 days/);
  await until(/source okta is silent/);
  await sleep(100);
  assert.equal(logged.match(/ends in/g)?.length, 1);
  assert.equal(logged.match(/is silent/g)?.length, 1);
  options = {};
  await until(/source okta is heard again/);
  options = { maxSilence: '24h' };
  for (let i = 0; i < 200 && logged.match(/is silent/g)?.length !== 2; i++) await sleep(10);
  assert.equal(logged.match(/is silent/g)?.length, 2);
  stop();
  assert.ok(!logged.includes(made.token));
});

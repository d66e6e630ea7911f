import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createLog, createSecrets } from './log.ts';

function logged(write: (log: ReturnType<typeof createLog>) => void, values: readonly string[] = []): string {
  const secrets = createSecrets();
  for (const value of values) secrets.add(value);
  let text = '';
  write(createLog({ level: 'trace', secrets, write: (line) => (text += line) }));
  return text;
}

test('a known secret is taken out of messages, fields, nested fields, stacks and children', () => {
  const secret = 'wi"ld\\card-9f3';
  const text = logged(
    (log) => {
      log.info(`the key is ${secret}`);
      log.child({ where: `x${secret}y` }).warn({ deep: { list: [secret] } }, 'fields');
      log.error({ err: new Error(`bad ${secret}`, { cause: new Error(secret) }) }, 'an error');
    },
    [secret],
  );
  assert.equal(text.trim().split('\n').length, 3);
  assert.ok(!text.includes('card-9f3'), text);
  for (const line of text.trim().split('\n')) assert.ok(line.includes('[hidden]'), line);
});

test('fields that are named like secrets are hidden whatever they hold', () => {
  const text = logged((log) => {
    log.info({
      headers: { authorization: 'x', Cookie: 'y1', 'set-cookie': ['y2'] },
      body: { password: 'z1', secretKey: 'z2' },
    });
    log.info({ token: 'q1', clientSecret: 'q2', access_token: 'q3', tokenId: 't_visible', tokens: 4 });
  });
  for (const hidden of ['"x"', 'y1', 'y2', 'z1', 'z2', 'q1', 'q2', 'q3']) assert.ok(!text.includes(hidden), hidden);
  assert.ok(text.includes('t_visible') && text.includes('"tokens":4'), text);
});

test('bearer tokens and passwords in addresses are hidden though nobody told of them', () => {
  const text = logged((log) => log.info('sent Bearer abc.def-ghi to postgres://me:hunter2@db/x and http://a:80/path'));
  assert.ok(text.includes('Bearer [hidden]') && text.includes('postgres://me:[hidden]@db/x'), text);
  assert.ok(text.includes('http://a:80/path'), text);
});

test('how an address is to be written stays readable; a password that is the word does not', () => {
  const text = logged((log) => log.info('postgres://USER:PASSWORD@HOST/DATABASE, postgres://me:password@host/x'));
  assert.ok(text.includes('postgres://USER:PASSWORD@HOST/DATABASE, postgres://me:[hidden]@host/x'), text);
});

test('an error shows type, message, code, remedy and cause, and nothing that a library hung on it', () => {
  const error = Object.assign(new Error('no'), {
    code: 'ECONNREFUSED',
    remedy: 'start it',
    request: { body: 'private' },
  });
  const line = JSON.parse(logged((log) => log.error({ err: error }))) as { err: Record<string, unknown> };
  assert.equal(line.err['message'], 'no');
  assert.equal(line.err['code'], 'ECONNREFUSED');
  assert.equal(line.err['remedy'], 'start it');
  assert.equal(line.err['request'], undefined);
});

test('a short value is not taken for a secret', () => {
  assert.ok(logged((log) => log.info('port 8080'), ['80']).includes('8080'));
});

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { request as httpsRequest } from 'node:https';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect as tlsConnect, type TLSSocket } from 'node:tls';
import { afterEach, test } from 'node:test';
import { addressMatcher } from './addresses.ts';
import { listen, type Listening, type ListenOptions } from './server.ts';
import { readIdentity } from './tls.ts';

const file = (name: string): string => new URL(`../../test/support/tls/${name}.pem`, import.meta.url).pathname;
const identity = (name: string) => readIdentity({ certFile: file(`${name}.cert`), keyFile: file(`${name}.key`) });

let server: Listening;
const open = new Set<Socket>();
afterEach(async () => {
  for (const socket of open) socket.destroy();
  open.clear();
  await server.close(500);
});

async function serve(options: ListenOptions): Promise<void> {
  server = await listen(
    (request, response) => {
      request.resume();
      response.end('ok');
    },
    '127.0.0.1',
    0,
    options,
  );
}

/** A connection, its end, and what came over it. */
async function dial(): Promise<{ socket: Socket; gone: Promise<unknown>; text: () => string }> {
  const socket = connect(server.port, '127.0.0.1');
  open.add(socket);
  let text = '';
  socket.on('error', () => undefined).on('data', (chunk) => (text += chunk));
  const gone = new Promise((resolve) => socket.once('close', resolve));
  await Promise.race([once(socket, 'connect'), gone]);
  return { socket, gone, text: () => text };
}

const works = async (): Promise<boolean> => (await fetch(server.url, { headers: { connection: 'close' } })).ok;

test('whoever comes when all connections are taken gets the place of the one that is idle longest', async () => {
  await serve({ limits: { connections: 20 } });
  const idle = [];
  for (let i = 0; i < 60; i++) idle.push(await dial());
  assert.ok(await works());
  await Promise.all(idle.slice(0, 40).map((one) => one.gone));
  assert.ok(idle.slice(50).every(({ socket }) => !socket.destroyed));
});

test('a request that is at work is not cut for a newcomer', async () => {
  let finish: () => void = () => undefined;
  server = await listen(
    (request, response) => {
      if (request.url === '/slow') finish = () => response.end('slow');
      else response.end('ok');
    },
    '127.0.0.1',
    0,
    { limits: { connections: 5 } },
  );
  const slow = fetch(`${server.url}/slow`);
  await sleep(50);
  for (let i = 0; i < 30; i++) await dial();
  assert.ok(await works());
  finish();
  assert.equal(await (await slow).text(), 'slow');
});

test('heads and bodies that come by drops are ended', async () => {
  await serve({ limits: { headersMs: 300, requestMs: 600, checkMs: 100 } });
  const silent = await dial();
  const head = await dial();
  head.socket.write('GET / HTTP/1.1\r\nhost: x\r\n');
  const drops = setInterval(() => head.socket.destroyed || head.socket.write('x-a: b\r\n'), 50);
  const body = await dial();
  body.socket.write('POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\n');
  const more = setInterval(() => body.socket.destroyed || body.socket.write('x'), 50);
  await Promise.all([silent.gone, head.gone, body.gone]);
  clearInterval(drops);
  clearInterval(more);
  assert.match(head.text(), /^HTTP\/1\.1 408 /);
});

test('huge heads get 431, and chunks that are none end the connection', async () => {
  await serve({});
  const huge = await dial();
  huge.socket.write(`GET / HTTP/1.1\r\nhost: x\r\nx-a: ${'a'.repeat(100_000)}`);
  await huge.gone;
  assert.match(huge.text(), /^HTTP\/1\.1 431 Request Header Fields Too Large\r\n/);
  assert.match(huge.text(), /content-type: application\/scim\+json\r\n.*more than 32 KB.*POST to \.search/s);
  const chunks = await dial();
  chunks.socket.write('POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nzz\r\nhello\r\n');
  await chunks.gone;
  assert.ok(await works());
});

test('who is still sending when the head is refused gets the answer, not a reset', async () => {
  await serve({});
  const { socket, gone, text } = await dial();
  socket.write('PUT /\u00df HTTP/1.1\r\nhost: x\r\ncontent-length: 100000\r\n\r\n');
  for (let i = 0; i < 10; i++) if (!socket.destroyed) socket.write('x'.repeat(10_000));
  await gone;
  assert.match(text(), /^HTTP\/1\.1 400 Bad Request\r\n.*"status":"400","detail":"this is not HTTP/s);
  assert.ok(await works());
});

test('a body that breaks before anything was answered is told so', async () => {
  server = await listen((request) => void request.resume(), '127.0.0.1', 0);
  const { socket, gone, text } = await dial();
  socket.write('POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nzz\r\nhello\r\n');
  await gone;
  assert.match(text(), /^HTTP\/1\.1 400 Bad Request\r\n/);
});

test('a head of almost 32 KB is read', async () => {
  await serve({});
  const answer = await fetch(`${server.url}/?filter=${'a'.repeat(30_000)}`);
  assert.equal(answer.status, 200);
});

test('an address that is not allowed is turned away before anything is read', async () => {
  await serve({ allowed: addressMatcher(['192.0.2.0/24', '2001:db8::/32']) });
  const { gone, text } = await dial();
  await gone;
  assert.equal(text(), '');
  await server.close(100);
  await serve({ allowed: addressMatcher(['127.0.0.0/8']) });
  assert.ok(await works());
});

const peer = async (options: object = {}): Promise<TLSSocket> => {
  const socket = tlsConnect({ port: server.port, host: '127.0.0.1', rejectUnauthorized: false, ...options });
  open.add(socket);
  await once(socket, 'secureConnect');
  return socket;
};

test('TLS from 1.2 on, with a certificate that can be changed while connections live', async () => {
  await serve({ identity: identity('first'), limits: { connections: 10 } });
  assert.match(server.url, /^https:/);
  const before = await peer();
  assert.equal(before.getPeerCertificate().subject.CN, 'first.test');
  await assert.rejects(peer({ maxVersion: 'TLSv1.1', minVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' }));
  server.identify(identity('second'));
  assert.equal((await peer()).getPeerCertificate().subject.CN, 'second.test');
  before.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n');
  assert.match(String((await once(before, 'data'))[0]), /^HTTP\/1\.1 200/);
  for (let i = 0; i < 20; i++) await dial();
  const status = await new Promise((resolve, reject) =>
    httpsRequest(server.url, { rejectUnauthorized: false, agent: false }, (r) => resolve(r.resume().statusCode))
      .on('error', reject)
      .end(),
  );
  assert.equal(status, 200, 'connections that never begin TLS take no place from others');
});

test('a certificate and a key that do not belong together, and files that are not there, are explained', () => {
  assert.ok(readFileSync(file('first.cert')).length > 0);
  assert.throws(() => readIdentity({ certFile: file('first.cert'), keyFile: file('second.key') }), {
    message: /can't be used together \(ERR_OSSL_X509_KEY_VALUES_MISMATCH\)/,
  });
  assert.throws(
    () => readIdentity({ certFile: '/nowhere.pem', keyFile: file('first.key') }),
    /nowhere\.pem can't be read/,
  );
});

test('ranges of addresses', () => {
  const inside = addressMatcher(['10.0.0.0/8', '192.0.2.7', '2001:db8::/32']);
  for (const yes of ['10.255.0.1', '::ffff:10.1.1.1', '192.0.2.7', '2001:db8:ffff::1']) assert.ok(inside(yes), yes);
  for (const no of ['11.0.0.1', '192.0.2.8', '2001:db9::1', '', 'x']) assert.ok(!inside(no), no);
});

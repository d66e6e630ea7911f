/** Transport security against a real OpenLDAP, and a server with an expired certificate. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createServer } from 'node:tls';
import type { AddressInfo } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { fakeServer } from '../../../../test/support/ldap/server.ts';
import * as say from '../../../../test/support/ldap/messages.ts';
import { noSlapd, type Slapd, startSlapd, SUFFIX } from '../../../../test/services/slapd.ts';
import { Failure } from '../../../model/failure.ts';
import { parseUrl } from '../options.ts';
import { dial, type DialOptions } from './dial.ts';
import { searchAll } from './search.ts';

const LIMIT_MS = 20_000;
const signal = (): AbortSignal => AbortSignal.timeout(LIMIT_MS);

describe('TLS with OpenLDAP', { skip: noSlapd }, () => {
  let slapd: Slapd;
  before(async () => void (slapd = await startSlapd({ idle: 1 })));
  after(() => slapd?.close());

  const file = (name: string): Buffer => readFileSync(name);
  const reach = async (url: string, over: Partial<DialOptions> = {}): Promise<number> => {
    const address = parseUrl(url);
    assert.ok(address);
    const connection = await dial(
      {
        addresses: [address],
        startTls: false,
        tls: { ca: file(slapd.certificates.ca) },
        connectTimeout: 10_000,
        timeout: 10_000,
        credentials: slapd.reader,
        ...over,
      },
      signal(),
    );
    try {
      return (
        await searchAll(connection, { base: SUFFIX, scope: 'one', filter: '(ou=*)', attributes: ['ou'] }, signal())
      ).length;
    } finally {
      connection.close();
    }
  };
  const refused =
    (kind: string, pattern: RegExp) =>
    (error: unknown): true => {
      assert.ok(error instanceof Failure, String(error));
      assert.match(error.message, pattern);
      assert.equal(error.verdict.kind, kind);
      assert.ok(!`${error.message}${error.remedy}`.includes(slapd.reader.password));
      return true;
    };
  const byName = (url: string): string => url.replace('127.0.0.1', 'localhost');

  test('LDAPS and StartTLS, by name and by address', async () => {
    for (const url of [slapd.secureUrl, byName(slapd.secureUrl)]) assert.equal(await reach(url), 2);
    for (const url of [slapd.url, byName(slapd.url)]) assert.equal(await reach(url, { startTls: true }), 2);
  });

  test('a certificate of an unknown CA, or for another name, is refused, and no password is sent', async () => {
    const other = { tls: { ca: file(slapd.certificates.otherCa) } };
    await assert.rejects(
      reach(slapd.secureUrl, other),
      refused('broken', /signed by a CA that is not trusted|not signed by/),
    );
    await assert.rejects(
      reach(slapd.url, { ...other, startTls: true }),
      refused('broken', /signed by a CA that is not trusted|not signed by/),
    );
    await assert.rejects(
      reach(slapd.secureUrl, { serverName: 'dc1.example.com' }),
      refused('broken', /is for another name/),
    );
    await assert.rejects(
      reach(slapd.url, { serverName: 'dc1.example.com', startTls: true }),
      refused('broken', /is for another name/),
    );
    await assert.rejects(reach(slapd.secureUrl, { serverName: '127.0.0.2' }), refused('broken', /is for another name/));
  });

  test('a client certificate is shown', async () => {
    const tls = {
      ca: file(slapd.certificates.ca),
      cert: file(slapd.certificates.clientCert),
      key: file(slapd.certificates.clientKey),
    };
    assert.equal(await reach(slapd.secureUrl, { tls }), 2);
    assert.equal(await reach(slapd.url, { tls, startTls: true }), 2);
  });

  test('a wrong password, and a port that speaks the other way', async () => {
    await assert.rejects(
      reach(slapd.secureUrl, { credentials: { ...slapd.reader, password: 'wrong' } }),
      refused('broken', /refused the sign-in/),
    );
    const mixed = slapd.url.replace('ldap:', 'ldaps:');
    await assert.rejects(
      reach(mixed, { connectTimeout: 2_000 }),
      (error) => error instanceof Failure && /TLS failed|closed|did not answer/.test(error.message),
    );
    const plain = slapd.secureUrl.replace('ldaps:', 'ldap:');
    await assert.rejects(
      reach(plain),
      (error) => error instanceof Failure && /can't be understood|closed/.test(error.message),
    );
  });

  test('a connection that the server closed for being quiet is noticed, with StartTLS too', async () => {
    for (const startTls of [false, true]) {
      const address = parseUrl(slapd.url);
      assert.ok(address);
      const connection = await dial(
        {
          addresses: [address],
          startTls,
          tls: { ca: file(slapd.certificates.ca) },
          connectTimeout: 10_000,
          timeout: 30_000,
        },
        signal(),
      );
      // Waiting for what never comes, after the last operation (that of StartTLS, or none): the server hangs up after a second.
      await assert.rejects(
        connection.receive(startTls ? 1 : 0, signal()),
        refused('retry', /closed the connection|is closing the connection/),
      );
      await assert.rejects(
        searchAll(connection, { base: '', scope: 'base', filter: '(a=*)', attributes: [] }, signal()),
        Failure,
      );
    }
  });

  test('an expired certificate is refused', async () => {
    const folder = join(slapd.folder, 'tls');
    execFileSync(
      'openssl',
      [
        'x509',
        '-req',
        '-in',
        'server.csr',
        '-CA',
        'ca.pem',
        '-CAkey',
        'ca.key',
        '-CAcreateserial',
        '-days',
        '-1',
        '-extfile',
        'server.ext',
        '-out',
        'expired.pem',
      ],
      { cwd: folder, stdio: 'ignore' },
    );
    const server = createServer(
      { cert: file(join(folder, 'expired.pem')), key: file(slapd.certificates.key) },
      (socket) => void socket.on('error', () => undefined),
    );
    server.on('tlsClientError', () => undefined);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    await assert.rejects(reach(`ldaps://127.0.0.1:${port}`), refused('broken', /certificate has expired/));
    await new Promise((resolve) => server.close(resolve));
  });
});

test('a server that answers to StartTLS and says more without TLS is not believed', async (t) => {
  const server = await fakeServer(({ id }, socket) => {
    socket.write(Buffer.concat([say.extended(id), say.entry(id + 1, 'cn=forged', {})]));
  });
  t.after(() => server.close());
  const address = parseUrl(server.url);
  assert.ok(address);
  await assert.rejects(
    dial({ addresses: [address], startTls: true, tls: {}, connectTimeout: 5_000, timeout: 5_000 }, signal()),
    (error) => error instanceof Failure && /between the answer to StartTLS and TLS/.test(error.message),
  );
  const without = await fakeServer(
    ({ id }, socket) => void socket.write(say.extended(id, { code: 2, text: 'unsupported' })),
  );
  t.after(() => without.close());
  const other = parseUrl(without.url);
  assert.ok(other);
  await assert.rejects(
    dial({ addresses: [other], startTls: true, tls: {}, connectTimeout: 5_000, timeout: 5_000 }, signal()),
    (error) => error instanceof Failure && /refused StartTLS/.test(error.message) && error.verdict.kind === 'broken',
  );
});

import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { test, type TestContext } from 'node:test';
import * as say from '../../../../test/support/ldap/messages.ts';
import { fakeServer, type FakeServer } from '../../../../test/support/ldap/server.ts';
import { Failure } from '../../../model/failure.ts';
import { parseUrl } from '../options.ts';
import { dial, type DialOptions } from './dial.ts';
import { type Message, OID, OP } from './messages.ts';
import { search, searchAll, type SearchEnd } from './search.ts';

const LIMIT_MS = 20_000;
const signal = (): AbortSignal => AbortSignal.timeout(LIMIT_MS);
const ALL = { base: 'dc=x', scope: 'sub', filter: '(a=*)', attributes: ['a'], pageSize: 2 } as const;

async function server(t: TestContext, answer: (request: Message, socket: Socket) => void): Promise<FakeServer> {
  const it = await fakeServer((request, socket) => {
    if (request.operation === OP.bindRequest) socket.write(say.bound(request.id));
    else answer(request, socket);
  });
  t.after(() => it.close());
  return it;
}

const options = (urls: readonly string[], over: Partial<DialOptions> = {}): DialOptions => ({
  addresses: urls.flatMap((url) => parseUrl(url) ?? []),
  startTls: false,
  tls: {},
  connectTimeout: 5_000,
  timeout: 5_000,
  ...over,
});

/** All that a search gives, as names, and what it came to. */
async function found(
  urls: readonly string[],
  over: Partial<DialOptions> = {},
): Promise<{ names: string[]; end: SearchEnd }> {
  const connection = await dial(options(urls, over), signal());
  const names: string[] = [];
  try {
    for (const steps = search(connection, ALL, signal()); ;) {
      const step = await steps.next();
      if (step.done === true) return { names, end: step.value };
      names.push(...step.value.map((one) => ('broken' in one ? 'broken' : one.dn)));
    }
  } finally {
    connection.destroy();
  }
}

const failsWith =
  (kind: string, pattern: RegExp) =>
  (error: unknown): true => {
    assert.ok(error instanceof Failure, String(error));
    assert.match(error.message, pattern);
    assert.equal(error.verdict.kind, kind);
    assert.ok(error.remedy !== undefined && error.remedy.length > 10);
    return true;
  };

/** Pages of entries, one for each search that comes. */
const pages =
  (...list: string[][]) =>
  ({ id }: Message, socket: Socket): void => {
    const page = list.shift() ?? [];
    socket.write(
      Buffer.concat([
        ...page.map((dn) => say.entry(id, dn, { a: ['1'] })),
        say.done(id, { cookie: list.length > 0 ? 'more' : '' }),
      ]),
    );
  };

test('pages are asked for until the cookie is empty, also over pages without an entry', async (t) => {
  const { url, requests } = await server(t, pages(['cn=1', 'cn=2'], [], [], ['cn=3'], []));
  const { names, end } = await found([url]);
  assert.deepEqual(names, ['cn=1', 'cn=2', 'cn=3']);
  assert.deepEqual(end, { references: [], pages: 5 });
  assert.equal(requests.length, 5);
});

test('what stands between entries is passed over: intermediate responses, answers to others, unknown notices', async (t) => {
  const { url } = await server(t, ({ id }, socket) => {
    socket.write(say.intermediate(id));
    socket.write(say.entry(id, 'cn=1', {}));
    socket.write(say.entry(id + 5, 'cn=other', {}));
    socket.write(say.extended(0, { oid: '1.2.3' }));
    socket.write(say.reference(id, 'ldap://elsewhere/dc=y'));
    socket.write(say.done(id));
  });
  const { names, end } = await found([url]);
  assert.deepEqual(names, ['cn=1']);
  assert.deepEqual(end.references, ['ldap://elsewhere/dc=y']);
});

test('a limit of the server is told at the end, with what came before', async (t) => {
  for (const [code, cut] of [
    [4, /size limit/],
    [3, /time limit/],
    [11, /administrative limit/],
  ] as const) {
    const { url } = await server(t, ({ id }, socket) => {
      socket.write(Buffer.concat([say.entry(id, 'cn=1', {}), say.done(id, { code })]));
    });
    const { names, end } = await found([url]);
    assert.deepEqual(names, ['cn=1']);
    assert.match(end.cut ?? '', cut);
  }
});

test('every other result is a failure that says what to do', async (t) => {
  for (const [code, kind, pattern] of [
    [1, 'broken', /result 1/],
    [10, 'broken', /was referred to ldap:\/\/other/],
    [12, 'broken', /does not understand/],
    [32, 'broken', /nothing of this name/],
    [34, 'broken', /nothing of this name/],
    [50, 'broken', /is not allowed/],
    [51, 'retry', /is busy/],
    [53, 'retry', /does not want/],
    [80, 'retry', /result 80: bad luck/],
  ] as const) {
    const { url } = await server(t, ({ id }, socket) => {
      socket.write(say.done(id, { code, text: 'bad luck\0', referrals: ['ldap://other'] }));
    });
    await assert.rejects(found([url]), failsWith(kind, pattern), String(code));
  }
});

test('a connection that is closed, or cut in the middle of a message, ends the search', async (t) => {
  const whole = (id: number): Buffer => say.entry(id, 'cn=1', { a: ['x'.repeat(500)] });
  for (const bytes of [0, 1, 5, 200]) {
    const { url } = await server(t, ({ id }, socket) => {
      socket.end(Buffer.concat([whole(id), whole(id).subarray(0, bytes)]));
    });
    await assert.rejects(found([url]), failsWith('retry', /closed the connection before it had answered/));
  }
});

test('a notice of disconnection is told with its reason', async (t) => {
  const { url } = await server(t, (_, socket) => {
    socket.end(say.extended(0, { code: 52, text: 'going down', oid: OID.noticeOfDisconnection }));
  });
  await assert.rejects(found([url]), failsWith('retry', /is closing the connection \(result 52\): going down/));
});

test('bytes that are no LDAP end the search, and say so', async (t) => {
  for (const bytes of [
    'HTTP/1.1 400 Bad Request\r\n\r\n',
    '\x15\x03\x01\x00\x02',
    Buffer.from('3005020101647f', 'hex'),
  ]) {
    const { url } = await server(t, (_, socket) => void socket.write(bytes));
    await assert.rejects(found([url]), failsWith('retry', /can't be understood/));
  }
});

test('an entry that can not be taken apart does not end the search', async (t) => {
  const { url } = await server(t, ({ id }, socket) => {
    const bad = say.message(id, Buffer.from('6404040a6162', 'hex'));
    socket.write(Buffer.concat([say.entry(id, 'cn=1', {}), bad, say.entry(id, 'cn=2', {}), say.done(id)]));
  });
  assert.deepEqual((await found([url])).names, ['cn=1', 'broken', 'cn=2']);
});

test('silence has an end, by time and by the signal; while something comes nobody is silent', async (t) => {
  const { url } = await server(t, () => undefined);
  await assert.rejects(found([url], { timeout: 100 }), failsWith('retry', /said nothing for 0\.1 s/));
  const stop = new AbortController();
  const reason = new Error('stop');
  const connection = await dial(options([url]), stop.signal);
  const waiting = search(connection, ALL, stop.signal).next();
  stop.abort(reason);
  await assert.rejects(waiting, (error) => error === reason);
  assert.throws(() => connection.send(Buffer.alloc(0)), 'a connection that was broken off is not used again');
});

test('what nobody fetches stops the server, and memory stays bounded', async (t) => {
  const big = Buffer.alloc(10_000, 0x61);
  let written = 0;
  const { url } = await server(t, ({ id }, socket) => {
    const more = (): void => {
      while (written < 3_000) {
        written += 1;
        if (!socket.write(say.entry(id, `cn=${written}`, { a: [big] }))) return void socket.once('drain', more);
      }
      socket.write(say.done(id));
    };
    more();
  });
  const connection = await dial(options([url]), signal());
  const steps = search(connection, ALL, signal());
  let count = Array.isArray((await steps.next()).value) ? 1 : 0;
  assert.equal(count, 1);
  // The server goes on until nothing fits any more; then it stands.
  for (let last = -1; last !== written;) {
    last = written;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  assert.ok(written < 2_900, `the server could write ${written} of 3000 while nobody read`);
  for (let step = await steps.next(); step.done !== true; step = await steps.next()) count += 1;
  assert.equal(written, 3_000);
  connection.destroy();
});

test('the next server is tried where one can not be reached, and no other where a password is refused', async (t) => {
  const good = await server(t, pages(['cn=1']));
  const dead = 'ldap://127.0.0.1:1';
  assert.deepEqual((await found([dead, good.url])).names, ['cn=1']);
  const refusing = await fakeServer(({ id }, socket) => {
    socket.write(
      say.bound(id, {
        code: 49,
        text: '80090308: LdapErr: DSID-0C090447, comment: AcceptSecurityContext error, data 775, v3839\0',
      }),
    );
  });
  t.after(() => refusing.close());
  const other = await server(t, pages(['cn=1']));
  const credentials = { dn: 'cn=reader', password: 'hush' };
  await assert.rejects(
    found([refusing.url, other.url], { credentials }),
    failsWith('broken', /refused the sign-in: the account is locked/),
  );
  assert.equal(other.requests.length, 0);
  await assert.rejects(
    found([dead, 'ldap://127.0.0.1:2']),
    failsWith('retry', /none of 2 servers can be used: .*:1 can't be reached: nobody listens there; .*:2/),
  );
});

test('a server that is busy at the sign-in is passed over', async (t) => {
  const busy = await fakeServer(({ id }, socket) => void socket.write(say.bound(id, { code: 51 })));
  t.after(() => busy.close());
  const good = await server(t, pages(['cn=1']));
  assert.deepEqual((await found([busy.url, good.url], { credentials: { dn: 'cn=r', password: 'p' } })).names, ['cn=1']);
});

test('a small search is all there, or fails', async (t) => {
  const { url } = await server(t, ({ id }, socket) => {
    socket.write(Buffer.concat([say.entry(id, 'cn=1', {}), say.done(id, { code: 4 })]));
  });
  const connection = await dial(options([url]), signal());
  t.after(() => connection.destroy());
  await assert.rejects(searchAll(connection, ALL, signal()), Failure);
});

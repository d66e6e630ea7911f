import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { after, afterEach, before, test } from 'node:test';
import { openScene, type Bridge, type Scene } from './support/scene.ts';

/**
 * A real service in a process of its own, strangers and clients that mean harm, and beside them a client that goes on
 * with its work. Time is asserted generously: what is shown is that nothing stops the service, not how fast it is.
 */
const PATIENCE_MS = 5_000;
/** More memory than this is held by nobody's attack. Bytes. */
const MEMORY = 250 * 1024 * 1024;

let scene: Scene;
let bridge: Bridge;
let token = '';
let id = '';
const sockets = new Set<Socket>();

before(async () => {
  scene = openScene();
  scene.write(
    'drawbridge.yaml',
    `server: { listen: 127.0.0.1:0 }
store: { url: embedded:data }
sources: { okta: { type: scim } }
rules: rules
`,
  );
  scene.write('rules/rules.yaml', 'rules: []\n');
  bridge = await scene.serve();
  [, token = ''] = /SCIM token of source okta: +(\S+)/.exec(bridge.out()) ?? [];
  id = ((await (await send('POST', '/Users', { userName: 'victim' })).json()) as { id: string }).id;
});
after(() => scene.clear());
afterEach(() => {
  for (const socket of sockets) socket.destroy();
  sockets.clear();
});

function send(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(`${bridge.url}/scim/okta/v2${path}`, {
    method,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/scim+json', ...headers },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    signal: AbortSignal.timeout(30_000),
  });
}

/** A client that reads one user, again and again, while `attack` runs; gives its slowest answer in ms. */
async function beside(attack: () => Promise<unknown>): Promise<number> {
  let over = false;
  let slowest = 0;
  let answers = 0;
  const client = (async () => {
    while (!over) {
      const started = performance.now();
      const reply = await send('GET', `/Users/${id}`).catch(() => undefined);
      // A connection that was idle may have made way for another: the client repeats, as any does.
      if (reply === undefined) continue;
      await reply.text();
      assert.equal(reply.status, 200);
      slowest = Math.max(slowest, performance.now() - started);
      answers += 1;
      await sleep(5);
    }
  })();
  try {
    await attack();
  } finally {
    over = true;
  }
  await client;
  assert.ok(answers > 0, 'the client got no answer at all');
  assert.ok(slowest < PATIENCE_MS, `the client waited ${Math.round(slowest)} ms`);
  return slowest;
}

/** Resident memory of the service's process, bytes. */
function memory(): number {
  const [, kilobytes = '0'] = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${bridge.child.pid}/status`, 'utf8')) ?? [];
  return Number(kilobytes) * 1024;
}

/** The service's process holds no more than `MEMORY` above what it held before, once it has had time to clear away. */
async function bounded(attack: () => Promise<unknown>): Promise<void> {
  const before = memory();
  await attack();
  for (let i = 0; i < 100 && memory() - before > MEMORY; i++) await sleep(100);
  assert.ok(memory() - before < MEMORY, `${Math.round((memory() - before) / 1e6)} MB more`);
}

/** Opens connections, `open` at a time, and writes `head` on each. */
async function dial(count: number, head = ''): Promise<Socket[]> {
  const made: Socket[] = [];
  const port = Number(new URL(bridge.url).port);
  for (let i = 0; i < count; i += 100) {
    const some = Array.from({ length: Math.min(100, count - i) }, () => {
      const socket = connect(port, '127.0.0.1');
      sockets.add(socket);
      socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
      socket.resume();
      return socket;
    });
    await Promise.all(
      some.map(
        (socket) =>
          new Promise<void>((resolve) => {
            socket.once('connect', () => (socket.write(head), resolve())).once('close', () => resolve());
          }),
      ),
    );
    made.push(...some);
  }
  return made;
}

test('six thousand connections that say nothing, or begin a head: others are answered', () =>
  bounded(() =>
    beside(async () => {
      await dial(3_000);
      await dial(3_000, 'GET /scim/okta/v2/Users HTTP/1.1\r\nhost: x\r\n');
      await sleep(500);
    }),
  ));

test('bodies that come by drops, with a token and without', () =>
  bounded(() =>
    beside(async () => {
      const head = (auth: string): string =>
        `POST /scim/okta/v2/Users HTTP/1.1\r\nhost: x\r\n${auth}content-type: application/scim+json\r\ncontent-length: 900000\r\n\r\n{`;
      const slow = [...(await dial(200, head(''))), ...(await dial(200, head(`authorization: Bearer ${token}\r\n`)))];
      for (let i = 0; i < 10; i++) {
        for (const socket of slow) if (socket.writable) socket.write(' ');
        await sleep(50);
      }
    }),
  ));

test('bodies without end from strangers are not taken in', () =>
  bounded(() =>
    beside(async () => {
      const head =
        'POST /scim/okta/v2/Users HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\ncontent-type: application/json\r\n\r\n';
      const chunk = Buffer.from(`${(65_536).toString(16)}\r\n${'x'.repeat(65_536)}\r\n`);
      const strangers = await dial(20, head);
      const cut = strangers.map((socket) => new Promise((resolve) => socket.once('close', resolve)));
      const pump = setInterval(() => {
        for (const socket of strangers) if (socket.writable && socket.writableLength < 1e6) socket.write(chunk);
      }, 2);
      try {
        await Promise.race([Promise.all(cut), sleep(20_000).then(() => assert.fail('they were not cut'))]);
      } finally {
        clearInterval(pump);
      }
    }),
  ));

test('two thousand strangers with well-formed tokens', () =>
  bounded(() =>
    beside(async () => {
      const statuses = new Map<number, number>();
      const one = async (from: number): Promise<void> => {
        for (let i = from; i < 2_000; i += 20) {
          const authorization = `Bearer dbr_${String(i).padStart(43, 'g')}`;
          const reply = await send('POST', '/Users', { userName: `x${i}` }, { authorization });
          await reply.text();
          statuses.set(reply.status, (statuses.get(reply.status) ?? 0) + 1);
        }
      };
      await Promise.all(Array.from({ length: 20 }, (_, i) => one(i)));
      assert.deepEqual([...statuses.keys()].toSorted(), [401, 429]);
      assert.ok((statuses.get(401) ?? 0) < 1_000, 'most cost no look into the store');
    }),
  ));

const PATCH = 'urn:ietf:params:scim:api:messages:2.0:PatchOp';
const deep = (levels: number): string => `${'['.repeat(levels)}${']'.repeat(levels)}`;
const many = (n: number, of: (i: number) => unknown): unknown[] => Array.from({ length: n }, (_, i) => of(i));
const patch = (Operations: unknown) => ({ schemas: [PATCH], Operations });

const HOSTILE: ReadonlyArray<readonly [string, number, () => Promise<Response>]> = [
  ['a body of 200 000 levels', 400, () => send('POST', '/Users', deep(200_000))],
  ['a member of 200 000 levels', 400, () => send('PATCH', `/Users/${id}`, `{"Operations":${deep(200_000)}}`)],
  [
    'keys of prototypes',
    201,
    () => send('POST', '/Users', '{"userName":"proto","__proto__":{"a":1},"constructor":{"prototype":{"b":1}}}'),
  ],
  [
    'a filter of 10 MB in a body',
    413,
    () => send('POST', '/Users/.search', { filter: `title eq "${'x'.repeat(10_000_000)}"` }),
  ],
  [
    'a filter of 900 kB in a body',
    400,
    () => send('POST', '/Users/.search', { filter: `title eq "${'\\'.repeat(450_000)}` }),
  ],
  [
    'a PATCH of 100 000 operations',
    413,
    () => send('PATCH', `/Users/${id}`, patch(many(100_000, () => ({ op: 'replace', path: 'title', value: 'x' })))),
  ],
  [
    'a PATCH of 10 000 operations',
    400,
    () => send('PATCH', `/Users/${id}`, patch(many(10_000, () => ({ op: 'replace', path: 'title', value: 'x' })))),
  ],
  [
    '20 000 values that are alike',
    400,
    () => send('POST', '/Users', { userName: 'x', emails: many(20_000, (i) => ({ value: 'a', type: `${i}` })) }),
  ],
  [
    '5 000 values that are alike',
    201,
    () =>
      send('POST', '/Users', {
        userName: 'alike',
        emails: many(5_000, (i) => ({ value: 'a', type: `${i}`, primary: true })),
      }),
  ],
  [
    '1 000 operations on 4 000 values',
    413,
    () =>
      send(
        'PATCH',
        `/Users/${id}`,
        patch([
          { op: 'add', path: 'roles', value: many(4_000, (i) => ({ value: `r${i}` })) },
          ...many(999, (i) => ({ op: 'replace', path: `roles[value eq "r${i}"].display`, value: 'x' })),
        ]),
      ),
  ],
  [
    '200 000 members that never were',
    400,
    () => send('POST', '/Groups', { displayName: 'g', members: many(200_000, (i) => ({ value: `${i}` })) }),
  ],
  ['an attribute list of 12 000 names', 200, () => send('GET', `/Users?attributes=${'a,'.repeat(6_000)}`)],
  ['numbers that are none', 400, () => send('GET', '/Users?startIndex=1e999')],
  ['a far page', 200, () => send('GET', '/Users?startIndex=999999999999999&count=999999999')],
];

for (const [name, status, request] of HOSTILE) {
  test(`${name}: ${status}, and others are answered`, () =>
    bounded(() =>
      beside(async () => {
        const reply = await request();
        const text = await reply.text();
        assert.equal(reply.status, status, text.slice(0, 300));
        assert.ok(text.length < 2_000_000);
        if (status >= 400) assert.equal(reply.headers.get('content-type'), 'application/scim+json');
      }),
    ));
}

test('a URL of 10 MB, and heads without end', () =>
  bounded(() =>
    beside(async () => {
      const filter = 'x'.repeat(10_000_000);
      const [one] = await dial(1, `GET /scim/okta/v2/Users?filter=${filter} HTTP/1.1\r\nhost: x\r\n\r\n`);
      assert.ok(one !== undefined);
      await new Promise((resolve) => (one.destroyed ? resolve(undefined) : one.once('close', resolve)));
      const thousand = many(2_000, (i) => `x-${i}: y\r\n`).join('');
      await dial(50, `GET /scim/okta/v2/Users HTTP/1.1\r\nhost: x\r\n${thousand}`);
    }),
  ));

test('after all that the service is as it was', async () => {
  const list = (await (await send('GET', '/Users?count=0')).json()) as { totalResults: number };
  assert.equal(list.totalResults, 3);
  assert.ok(!/"level":"(fatal|error)"/.test(bridge.err()), bridge.err().slice(-2_000));
  assert.deepEqual(await bridge.stop(), { code: 0, signal: null });
});

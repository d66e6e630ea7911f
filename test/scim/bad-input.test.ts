import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { StoreUnavailable } from '../../src/store/errors.ts';
import type { Resources } from '../../src/store/resources.ts';
import { createResources } from '../../src/store/resources.ts';
import { type TestDatabase, testDatabase } from '../support/database.ts';
import { OTHER_TOKEN, type Reply, type ScimServer, scimServer, TOKEN, useScim } from './server.ts';

const ERROR = 'urn:ietf:params:scim:api:messages:2.0:Error';
const PATCH = 'urn:ietf:params:scim:api:messages:2.0:PatchOp';
const ENTERPRISE = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User';

function isError(reply: Reply, status: number, scimType?: string): void {
  assert.equal(reply.status, status, reply.text);
  assert.equal(reply.headers.get('content-type'), 'application/scim+json');
  assert.deepEqual(reply.body.schemas, [ERROR]);
  assert.equal(reply.body.status, String(status));
  assert.equal(reply.body.scimType, scimType);
  assert.match(reply.body.detail, /\w/);
}

describe('what is refused', () => {
  const { database, server } = useScim();

  const count = async (): Promise<number> =>
    (
      await database.db.row<{ n: number }>({
        text: `select (select count(*) from record) + (select count(*) from event) + (select count(*) from dirty) as n`,
      })
    )?.n ?? -1;

  const bodies: ReadonlyArray<readonly [name: string, body: unknown, scimType: string, at: RegExp]> = [
    ['a number for a name', { userName: 42 }, 'invalidValue', /userName/],
    ['an object for a name', { userName: { a: 1 } }, 'invalidValue', /userName/],
    ['no name', { displayName: 'x' }, 'invalidValue', /userName/],
    ['a blank name', { userName: ' ' }, 'invalidValue', /userName/],
    ['text for a list', { userName: 'x', emails: 'x@example.com' }, 'invalidValue', /emails/],
    ['text in a list of objects', { userName: 'x', emails: ['x@example.com'] }, 'invalidValue', /emails\[0\]/],
    [
      'a wrong type deep inside',
      { userName: 'x', emails: [{ value: 'a' }, { value: [1] }] },
      'invalidValue',
      /emails\[1\]\.value/,
    ],
    ['text for an object', { userName: 'x', name: 'Ann' }, 'invalidValue', /name/],
    ['a boolean that is none', { userName: 'x', active: 'maybe' }, 'invalidValue', /active/],
    ['a number for a boolean', { userName: 'x', active: 1 }, 'invalidValue', /active/],
    ['text for an extension', { userName: 'x', [ENTERPRISE]: 'x' }, 'invalidValue', /enterprise/],
    ['a wrong type in an extension', { userName: 'x', [ENTERPRISE]: { department: 7 } }, 'invalidValue', /department/],
    ['two managers', { userName: 'x', [ENTERPRISE]: { manager: ['a', 'b'] } }, 'invalidValue', /manager/],
    ['a null character', { userName: 'a\u0000b' }, 'invalidValue', /userName/],
    ['half a surrogate pair', { userName: 'x', title: 'a\ud800' }, 'invalidValue', /title/],
    ['a name that no index can hold', { userName: 'x'.repeat(5000) }, 'invalidValue', /userName/],
    ['schemas that are no list', { userName: 'x', schemas: 'User' }, 'invalidValue', /schemas/],
    ['an array', [], 'invalidSyntax', /object/],
    ['null', null, 'invalidSyntax', /object/],
    ['broken JSON', '{"userName": "x"', 'invalidSyntax', /JSON/],
    ['no JSON at all', 'userName=x', 'invalidSyntax', /JSON/],
    ['nothing', '  ', 'invalidSyntax', /empty/],
    ['very deep JSON', `${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`, 'invalidSyntax', /deep/],
    [
      'very deep arrays',
      `{"userName":"x","emails":${'['.repeat(100_000)}${']'.repeat(100_000)}}`,
      'invalidSyntax',
      /deep/,
    ],
  ];

  for (const [name, body, scimType, at] of bodies) {
    test(`a user with ${name} is 400 ${scimType}, and nothing is stored`, async () => {
      const before = await count();
      const reply = await server.send('POST', '/Users', typeof body === 'string' ? body : JSON.stringify(body));
      isError(reply, 400, scimType);
      assert.match(reply.body.detail, at);
      assert.equal(await count(), before);
      assert.deepEqual(server.changes, []);
    });
  }

  test('a body over the limit is 413, announced or not', async () => {
    const huge = JSON.stringify({ userName: 'x', title: 'y'.repeat(2_000_000) });
    isError(await server.send('POST', '/Users', huge), 413);
    const response = await fetch(`${server.base}/Users`, {
      method: 'POST',
      headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' },
      body: new Blob([huge]).stream(),
      duplex: 'half',
    } as RequestInit);
    assert.equal(response.status, 413);
    assert.equal(((await response.json()) as { status: string }).status, '413');
  });

  test('a body that is no JSON by its type is 415', async () => {
    isError(await server.send('POST', '/Users', 'x', { 'content-type': 'text/plain' }), 415);
    isError(await server.send('POST', '/Users', '{}', { 'content-encoding': 'gzip' }), 415);
  });

  test('a body that is no UTF-8 is 400', async () => {
    const response = await fetch(`${server.base}/Users`, {
      method: 'POST',
      headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' },
      body: Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x7d]),
    });
    assert.equal(response.status, 400);
  });

  test('__proto__ and constructor in a body change nothing and are not kept', async () => {
    const text =
      '{"userName":"proto","__proto__":{"active":false},"constructor":{"prototype":{"x":1}},"name":{"__proto__":{"x":1},"givenName":"P"}}';
    const made = await server.send('POST', '/Users', text);
    assert.equal(made.status, 201, made.text);
    assert.equal(made.body.active, true);
    assert.deepEqual(made.body.name, { givenName: 'P' });
    assert.equal(({} as Record<string, unknown>)['x'], undefined);
    const op = `{"schemas":["${PATCH}"],"Operations":[{"op":"replace","value":{"__proto__":{"title":"x"},"title":"T"}}]}`;
    const patched = await server.send('PATCH', `/Users/${made.body.id}`, op);
    assert.equal(patched.body.title, 'T');
    assert.doesNotMatch(patched.text, /__proto__|constructor/);
    server.changes.length = 0;
    assert.equal((await server.send('DELETE', `/Users/${made.body.id}`)).status, 204);
    server.changes.length = 0;
  });

  test('nobody without a token learns anything, and nothing of the body is read', async () => {
    const broken = { headers: {}, body: '{', method: 'POST' };
    for (const authorization of [undefined, 'Bearer', 'Bearer wrong', 'Basic YTpi', `Bearer ${'x'.repeat(6000)}`]) {
      const headers = { 'content-type': 'text/plain', ...(authorization === undefined ? {} : { authorization }) };
      const response = await fetch(`${server.base}/Users`, { ...broken, headers });
      assert.equal(response.status, 401);
      assert.match(response.headers.get('www-authenticate') ?? '', /^Bearer/);
      assert.equal(((await response.json()) as { status: string }).status, '401');
    }
  });

  test('the answer to a request without a token does not wait for its body', async () => {
    const { hostname, port } = new URL(server.origin);
    const socket = connect(Number(port), hostname);
    const answer = new Promise<string>((resolve, reject) => {
      socket.setTimeout(5000, () => reject(new Error('no answer')));
      socket.once('data', (data) => resolve(data.toString()));
      socket.once('error', reject);
    });
    socket.write(
      'POST /scim/okta/v2/Users HTTP/1.1\r\nhost: x\r\ncontent-type: text/plain\r\ncontent-length: 900\r\n\r\n{',
    );
    assert.match(await answer, /^HTTP\/1\.1 401 /);
    socket.destroy();
  });

  test('an id that no store could hold is 404 for every method', async () => {
    for (const id of ['%00', 'a%00b', '%ED%A0%80']) {
      for (const [method, body] of [
        ['GET', undefined],
        ['PUT', { userName: 'x' }],
        ['PATCH', { Operations: [{ op: 'replace', path: 'title', value: 'x' }] }],
        ['DELETE', undefined],
      ] as const) {
        for (const place of ['Users', 'Groups']) {
          const reply = await server.send(method, `/${place}/${id}`, body);
          assert.ok(
            reply.status === 404 || (method !== 'GET' && reply.status === 400),
            `${method} ${place}/${id}: ${reply.status}`,
          );
        }
      }
    }
  });

  test("another source's token is 403 on the path of this one, and sees its own resources only", async () => {
    const other = { authorization: `Bearer ${OTHER_TOKEN}` };
    isError(await server.send('GET', '/Users', undefined, other), 403);
    isError(await server.send('GET', `${server.origin}/scim/nowhere/v2/Users`, undefined, other), 403);
    const made = await server.send('POST', '/Users', { userName: 'mine' });
    server.changes.length = 0;
    const theirs = `${server.origin}/scim/v2`;
    isError(await server.send('GET', `${theirs}/Users/${made.body.id}`, undefined, other), 404);
    isError(await server.send('DELETE', `${theirs}/Users/${made.body.id}`, undefined, other), 404);
    assert.equal((await server.send('GET', `${theirs}/Users`, undefined, other)).body.totalResults, 0);
    assert.equal((await server.send('POST', `${theirs}/Users`, { userName: 'mine' }, other)).status, 201);
    const group = await server.send(
      'POST',
      `${theirs}/Groups`,
      { displayName: 'g', members: [{ value: made.body.id }] },
      other,
    );
    isError(group, 400, 'invalidValue');
    server.changes.length = 0;
  });

  const filters = [
    'userName eq "a" and',
    'userName "a"',
    'userName eq',
    'userName foo "a"',
    '(userName eq "a"',
    'userName eq "a")',
    'userName eq "a',
    'userName eq "\\q"',
    `userName eq "${'\\'.repeat(4001)}`,
    'nosuch eq "a"',
    'name eq "a"',
    'emails[nosuch eq "a"]',
    'emails[emails[value eq "a"]]',
    'emails[value eq "a"',
    'title[value eq "a"]',
    'active gt true',
    'active eq "maybe"',
    'meta.created gt "yesterday"',
    'meta.created co "2026"',
    'password eq "x"',
    'not userName eq "a"',
    `${'('.repeat(3000)}userName pr${')'.repeat(3000)}`,
    Array.from({ length: 500 }, () => 'title pr').join(' or '),
    `userName eq "${'x'.repeat(9000)}"`,
  ];
  for (const filter of filters) {
    test(`the filter ${filter.slice(0, 40)} is 400 invalidFilter, at once`, async () => {
      const started = performance.now();
      isError(await server.send('GET', `/Users?filter=${encodeURIComponent(filter)}`), 400, 'invalidFilter');
      assert.ok(performance.now() - started < 1000);
    });
  }

  test('methods and endpoints that are not there are SCIM errors too', async () => {
    const put = await server.send('PUT', '/Users', {});
    isError(put, 405);
    assert.equal(put.headers.get('allow'), 'GET, POST');
    isError(await server.send('POST', '/Schemas', {}), 405);
    isError(await server.send('GET', '/Me'), 501);
    isError(await server.send('GET', '/Bulk'), 405);
    isError(await server.send('GET', '/.search'), 405);
    isError(await server.send('POST', '/', {}), 405);
    isError(await server.send('POST', '/Bulk/x', {}), 404);
    isError(await server.send('GET', '/Nowhere'), 404);
    isError(await server.send('GET', '/Users/a/b'), 404);
    isError(await server.send('GET', '/Users/%00'), 404);
    isError(await server.send('GET', `${server.origin}/scim/okta/v1/Users`), 404);
    isError(await server.send('GET', '/ResourceTypes?filter=id%20pr'), 403);
    isError(await server.send('GET', '/Users?startIndex=x'), 400, 'invalidValue');
  });

  test('a PATCH that can not be done is refused, whole', async () => {
    const made = await server.send('POST', '/Users', { userName: 'patched', title: 'T' });
    server.changes.length = 0;
    const before = await count();
    const wrong: ReadonlyArray<readonly [operations: unknown, scimType: string]> = [
      [{ op: 'remove' }, 'noTarget'],
      [{ op: 'replace', path: 'id', value: 'x' }, 'mutability'],
      [{ op: 'replace', path: 'groups', value: [] }, 'mutability'],
      [{ op: 'replace', path: 'meta.created', value: 'x' }, 'mutability'],
      [{ op: 'remove', path: 'userName' }, 'mutability'],
      [{ op: 'replace', path: 'nosuch', value: 'x' }, 'invalidPath'],
      [{ op: 'replace', path: 'urn:example:x:User:y', value: 'x' }, 'invalidPath'],
      [{ op: 'replace', path: 'emails[type eq "work"', value: 'x' }, 'invalidPath'],
      [{ op: 'replace', path: 'emails[type eq]', value: {} }, 'invalidFilter'],
      [{ op: 'replace', path: 'emails[type ne "work"].value', value: 'x' }, 'noTarget'],
      [{ op: 'move', path: 'title', value: 'x' }, 'invalidSyntax'],
      [{ op: 'replace', path: 'title', value: 7 }, 'invalidValue'],
      [{ op: 'replace', path: 'active', value: 'perhaps' }, 'invalidValue'],
      [{ op: 'remove', path: 'active' }, 'invalidValue'],
      [{ op: 'replace', value: 'x' }, 'invalidValue'],
      [{ op: 'add', path: 'title' }, 'invalidValue'],
      ['x', 'invalidSyntax'],
    ];
    for (const [operation, scimType] of wrong) {
      const Operations = [{ op: 'replace', path: 'title', value: 'lost' }, operation];
      isError(await server.send('PATCH', `/Users/${made.body.id}`, { schemas: [PATCH], Operations }), 400, scimType);
    }
    isError(await server.send('PATCH', `/Users/${made.body.id}`, { Operations: {} }), 400, 'invalidSyntax');
    assert.equal((await server.send('GET', `/Users/${made.body.id}`)).body.title, 'T');
    assert.equal(await count(), before);
    assert.deepEqual(server.changes, []);
  });

  test('members that never were are named and refused; nothing of the request is done', async () => {
    const user = await server.send('POST', '/Users', { userName: 'member' });
    const group = await server.send('POST', '/Groups', { displayName: 'G', members: [{ value: user.body.id }] });
    const send = (Operations: unknown) =>
      server.send('PATCH', `/Groups/${group.body.id}`, { schemas: [PATCH], Operations });
    const unknown = await send([
      { op: 'remove', path: 'members', value: [{ value: user.body.id }] },
      { op: 'add', path: 'members', value: [{ value: 'never-was' }] },
    ]);
    isError(unknown, 400, 'invalidValue');
    assert.match(unknown.body.detail, /never-was/);
    isError(await send([{ op: 'replace', path: 'members', value: [{ value: 'never-was' }] }]), 400, 'invalidValue');
    isError(
      await send([
        { op: 'replace', path: 'displayName', value: 'H' },
        { op: 'add', path: 'members', value: ['never-was'] },
      ]),
      400,
      'invalidValue',
    );
    isError(await send([{ op: 'add', path: 'members', value: [{ value: 7 }] }]), 400, 'invalidValue');
    isError(await send([{ op: 'remove', path: 'members[display eq "x"]' }]), 400, 'invalidFilter');
    isError(
      await server.send('POST', '/Groups', { displayName: 'X', members: [{ value: 'never-was' }] }),
      400,
      'invalidValue',
    );
    isError(await server.send('POST', '/Groups', { displayName: 'X', members: 'x' }), 400, 'invalidValue');
    const now = await server.send('GET', `/Groups/${group.body.id}`);
    assert.equal(now.body.displayName, 'G');
    assert.deepEqual(
      now.body.members.map((m: { value: string }) => m.value),
      [user.body.id],
    );
    assert.equal((await server.send('GET', '/Groups?filter=displayName%20eq%20%22X%22')).body.totalResults, 0);
  });
});

describe('failures inside', () => {
  let database: TestDatabase;
  before(async () => {
    database = await testDatabase();
  });
  after(() => database.close());

  async function withFailure(
    error: Error,
    work: (server: ScimServer, logged: unknown[]) => Promise<void>,
  ): Promise<void> {
    const failing = async (): Promise<never> => {
      throw error;
    };
    const resources: Resources = { ...createResources(database.db), read: failing };
    const logged: unknown[] = [];
    const log = {
      warn: (fields: object) => void logged.push(fields),
      error: (fields: object) => void logged.push(fields),
    };
    const server = await scimServer(database.db, { resources, log });
    try {
      await work(server, logged);
    } finally {
      await server.close();
    }
  }

  test('a store that is away is 503 with Retry-After', () =>
    withFailure(
      new StoreUnavailable('no connection to db.internal', { remedy: 'start it' }),
      async (server, logged) => {
        const reply = await server.send('GET', '/Users/x');
        isError(reply, 503);
        assert.match(reply.headers.get('retry-after') ?? '', /^\d+$/);
        assert.doesNotMatch(reply.text, /db\.internal/);
        assert.equal(logged.length, 1);
      },
    ));

  test('a listener that fails does not take back what is committed', async () => {
    const logged: unknown[] = [];
    const log = { warn: () => undefined, error: (fields: object) => void logged.push(fields) };
    const onChange = (): never => {
      throw new Error('no planner');
    };
    const server = await scimServer(database.db, { onChange, log });
    try {
      assert.equal((await server.send('POST', '/Users', { userName: 'kept' })).status, 201);
      assert.equal((await server.send('GET', '/Users')).body.totalResults, 1);
      assert.equal(logged.length, 1);
    } finally {
      await server.close();
    }
  });

  test('what was not foreseen is 500 and says nothing of our insides', () =>
    withFailure(new Error('relation "secret" does not exist'), async (server, logged) => {
      const reply = await server.send('GET', '/Users/x');
      isError(reply, 500);
      assert.doesNotMatch(reply.text, /secret|relation/);
      assert.equal(logged.length, 1);
    }));
});

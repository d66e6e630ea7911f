import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import { StoreUnavailable } from '../../src/store/errors.ts';
import { createResources } from '../../src/store/resources.ts';
import { type Reply, scimServer, useScim } from './server.ts';

const REQUEST = 'urn:ietf:params:scim:api:messages:2.0:BulkRequest';
const RESPONSE = 'urn:ietf:params:scim:api:messages:2.0:BulkResponse';
const ENTERPRISE = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User';

interface Result {
  readonly method: string;
  readonly status: string;
  readonly bulkId?: string;
  readonly location?: string;
  readonly version?: string;
  readonly response?: { readonly status: string; readonly scimType?: string; readonly detail: string };
}

describe('bulk requests', () => {
  const { database, server } = useScim({ limits: { bulkOperations: 60, bulkBytes: 20_000 } });
  beforeEach(async () => {
    server.changes.length = 0;
    await database.db.rows({ text: 'truncate record, membership, person, person_record, dirty, event cascade' });
  });

  const send = (Operations: readonly unknown[], more: object = {}): Promise<Reply> =>
    server.send('POST', '/Bulk', { schemas: [REQUEST], ...more, Operations });
  const bulk = async (Operations: readonly unknown[], more: object = {}): Promise<Result[]> => {
    const reply = await send(Operations, more);
    assert.equal(reply.status, 200, reply.text);
    assert.deepEqual(reply.body.schemas, [RESPONSE]);
    return reply.body.Operations;
  };
  const statuses = (results: readonly Result[]): string[] => results.map((r) => r.status);
  const user = (bulkId: string, more: object = {}) => ({
    method: 'POST',
    path: '/Users',
    bulkId,
    data: { userName: bulkId, ...more },
  });
  const group = (bulkId: string, ...members: string[]) => ({
    method: 'POST',
    path: '/Groups',
    bulkId,
    data: { displayName: bulkId, members: members.map((m) => ({ value: `bulkId:${m}` })) },
  });
  const idOf = (result: Result | undefined): string => result?.location?.split('/').at(-1) ?? '';
  const get = async (result: Result | undefined) => (await server.send('GET', result?.location ?? '')).body;
  const count = async (): Promise<number> =>
    (await database.db.row<{ n: number }>({ text: 'select count(*) as n from record where gone_at is null' }))?.n ?? -1;

  test('is announced with the limits that hold', async () => {
    const { bulk: announced } = (await server.send('GET', '/ServiceProviderConfig')).body;
    assert.deepEqual(announced, { supported: true, maxOperations: 60, maxPayloadSize: 20_000 });
  });

  test('every method, each with location, version and status; the second read shows what the first says', async () => {
    const [made] = await bulk([user('ann')]);
    const path = `/Users/${idOf(made)}`;
    const results = await bulk([
      { method: 'put', path, version: made?.version, data: { userName: 'ann', title: 'A' } },
      { method: 'PATCH', path, bulkId: 'p', data: { Operations: [{ op: 'add', path: 'nickName', value: 'N' }] } },
      { method: 'PATCH', path, version: 'W/"1"', data: { Operations: [{ op: 'add', path: 'title', value: 'lost' }] } },
      user('bob'),
      { method: 'DELETE', path: '/Users/nobody' },
    ]);
    assert.deepEqual(statuses(results), ['200', '200', '412', '201', '404']);
    assert.deepEqual(
      results.map((r) => [r.method, r.bulkId, r.location === undefined, r.version]),
      [
        ['PUT', undefined, false, 'W/"2"'],
        ['PATCH', 'p', false, 'W/"3"'],
        ['PATCH', undefined, false, undefined],
        ['POST', 'bob', false, 'W/"1"'],
        ['DELETE', undefined, false, undefined],
      ],
    );
    const shown = await get(results[0]);
    assert.deepEqual([shown.title, shown.nickName, shown.meta.version], ['A', 'N', 'W/"3"']);
    assert.equal(shown.meta.location, results[0]?.location);
    assert.deepEqual(statuses(await bulk([{ method: 'DELETE', path }])), ['204']);
    assert.equal((await server.send('GET', path)).status, 404);
  });

  test('references by bulkId, forwards and backwards, in data, in paths and in value paths', async () => {
    const results = await bulk([
      group('team', 'ann', 'bob'),
      user('ann', { [ENTERPRISE]: { manager: { value: 'bulkId:bob' } } }),
      user('bob'),
      { method: 'PATCH', path: '/Users/bulkId:bob', data: { Operations: [{ op: 'add', path: 'title', value: 'B' }] } },
      {
        method: 'PATCH',
        path: '/Groups/bulkId:team',
        data: { Operations: [{ op: 'remove', path: 'members[value eq "bulkId:bob"]' }] },
      },
    ]);
    assert.deepEqual(statuses(results), ['201', '201', '201', '200', '204']);
    const [team, ann, bob] = await Promise.all(results.slice(0, 3).map(get));
    assert.deepEqual(
      team.members.map((m: { value: string }) => m.value),
      [ann.id],
    );
    assert.equal(ann[ENTERPRISE].manager.value, bob.id);
    assert.equal(bob.title, 'B');
  });

  test('references in a circle: groups of each other, of themselves, managers of each other', async () => {
    const boss = (of: string) => ({ [ENTERPRISE]: { department: 'D', manager: { value: `bulkId:${of}` } } });
    const results = await bulk([
      group('a', 'b', 'ann'),
      group('b', 'c'),
      group('c', 'a'),
      group('self', 'self'),
      user('ann', boss('bob')),
      user('bob', boss('ann')),
    ]);
    assert.deepEqual(statuses(results), Array(6).fill('201'));
    const [a, b, c, self, ann, bob] = await Promise.all(results.map(get));
    const members = (g: { members: Array<{ value: string }> }) => g.members.map((m) => m.value).toSorted();
    assert.deepEqual(members(a), [b.id, ann.id].toSorted());
    assert.deepEqual([members(b), members(c), members(self)], [[c.id], [a.id], [self.id]]);
    assert.deepEqual(
      [ann[ENTERPRISE], bob[ENTERPRISE]].map((e) => [e.department, e.manager.value]),
      [
        ['D', bob.id],
        ['D', ann.id],
      ],
    );
    for (const [i, shown] of [a, b, c, self, ann, bob].entries()) {
      assert.equal(results[i]?.version?.replace(/"$/, ''), shown.meta.version.replace(/(-[\w-]+)?"$/, ''));
    }
  });

  test('of a circle nothing is made when one of it can not be', async () => {
    await bulk([user('taken')]);
    const broken = { ...user('ann'), data: { userName: 'TAKEN', [ENTERPRISE]: { manager: { value: 'bulkId:bob' } } } };
    const results = await bulk([
      broken,
      user('bob', { [ENTERPRISE]: { manager: { value: 'bulkId:ann' } } }),
      user('eve'),
      group('team', 'ann'),
    ]);
    assert.deepEqual(statuses(results), ['409', '409', '201', '409']);
    assert.equal(results[0]?.response?.scimType, 'uniqueness');
    assert.equal(results[0]?.location, undefined);
    assert.match(results[1]?.response?.detail ?? '', /ann/);
    assert.match(results[3]?.response?.detail ?? '', /ann/);
    assert.equal(await count(), 2);
    const events = await database.db.rows({ text: `select 1 from event where kind = 'record.created'` });
    assert.equal(events.length, 2);
  });

  test('without failOnErrors all are tried; with it no more than that many may fail', async () => {
    const operations = [
      { method: 'DELETE', path: '/Users/nobody' },
      user('ann'),
      { method: 'PUT', path: '/Users/nobody', data: { userName: 'x' } },
      user('bob'),
    ];
    assert.deepEqual(statuses(await bulk(operations, { failOnErrors: 2 })), ['404', '201', '404']);
    assert.deepEqual(statuses(await bulk(operations, { failOnErrors: 1 })), ['404']);
    assert.deepEqual(statuses(await bulk(operations)), ['404', '409', '404', '201']);
  });

  test('an operation that is wrong by itself is its own error', async () => {
    const wrong: ReadonlyArray<readonly [operation: object, detail: RegExp]> = [
      [{ method: 'GET', path: '/Users/x' }, /method/],
      [{ method: 'POST', path: '/Users', data: {} }, /bulkId/],
      [{ method: 'POST', path: '/Users/x', bulkId: 'b', data: {} }, /\/Users/],
      [{ method: 'DELETE', path: '/Users' }, /\/Users\/ID/],
      [{ method: 'POST', path: '/Bulk', bulkId: 'c', data: {} }, /Bulk/],
      [{ method: 'POST', path: '/Users/.search', bulkId: 'd', data: {} }, /search/],
      [{ method: 'PATCH', path: '/Users/x' }, /data/],
      [{ method: 'POST', path: '/Users', bulkId: 'e', version: 'W/"1"', data: {} }, /version/],
      [{ method: 'POST', path: '/Users', bulkId: 'f', data: { userName: 7 } }, /userName/],
      [{ ...group('g'), data: { displayName: 'g', members: [{ value: 'bulkId:nosuch' }] } }, /nosuch/],
    ];
    const results = await bulk(wrong.map(([operation]) => operation));
    for (const [i, [, detail]] of wrong.entries()) {
      assert.equal(results[i]?.status, '400');
      assert.equal(results[i]?.response?.status, '400');
      assert.match(results[i]?.response?.detail ?? '', detail);
    }
    assert.equal(await count(), 0);
  });

  test('a request that is wrong or too large as a whole is refused as a whole', async () => {
    const bad = async (body: unknown, status: number): Promise<void> => {
      const reply = await server.send('POST', '/Bulk', body);
      assert.equal(reply.status, status, reply.text);
      assert.equal(reply.body.status, String(status));
    };
    await bad({}, 400);
    await bad({ Operations: [user('a'), 7] }, 400);
    await bad({ Operations: [user('a'), { ...user('b'), bulkId: 'a' }] }, 400);
    await bad({ Operations: [user('a')], failOnErrors: 0 }, 400);
    await bad({ Operations: [user('a')], failOnErrors: 'x' }, 400);
    await bad({ Operations: Array.from({ length: 61 }, (_, i) => user(`u${i}`)) }, 413);
    await bad({ Operations: [user('a', { title: 'x'.repeat(20_000) })] }, 413);
    assert.equal(await count(), 0);
  });

  test('a chain of references as long as the request is no deep recursion, and keeps its order', async () => {
    const chain = Array.from({ length: 60 }, (_, i) => (i < 59 ? group(`g${i}`, `g${i + 1}`) : group(`g${i}`)));
    const results = await bulk(chain);
    assert.deepEqual(
      results.map((r) => [r.bulkId, r.status]),
      chain.map((o) => [o.bulkId, '201']),
    );
  });

  test('what follows is told once the operation is committed, also for a leave', async () => {
    const [ann] = await bulk([user('ann'), user('bob')]);
    assert.equal(server.changes.length, 2);
    server.changes.length = 0;
    await bulk([{ method: 'DELETE', path: `/Users/${idOf(ann)}` }]);
    assert.deepEqual(server.changes, [{ source: 'okta', urgent: true }]);
  });

  test('a store that goes away: the rest is not tried, and every operation has its result', async () => {
    const real = createResources(database.db);
    let calls = 0;
    const away = await scimServer(database.db, {
      resources: {
        ...real,
        create: (...args) => {
          if (++calls > 1) throw new StoreUnavailable('away', { remedy: 'wait' });
          return real.create(...args);
        },
      },
    });
    try {
      const reply = await away.send('POST', '/Bulk', { Operations: [user('a'), user('b'), user('c')] });
      assert.deepEqual(statuses(reply.body.Operations), ['201', '503', '503']);
      assert.equal(calls, 2);
    } finally {
      await away.close();
    }
  });
});

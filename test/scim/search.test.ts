import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { before, describe, test } from 'node:test';
import * as fc from 'fast-check';
import { createCursors } from '../../src/scim/cursor.ts';
import { OTHER_TOKEN, type Reply, scimServer, useScim } from './server.ts';

const SEARCH = 'urn:ietf:params:scim:api:messages:2.0:SearchRequest';
const ENTERPRISE = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User';

const query = (parameters: Record<string, string | number>): string =>
  `?${new URLSearchParams(Object.entries(parameters).map(([k, v]): [string, string] => [k, String(v)]))}`;
const idsOf = (reply: Reply): string[] => reply.body.Resources.map((r: { id: string }) => r.id);

describe('searches over all resource types', () => {
  const { server } = useScim();
  const made: Array<{ id: string; type: string; name: string }> = [];

  before(async () => {
    for (let i = 0; i < 12; i++) {
      const name = `n${String(i).padStart(2, '0')}`;
      const body =
        i % 3 === 0 ? { displayName: name } : { userName: name, displayName: i % 2 === 0 ? name : undefined };
      const path = i % 3 === 0 ? '/Groups' : '/Users';
      made.push({ id: (await server.send('POST', path, body)).body.id, type: path, name });
    }
    await server.send(
      'POST',
      `${server.origin}/scim/entra/v2/Users`,
      { userName: 'n99' },
      {
        authorization: `Bearer ${OTHER_TOKEN}`,
      },
    );
  });

  /** The same by GET at the root and by POST to /.search. */
  const search = async (parameters: Record<string, string | number>): Promise<Reply> => {
    const got = await server.send('GET', `/${query(parameters)}`);
    const posted = await server.send('POST', '/.search', { schemas: [SEARCH], ...parameters });
    assert.deepEqual(
      { ...posted.body, nextCursor: undefined },
      { ...got.body, nextCursor: undefined },
      JSON.stringify(parameters),
    );
    return got;
  };

  test('all of the source and nothing else, in one order, with right totals on every page', async () => {
    const ids: string[] = [];
    for (let startIndex = 1; startIndex <= 13; startIndex += 5) {
      const reply = await search({ startIndex, count: 5 });
      assert.deepEqual([reply.status, reply.body.totalResults, reply.body.startIndex], [200, 12, startIndex]);
      ids.push(...idsOf(reply));
    }
    assert.deepEqual(
      ids,
      made.map((m) => m.id),
    );
    const none = await search({ count: 0 });
    assert.deepEqual([none.body.totalResults, none.body.itemsPerPage], [12, 0]);
    assert.equal((await search({ startIndex: 100, count: 5 })).body.totalResults, 12);
  });

  test('each is of its type: location, schemas, version', async () => {
    for (const resource of (await search({})).body.Resources) {
      const alone = await server.send('GET', resource.meta.location);
      assert.deepEqual(alone.body, resource);
    }
  });

  test('an attribute that only one type has is without value on the others', async () => {
    const names = async (filter: string): Promise<string[]> => {
      const reply = await search({ filter });
      assert.equal(reply.status, 200, reply.text);
      assert.equal(reply.body.totalResults, reply.body.Resources.length);
      return idsOf(reply).map((id) => made.find((m) => m.id === id)?.name ?? '?');
    };
    const of = (keep: (m: (typeof made)[0], i: number) => boolean) => made.filter(keep).map((m) => m.name);
    assert.deepEqual(await names('userName eq "N01"'), ['n01']);
    assert.deepEqual(
      await names('userName pr'),
      of((m) => m.type === '/Users'),
    );
    assert.deepEqual(
      await names('not (userName pr)'),
      of((m) => m.type === '/Groups'),
    );
    assert.deepEqual(
      await names('userName ne "n01"'),
      of((m) => m.name !== 'n01'),
    );
    assert.deepEqual(
      await names('userName eq null'),
      of((m) => m.type === '/Groups'),
    );
    assert.deepEqual(
      await names('meta.resourceType eq "Group"'),
      of((m) => m.type === '/Groups'),
    );
    assert.deepEqual(await names('displayName eq "n00" or userName eq "n01"'), ['n00', 'n01']);
    assert.deepEqual(await names('emails[type eq "work"] or members[value pr] or displayName eq "n02"'), ['n02']);
    assert.deepEqual(await names(`${ENTERPRISE}:department eq "x"`), []);
    assert.deepEqual(await names(`id eq "${made[3]?.id}"`), ['n03']);
    for (const filter of ['nosuch eq "a"', 'emails[nosuch eq "a"]', 'userName eq']) {
      const reply = await search({ filter });
      assert.deepEqual([reply.status, reply.body.scimType], [400, 'invalidFilter'], filter);
    }
  });

  test('sorted over types: what has no value last, first when descending, ties in the order of creation', async () => {
    const order = async (parameters: Record<string, string>) =>
      idsOf(await search(parameters)).map((id) => made.find((m) => m.id === id)?.name);
    const named = made.filter((m, i) => m.type === '/Groups' || i % 2 === 0).map((m) => m.name);
    const rest = made.filter((m) => !named.includes(m.name)).map((m) => m.name);
    assert.deepEqual(await order({ sortBy: 'displayName' }), [...named, ...rest]);
    assert.deepEqual(await order({ sortBy: 'displayName', sortOrder: 'descending' }), [...rest, ...named.toReversed()]);
    assert.deepEqual((await order({ sortBy: 'userName' })).slice(8), ['n00', 'n03', 'n06', 'n09']);
    assert.deepEqual(
      await order({ sortBy: 'meta.created' }),
      made.map((m) => m.name),
    );
  });

  test('attributes are chosen on each type', async () => {
    for (const resource of (await search({ attributes: 'userName' })).body.Resources) {
      const keys = resource.schemas[0].endsWith(':User') ? ['schemas', 'id', 'userName'] : ['schemas', 'id'];
      assert.deepEqual(Object.keys(resource), keys);
    }
  });
});

describe('paging by cursor', () => {
  const cursorKey = randomBytes(32);
  const { database, server } = useScim({ cursorKey });
  before(async () => {
    for (let i = 0; i < 7; i++) await server.send('POST', '/Users', { userName: `u${i}`, title: `t${i % 3}` });
  });

  const first = async (parameters: Record<string, string | number> = {}): Promise<string> =>
    (await server.send('GET', `/Users${query({ cursor: '', count: 3, ...parameters })}`)).body.nextCursor;
  const refused = (reply: Reply, status: number, scimType?: string): void => {
    assert.deepEqual([reply.status, reply.body.scimType], [status, scimType], reply.text);
  };

  test('pages follow each other; the last one names no next; a cursor holds unreserved characters only', async () => {
    for (const post of [false, true]) {
      const sizes: number[] = [];
      let cursor: string | undefined = '';
      while (cursor !== undefined) {
        const asked: Record<string, string | number> = { cursor, count: 3 };
        const reply: Reply = post
          ? await server.send('POST', '/Users/.search', { schemas: [SEARCH], ...asked })
          : await server.send('GET', `/Users${query(asked)}`);
        assert.deepEqual([reply.status, reply.body.totalResults, reply.body.startIndex], [200, 7, undefined]);
        assert.equal(reply.body.itemsPerPage, reply.body.Resources.length);
        sizes.push(reply.body.itemsPerPage);
        cursor = reply.body.nextCursor;
        if (cursor !== undefined) assert.match(cursor, /^[A-Za-z0-9._~-]{20,}$/);
      }
      assert.deepEqual(sizes, [3, 3, 1]);
    }
  });

  test('index is the default, and says nothing of cursors', async () => {
    const reply = await server.send('GET', '/Users?count=3');
    assert.deepEqual(Object.keys(reply.body), ['schemas', 'totalResults', 'startIndex', 'itemsPerPage', 'Resources']);
    const { pagination } = (await server.send('GET', '/ServiceProviderConfig')).body;
    assert.equal(pagination.defaultPaginationMethod, 'index');
    assert.deepEqual([pagination.cursor, pagination.cursorTimeout], [true, 3600]);
  });

  test('a cursor is good for its own walk only', async () => {
    const cursor = await first();
    const ok = await server.send('GET', `/Users${query({ cursor, count: 5 })}`);
    assert.equal(ok.body.itemsPerPage, 4);
    const other = { authorization: `Bearer ${OTHER_TOKEN}` };
    for (const reply of [
      await server.send('GET', `/Groups${query({ cursor })}`),
      await server.send('GET', `/${query({ cursor })}`),
      await server.send('GET', `/Users${query({ cursor, filter: 'active eq true' })}`),
      await server.send('GET', `/Users${query({ cursor, sortBy: 'title' })}`),
      await server.send('GET', `/Users${query({ cursor, sortOrder: 'descending' })}`),
      await server.send('GET', `${server.origin}/scim/entra/v2/Users${query({ cursor })}`, undefined, other),
      await server.send('GET', `/Users${query({ cursor: `${cursor.slice(0, -2)}xx` })}`),
      await server.send('GET', `/Users${query({ cursor: 'x' })}`),
      await server.send('GET', `/Users${query({ cursor: 'x'.repeat(5000) })}`),
    ]) {
      refused(reply, 400, 'invalidCursor');
    }
    refused(await server.send('GET', `/Users${query({ cursor, startIndex: 1 })}`), 400, 'invalidValue');
    for (const count of ['0', '-1', 'x', '1.5']) {
      refused(await server.send('GET', `/Users${query({ cursor, count })}`), 400, 'invalidCount');
    }
    assert.equal((await server.send('GET', `/Users${query({ cursor, count: 100_000 })}`)).status, 200);
  });

  test('it expires, and holds in another process with the same key', async () => {
    const cursor = await first();
    const twin = await scimServer(database.db, { cursorKey });
    const brief = await scimServer(database.db, { cursorKey, limits: { cursorSeconds: 0 } });
    const stranger = await scimServer(database.db);
    try {
      assert.equal((await twin.send('GET', `/Users${query({ cursor })}`)).status, 200);
      refused(await stranger.send('GET', `/Users${query({ cursor })}`), 400, 'invalidCursor');
      const old = (await brief.send('GET', `/Users${query({ cursor: '', count: 3 })}`)).body.nextCursor;
      await new Promise((resolve) => setTimeout(resolve, 1001));
      refused(await server.send('GET', `/Users${query({ cursor: old })}`), 400, 'expiredCursor');
    } finally {
      for (const one of [twin, brief, stranger]) await one.close();
    }
  });

  test('what was sorted by can not be read off a cursor, nor a cursor be altered', () => {
    const cursors = createCursors(cursorKey, 60, () => 0);
    const place = { total: 3, position: { key: 5, value: 'ann@example.com' } };
    const cursor = cursors.make(place, 'w');
    assert.deepEqual(cursors.read(cursor, 'w'), place);
    assert.ok(!Buffer.from(cursor, 'base64url').toString('latin1').includes('ann'));
    fc.assert(
      fc.property(fc.nat({ max: cursor.length - 1 }), fc.constantFrom('A', 'q', '-', '7'), (at, c) => {
        const altered = cursor.slice(0, at) + c + cursor.slice(at + 1);
        if (Buffer.from(altered, 'base64url').equals(Buffer.from(cursor, 'base64url'))) return;
        assert.throws(() => cursors.read(altered, 'w'), { scimType: 'invalidCursor' });
      }),
    );
  });

  test('a source can switch it off: then it is neither announced nor served', async () => {
    const off = await scimServer(database.db, {
      sources: () => new Map([['okta', { id: 'okta', pagination: false }]]),
    });
    try {
      assert.equal('pagination' in (await off.send('GET', '/ServiceProviderConfig')).body, false);
      refused(await off.send('GET', '/Users?cursor='), 501);
      assert.equal((await off.send('GET', '/Users?count=2')).body.itemsPerPage, 2);
    } finally {
      await off.close();
    }
  });
});

describe('a walk by cursor under writes', () => {
  const { database, server } = useScim();

  const title = fc.option(fc.constantFrom('a', 'A', 'b', 'ab', 'é', 'zz'), { nil: undefined });
  const act = fc.oneof(
    fc.record({ type: fc.constant('add' as const), title, group: fc.boolean() }),
    fc.record({ type: fc.constant('remove' as const), at: fc.nat({ max: 100 }) }),
  );
  const plan = fc.record({
    start: fc.array(fc.record({ title, group: fc.boolean() }), { minLength: 1, maxLength: 14 }),
    sizes: fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 1, maxLength: 4 }),
    between: fc.array(fc.array(act, { maxLength: 3 }), { maxLength: 8 }),
    path: fc.constantFrom('/', '/Users', '/Groups'),
    sort: fc.constantFrom({}, { sortBy: 'displayName' }, { sortBy: 'displayName', sortOrder: 'descending' }),
    also: fc.constantFrom({}, { filter: 'not (displayName eq "zz")' }, { sortBy: 'meta.created' }),
  });

  test('gives each resource exactly once that was there throughout, in order, whatever the sizes of the pages', () =>
    fc.assert(
      fc.asyncProperty(plan, async ({ start, sizes, between, path, sort, also }) => {
        await database.db.rows({ text: 'truncate record, membership, person, person_record, dirty, event cascade' });
        const live = new Map<string, { readonly title: string | undefined; readonly path: string }>();
        const removed = new Set<string>();
        let n = 0;
        const add = async (of: { title: string | undefined; group: boolean }): Promise<string> => {
          const where = of.group ? '/Groups' : '/Users';
          const name = of.group ? { displayName: of.title ?? 'g' } : { userName: `u${n++}`, displayName: of.title };
          const { id } = (await server.send('POST', where, name)).body;
          live.set(id, { title: of.group ? (of.title ?? 'g') : of.title, path: where });
          return id;
        };
        const initial: string[] = [];
        for (const one of start) initial.push(await add(one));
        const seen: Array<{ id: string; displayName?: string }> = [];
        let cursor: string | undefined = '';
        for (let page = 0; cursor !== undefined; page++) {
          const count = sizes[page % sizes.length] ?? 1;
          const reply: Reply = await server.send('GET', `${path}${query({ cursor, count, ...sort, ...also })}`);
          assert.equal(reply.status, 200, reply.text);
          assert.ok(reply.body.itemsPerPage <= count);
          seen.push(...reply.body.Resources);
          cursor = reply.body.nextCursor;
          for (const one of between[page] ?? []) {
            if (one.type === 'add') await add(one);
            else {
              const id = [...live.keys()][one.at % live.size];
              if (id === undefined) continue;
              await server.send('DELETE', `${live.get(id)?.path}/${id}`);
              live.delete(id);
              removed.add(id);
            }
          }
        }
        const ids = seen.map((s) => s.id);
        assert.equal(new Set(ids).size, ids.length, 'a resource came twice');
        const meant = (id: string): boolean => {
          const one = live.get(id);
          const kept = one !== undefined && (path === '/' || one.path === path);
          return kept && !('filter' in also && one.title === 'zz');
        };
        const missing = initial.filter((id) => meant(id) && !ids.includes(id));
        assert.deepEqual(missing, []);
        assert.ok(ids.every((id) => removed.has(id) || meant(id)));
        if ('sortBy' in sort && !('sortBy' in also)) {
          const names = seen.map((s) => s.displayName?.toLowerCase());
          const known = names.filter((name) => name !== undefined).map((name) => Buffer.from(name));
          const up = 'sortOrder' in sort ? known.toReversed() : known;
          assert.deepEqual(up, up.toSorted(Buffer.compare));
          const gap = 'sortOrder' in sort ? names.slice(0, names.length - known.length) : names.slice(known.length);
          assert.ok(gap.every((name) => name === undefined));
        }
      }),
      { numRuns: 40 },
    ));
});

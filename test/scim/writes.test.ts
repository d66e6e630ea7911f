import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import { scimServer, useScim } from './server.ts';

const PATCH = 'urn:ietf:params:scim:api:messages:2.0:PatchOp';
const ENTERPRISE = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User';

interface EventRow {
  readonly actor: string;
  readonly kind: string;
  readonly person: string | null;
  readonly object: string;
  readonly detail: Record<string, unknown>;
}

describe('what a write leaves in the store', () => {
  const { database, server } = useScim();
  beforeEach(async () => {
    server.changes.length = 0;
    await database.db.rows({
      text: 'truncate record, membership, person, person_record, dirty, event, ledger, work, step cascade',
    });
  });

  const rows = <R>(text: string): Promise<R[]> => database.db.rows<R>({ text });
  const events = (): Promise<EventRow[]> => rows('select actor, kind, person, object, detail from event order by id');
  const dirty = (): Promise<Array<{ kind: string; urgent: boolean; anchor: string }>> =>
    rows('select d.kind, d.urgent, r.anchor from dirty d join record r on r.key = d.record_key order by d.id');
  const forget = async (): Promise<void> => {
    server.changes.length = 0;
    await database.db.rows({ text: 'delete from dirty' });
    await database.db.rows({ text: 'delete from event' });
  };
  const makeUser = async (userName: string, more: object = {}): Promise<string> =>
    (await server.send('POST', '/Users', { userName, ...more })).body.id;
  const makeGroup = async (displayName: string, members: readonly string[] = []): Promise<string> =>
    (await server.send('POST', '/Groups', { displayName, members: members.map((value) => ({ value })) })).body.id;
  const patch = (path: string, ...Operations: unknown[]) =>
    server.send('PATCH', path, { schemas: [PATCH], Operations });
  const membersOf = async (id: string): Promise<string[]> =>
    ((await server.send('GET', `/Groups/${id}`)).body.members ?? []).map((m: { value: string }) => m.value);

  const found = async (endpoint: string, filter: string): Promise<number> =>
    (await server.send('GET', `/${endpoint}?filter=${encodeURIComponent(filter)}`)).body.totalResults;

  test('a new user: record, person, link, event, dirty row', async () => {
    const made = await server.send('POST', '/Users', {
      userName: 'Ann@Example.com',
      password: 's3cret',
      externalId: 'E-1',
      emails: [{ value: 'b@example.com' }, { value: 'Ann@Example.com', primary: true }],
      name: { givenName: 'Ann' },
      roles: [{ value: 'r1' }],
      [ENTERPRISE]: { department: 'SRE', manager: 'm1' },
      unknown: { a: 1 },
    });
    const [record] = await rows<Record<string, unknown>>('select * from record');
    assert.equal(record?.['source'], 'okta');
    assert.equal(record?.['anchor'], made.body.id);
    assert.equal(record?.['name_key'], 'ann@example.com');
    assert.deepEqual(record?.['emails'], ['Ann@Example.com', 'b@example.com']);
    assert.deepEqual(record?.['email_keys'], ['ann@example.com', 'b@example.com']);
    assert.deepEqual(record?.['attributes'], {
      userName: 'Ann@Example.com',
      externalId: 'E-1',
      email: 'Ann@Example.com',
      emails: ['Ann@Example.com', 'b@example.com'],
      givenName: 'Ann',
      roles: ['r1'],
      department: 'SRE',
      manager: 'm1',
      active: true,
    });
    assert.equal(record?.['covers'], null);
    assert.doesNotMatch(JSON.stringify(record), /s3cret|unknown/);
    const [link] = await rows<{ person: string; linked_by: string }>('select person, linked_by from person_record');
    assert.match(link?.person ?? '', /^p_[\w-]{22}$/);
    assert.equal(link?.linked_by, 'new');
    const [event, ...more] = await events();
    assert.deepEqual(more, []);
    assert.equal(event?.actor, 'scim:okta/test');
    assert.equal(event?.kind, 'record.created');
    assert.equal(event?.person, link?.person);
    assert.equal(event?.object, made.body.id);
    assert.doesNotMatch(JSON.stringify(event), /s3cret/);
    assert.deepEqual(await dirty(), [{ kind: 'user', urgent: false, anchor: made.body.id }]);
    assert.deepEqual(server.changes, [{ source: 'okta', urgent: false }]);
  });

  test('a change: the fields before and after, one version more', async () => {
    const id = await makeUser('ann', { title: 'Old', [ENTERPRISE]: { department: 'A' } });
    await forget();
    const reply = await patch(
      `/Users/${id}`,
      { op: 'replace', path: 'title', value: 'New' },
      { op: 'replace', path: `${ENTERPRISE}:department`, value: 'B' },
    );
    assert.equal(reply.status, 200);
    assert.equal(reply.body.meta.version, 'W/"2"');
    const [event, ...more] = await events();
    assert.deepEqual(more, []);
    assert.equal(event?.kind, 'record.changed');
    assert.match(event?.person ?? '', /^p_/);
    assert.deepEqual(event?.detail['changed'], {
      title: { before: 'Old', after: 'New' },
      [`${ENTERPRISE}:department`]: { before: 'A', after: 'B' },
    });
    assert.deepEqual(await dirty(), [{ kind: 'user', urgent: false, anchor: id }]);
    assert.deepEqual(server.changes, [{ source: 'okta', urgent: false }]);
  });

  test('writes that change nothing leave no trace', async () => {
    const body = { userName: 'ann', active: true, emails: [{ value: 'a@example.com', type: 'work' }] };
    const id = await makeUser('ann', body);
    const group = await makeGroup('G', [id]);
    await forget();
    await patch(`/Users/${id}`);
    await patch(`/Users/${id}`, { op: 'Replace', path: 'active', value: 'True' });
    await patch(`/Users/${id}`, { op: 'add', path: 'emails', value: body.emails });
    await patch(`/Users/${id}`, { op: 'replace', value: { password: 'n3w' } });
    await server.send('PUT', `/Users/${id}`, body);
    await patch(`/Groups/${group}`);
    await patch(`/Groups/${group}`, { op: 'add', path: 'members', value: [{ value: id }, { value: id }] });
    await patch(`/Groups/${group}`, {
      op: 'remove',
      path: 'members',
      value: [{ value: group }, { value: 'never-was' }],
    });
    await patch(`/Groups/${group}`, { op: 'replace', value: { id: group, displayName: 'G' } });
    await server.send('PUT', `/Groups/${group}`, { displayName: 'G', members: [{ value: id }] });
    await server.send('PUT', `/Groups/${group}`, { displayName: 'G' });
    assert.deepEqual(await events(), []);
    assert.deepEqual(await dirty(), []);
    assert.deepEqual(server.changes, []);
    assert.deepEqual(await membersOf(group), [id]);
    const versions = await rows<{ version: number }>('select version from record order by key');
    assert.deepEqual(
      versions.map((r) => r.version),
      [1, 2],
    );
  });

  test('disabling blocks the sign-in in the same transaction; enabling does not', async () => {
    const id = await makeUser('ann');
    const [person] = await rows<{ id: string }>('select id from person');
    await database.db.rows({
      text: `insert into ledger (target, person, item, created, confirmed, plan) values ('strongdm', $1, 'account', true, true, 'h')`,
      values: [person?.id],
    });
    await forget();
    await patch(`/Users/${id}`, { op: 'Replace', path: 'active', value: 'False' });
    const work = () => rows('select target, person, block_generation, state, priority from work');
    const due = { target: 'strongdm', person: person?.id, block_generation: 1, state: 'pending', priority: 100 };
    assert.deepEqual(await work(), [due]);
    assert.deepEqual(await dirty(), [{ kind: 'user', urgent: true, anchor: id }]);
    assert.deepEqual(server.changes, [{ source: 'okta', urgent: true }]);
    await forget();
    await patch(`/Users/${id}`, { op: 'replace', value: { active: true } });
    assert.deepEqual(await dirty(), [{ kind: 'user', urgent: false, anchor: id }]);
    assert.deepEqual(await work(), [due]);
    await server.send('DELETE', `/Users/${id}`);
    assert.deepEqual(await work(), [{ ...due, block_generation: 2 }]);
  });

  test('a PUT that does not mention active leaves a disabled user disabled', async () => {
    const id = await makeUser('ann', { active: false });
    const reply = await server.send('PUT', `/Users/${id}`, { userName: 'ann', title: 'T' });
    assert.equal(reply.body.active, false);
  });

  test('a deleted user: a tombstone, out of every group, the name free, the id never again', async () => {
    const id = await makeUser('ann');
    const [one, two] = [await makeGroup('One', [id]), await makeGroup('Two', [id])];
    await forget();
    assert.equal((await server.send('DELETE', `/Users/${id}`)).status, 204);
    const [record] = await rows<Record<string, unknown>>(`select * from record where anchor = '${id}'`);
    assert.ok(record?.['gone_at'] instanceof Date);
    assert.equal(record?.['evidence'], 'explicit');
    assert.equal(record?.['resource'], null);
    assert.equal(record?.['active'], false);
    assert.deepEqual(await rows('select * from membership'), []);
    const kinds = (await events()).map((e) => `${e.kind} ${e.object}`);
    assert.deepEqual(
      kinds.toSorted(),
      [`member.removed ${one}`, `member.removed ${two}`, `record.gone ${id}`].toSorted(),
    );
    assert.ok((await events()).every((e) => e.person !== null));
    assert.deepEqual(await dirty(), [{ kind: 'user', urgent: true, anchor: id }]);
    for (const [method, body] of [
      ['GET'],
      ['PUT', { userName: 'ann' }],
      ['PATCH', { Operations: [] }],
      ['DELETE'],
    ] as const) {
      assert.equal((await server.send(method, `/Users/${id}`, body)).status, 404, method);
    }
    assert.notEqual(await makeUser('ANN'), id);
  });

  test('a member that was deleted meanwhile is passed over: a client that repeats its request gets on', async () => {
    const [ann, bob] = [await makeUser('ann'), await makeUser('bob')];
    const group = await makeGroup('G');
    await server.send('DELETE', `/Users/${ann}`);
    const reply = await patch(`/Groups/${group}`, {
      op: 'add',
      path: 'members',
      value: [{ value: ann }, { value: bob }],
    });
    assert.equal(reply.status, 204);
    assert.deepEqual(await membersOf(group), [bob]);
    await server.send('PUT', `/Groups/${group}`, { displayName: 'G', members: [{ value: ann }, { value: bob }] });
    assert.deepEqual(await membersOf(group), [bob]);
  });

  test('memberships: one event and one dirty row for each that came or went, of either kind', async () => {
    const [ann, bob] = [await makeUser('ann'), await makeUser('bob')];
    const inner = await makeGroup('Inner');
    const group = await makeGroup('G', [ann]);
    await forget();
    const reply = await patch(
      `/Groups/${group}`,
      { op: 'Remove', path: 'members', value: [{ value: ann }] },
      { op: 'Add', path: 'members', value: [{ value: bob }, { value: inner }] },
    );
    assert.equal(reply.status, 204);
    assert.equal(reply.text, '');
    const all = await events();
    assert.deepEqual(
      all.map((e) => [e.kind, e.object, e.detail['member']]).toSorted(),
      [
        ['member.added', group, bob],
        ['member.added', group, inner],
        ['member.removed', group, ann],
      ].toSorted(),
    );
    assert.equal(all.filter((e) => e.person === null).length, 1);
    assert.deepEqual(
      new Set((await dirty()).map((d) => `${d.kind} ${d.anchor}`)),
      new Set([`user ${ann}`, `user ${bob}`, `group ${inner}`]),
    );
    assert.deepEqual(server.changes, [{ source: 'okta', urgent: false }]);
    const shown = (await server.send('GET', `/Groups/${group}`)).body;
    assert.match(shown.meta.version, /^W\/"3-[\w-]{12}"$/);
    assert.equal(reply.headers.get('etag'), 'W/"3"');
    assert.deepEqual(
      shown.members.map((m: { type: string; display: string }) => [m.type, m.display]),
      [
        ['User', 'bob'],
        ['Group', 'Inner'],
      ],
    );
    const users = (await server.send('GET', `/Users/${bob}`)).body;
    assert.deepEqual(users.groups, [
      { value: group, $ref: `${server.base}/Groups/${group}`, display: 'G', type: 'direct' },
    ]);
  });

  test('a deleted group: a tombstone alone, its rows for the planner, nobody in it any more', async () => {
    const ann = await makeUser('ann');
    const group = await makeGroup('G', [ann]);
    const outer = await makeGroup('Outer', [group]);
    await forget();
    assert.equal((await server.send('DELETE', `/Groups/${group}`)).status, 204);
    assert.equal((await rows('select * from membership')).length, 2);
    assert.deepEqual(
      (await events()).map((e) => e.kind),
      ['record.gone'],
    );
    assert.deepEqual(await dirty(), [{ kind: 'group', urgent: false, anchor: group }]);
    assert.equal((await server.send('GET', `/Users/${ann}`)).body.groups, undefined);
    assert.deepEqual(await membersOf(outer), []);
    assert.equal(await found('Groups', `members eq "${group}"`), 0);
    assert.equal(await found('Users', `groups.value eq "${group}"`), 0);
  });

  test('memberships are searched in every spelling, from both sides', async () => {
    const [ann, bob] = [await makeUser('ann'), await makeUser('bob')];
    const group = await makeGroup('G', [ann]);
    await makeGroup('Empty');
    for (const filter of [
      `members eq "${ann}"`,
      `members.value eq "${ann}"`,
      `members[value eq "${ann}"]`,
      'members pr',
    ]) {
      assert.equal(await found('Groups', filter), 1, filter);
      assert.equal(await found('Groups', `not (${filter})`), 1, filter);
    }
    assert.equal(await found('Groups', `members eq "${bob}"`), 0);
    assert.equal(await found('Groups', 'members[type eq "user" and display sw "AN"]'), 1);
    assert.equal(await found('Groups', `members[type eq "Group" and value eq "${ann}"]`), 0);
    for (const filter of [
      `groups eq "${group}"`,
      `groups[value eq "${group}"]`,
      'groups.display eq "g"',
      'groups pr',
    ]) {
      assert.equal(await found('Users', filter), 1, filter);
    }
  });

  test('name and members in one request, also by PUT and without a path', async () => {
    const [ann, bob] = [await makeUser('ann'), await makeUser('bob')];
    const group = await makeGroup('G', [ann]);
    await forget();
    const value = { displayName: 'H', members: [{ value: bob }] };
    assert.equal((await patch(`/Groups/${group}`, { op: 'replace', value })).status, 204);
    assert.deepEqual(await membersOf(group), [bob]);
    assert.deepEqual((await events()).map((e) => e.kind).toSorted(), [
      'member.added',
      'member.removed',
      'record.changed',
    ]);
    const put = await server.send('PUT', `/Groups/${group}`, {
      displayName: 'I',
      members: [{ value: ann }, { value: bob }],
    });
    assert.deepEqual([put.body.displayName, put.body.members.length], ['I', 2]);
    const asked = await server.send('PATCH', `/Groups/${group}?attributes=displayName`, {
      Operations: [{ op: 'add', path: 'externalId', value: 'E' }],
    });
    assert.deepEqual([asked.status, asked.body.displayName, asked.body.members], [200, 'I', undefined]);
    assert.deepEqual(
      (await server.send('PUT', `/Groups/${group}`, { displayName: 'I', members: [] })).body.members,
      undefined,
    );
  });

  test('a renamed group is planned again, and its members stay', async () => {
    const ann = await makeUser('ann');
    const group = await makeGroup('G', [ann]);
    await forget();
    assert.equal((await patch(`/Groups/${group}`, { op: 'Replace', path: 'displayName', value: 'H' })).status, 204);
    assert.deepEqual(
      (await events()).map((e) => e.detail['changed']),
      [{ displayName: { before: 'G', after: 'H' } }],
    );
    assert.deepEqual(await dirty(), [{ kind: 'group', urgent: false, anchor: group }]);
    assert.deepEqual(await membersOf(group), [ann]);
  });

  test('forty changes of one group at the same time are all kept', async () => {
    const users = await Promise.all(Array.from({ length: 40 }, (_, i) => makeUser(`u${i}`)));
    const group = await makeGroup('G', users.slice(0, 20));
    const replies = await Promise.all(
      users.map((value, i) =>
        patch(
          `/Groups/${group}`,
          i < 20
            ? { op: 'remove', path: `members[value eq "${value}"]` }
            : { op: 'add', path: 'members', value: [{ value }] },
        ),
      ),
    );
    assert.ok(replies.every((r) => r.status === 204));
    assert.deepEqual((await membersOf(group)).toSorted(), users.slice(20).toSorted());
  });

  test('whole lists written at the same time: one of them holds, never a mixture', async () => {
    const users = await Promise.all(Array.from({ length: 8 }, (_, i) => makeUser(`u${i}`)));
    const group = await makeGroup('G');
    const lists = [users.slice(0, 4), users.slice(4)];
    for (let round = 0; round < 5; round++) {
      await Promise.all(
        lists.map((list) =>
          patch(`/Groups/${group}`, { op: 'replace', path: 'members', value: list.map((value) => ({ value })) }),
        ),
      );
      const now = (await membersOf(group)).toSorted();
      assert.ok(
        lists.some((list) => list.toSorted().join() === now.join()),
        `a mixture: ${now.join()}`,
      );
    }
  });

  test('of users made at the same time with one name, one is made', async () => {
    const replies = await Promise.all(
      ['ann', 'ANN', 'Ann', 'aNN'].map((userName) => server.send('POST', '/Users', { userName })),
    );
    assert.deepEqual(replies.map((r) => r.status).toSorted(), [201, 409, 409, 409]);
    assert.equal((await rows('select * from person')).length, 1);
    assert.equal((await events()).length, 1);
  });

  test('changes of one user at the same time are all kept', async () => {
    const id = await makeUser('ann');
    const values = Array.from({ length: 12 }, (_, i) => `role-${i}`);
    await Promise.all(values.map((value) => patch(`/Users/${id}`, { op: 'add', path: 'roles', value: [{ value }] })));
    const roles = (await server.send('GET', `/Users/${id}`)).body.roles.map((r: { value: string }) => r.value);
    assert.deepEqual(roles.toSorted(), values.toSorted());
  });

  test('entity tags: an old If-Match stops a write, If-None-Match saves a read', async () => {
    const id = await makeUser('ann');
    const group = await makeGroup('G');
    const old = { 'if-match': 'W/"1"' };
    const current = await patch(`/Users/${id}`, { op: 'replace', path: 'title', value: 'T' });
    assert.equal(current.headers.get('etag'), 'W/"2"');
    await forget();
    const Operations = [{ op: 'replace', path: 'title', value: 'lost' }];
    assert.equal((await server.send('PATCH', `/Users/${id}`, { Operations }, old)).status, 412);
    assert.equal((await server.send('PUT', `/Users/${id}`, { userName: 'x' }, old)).status, 412);
    assert.equal((await server.send('DELETE', `/Users/${id}`, undefined, old)).status, 412);
    const add = { Operations: [{ op: 'add', path: 'members', value: [{ value: id }] }] };
    assert.equal((await server.send('PATCH', `/Groups/${group}`, add, { 'if-match': 'W/"7"' })).status, 412);
    assert.deepEqual(await events(), []);
    assert.equal((await server.send('PATCH', `/Groups/${group}`, add, { 'if-match': 'W/"1"' })).status, 204);
    const seen = { 'if-none-match': 'W/"2"' };
    const read = await server.send('GET', `/Users/${id}?excludedAttributes=groups`, undefined, seen);
    assert.deepEqual([read.status, read.text], [304, '']);
    assert.equal((await server.send('GET', `/Users/${id}`, undefined, seen)).status, 200);
  });

  test('a version stands for memberships too: a read that shows them is saved only while they are the same', async () => {
    const ann = await makeUser('ann');
    const group = await makeGroup('G', [ann]);
    const get = (path: string, etag: string) => server.send('GET', path, undefined, { 'if-none-match': etag });
    for (const path of [`/Users/${ann}`, `/Groups/${group}`]) {
      const full = await server.send('GET', path);
      const etag = full.headers.get('etag') ?? '';
      assert.equal(full.body.meta.version, etag);
      assert.deepEqual([(await get(path, etag)).status, (await get(path, `"x", ${etag}`)).status], [304, 304]);
      assert.equal((await get(`${path}?excludedAttributes=groups,members`, etag)).status, 304);
      const list = (await server.send('GET', path.split('/').slice(0, 2).join('/'))).body.Resources[0];
      assert.equal(list.meta.version, etag);
    }
    const [user, other] = [await server.send('GET', `/Users/${ann}`), await server.send('GET', `/Groups/${group}`)];
    await patch(`/Groups/${group}`, { op: 'replace', path: 'displayName', value: 'H' });
    await patch(`/Users/${ann}`, { op: 'replace', path: 'displayName', value: 'Ann' });
    assert.equal((await get(`/Users/${ann}`, user.body.meta.version)).status, 200);
    const renamed = await server.send('GET', `/Groups/${group}`);
    await server.send('DELETE', `/Users/${ann}`);
    assert.equal((await get(`/Groups/${group}`, renamed.body.meta.version)).status, 200);
    assert.equal((await get(`/Groups/${group}`, other.body.meta.version)).status, 200);
    // What others do to memberships does not stop a write.
    const Operations = [{ op: 'replace', path: 'displayName', value: 'I' }];
    const write = await server.send(
      'PATCH',
      `/Groups/${group}`,
      { Operations },
      { 'if-match': renamed.body.meta.version },
    );
    assert.equal(write.status, 204);
  });

  test('If-None-Match on a write stops it while the version is the named one, or any', async () => {
    const id = await makeUser('ann');
    const put = (etag: string) =>
      server.send('PUT', `/Users/${id}`, { userName: 'ann', title: etag }, { 'if-none-match': etag });
    assert.equal((await put('*')).status, 412);
    assert.equal((await put('W/"1"')).status, 412);
    assert.equal((await put('W/"7"')).status, 200);
  });

  test('the history names the request of each write', async () => {
    const named = await scimServer(database.db, { name: 'request-7' });
    try {
      const make = async (path: string, body: object): Promise<string> =>
        (await named.send('POST', path, body)).body.id;
      const ann = await make('/Users', { userName: 'ann' });
      const group = await make('/Groups', { displayName: 'G', members: [{ value: ann }] });
      await named.send('PUT', `/Users/${ann}`, { userName: 'ann', title: 'T' });
      await named.send('PATCH', `/Groups/${group}`, { Operations: [{ op: 'replace', path: 'members', value: [] }] });
      await named.send('PATCH', `/Groups/${group}`, {
        Operations: [{ op: 'add', path: 'members', value: [{ value: ann }] }],
      });
      await named.send('DELETE', `/Users/${ann}`);
      const all = await events();
      assert.deepEqual(
        new Set(all.map((e) => e.kind)),
        new Set(['record.created', 'record.changed', 'record.gone', 'member.added', 'member.removed']),
      );
      assert.deepEqual(
        all.filter((e) => e.detail['request'] !== 'request-7'),
        [],
      );
      assert.deepEqual(Object.keys(all.find((e) => e.kind === 'member.removed')?.detail ?? {}).toSorted(), [
        'group',
        'member',
        'request',
      ]);
    } finally {
      await named.close();
    }
  });

  test('HEAD is answered like GET, without a body', async () => {
    const id = await makeUser('ann');
    const head = await server.send('HEAD', `/Users/${id}`);
    const get = await server.send('GET', `/Users/${id}`);
    assert.deepEqual([head.status, head.text], [200, '']);
    for (const name of ['etag', 'content-type', 'content-length', 'content-location']) {
      assert.equal(head.headers.get(name), get.headers.get(name), name);
    }
    assert.equal((await server.send('HEAD', '/Users/nobody')).status, 404);
  });
});

describe('where things are', () => {
  const { database, server } = useScim({ publicUrl: 'https://bridge.example.com/' });

  test('addresses come from the public URL and the path that the client used', async () => {
    const made = await server.send('POST', '/Users', { userName: 'ann' });
    assert.equal(made.headers.get('location'), `https://bridge.example.com/scim/okta/v2/Users/${made.body.id}`);
    const short = await server.send('GET', `${server.origin}/scim/v2/Users/${made.body.id}`);
    assert.equal(short.body.meta.location, `https://bridge.example.com/scim/v2/Users/${made.body.id}`);
  });

  test("Entra ID's flag on the base address does not get in the way, nor does the case of an endpoint", async () => {
    for (const path of [
      '/Users?aadOptscim062020&count=1',
      '?aadOptscim062020/Users?count=1',
      '/users',
      '/USERS/',
      '/Users/.search',
    ]) {
      const [method, body] = path.endsWith('.search') ? ['POST', { filter: 'userName eq "ANN"' }] : ['GET'];
      const reply = await server.send(method as string, path, body);
      assert.equal(reply.status, 200, path);
      assert.equal(reply.body.totalResults, 1, path);
      assert.equal(reply.body.Resources.length, 1, path);
    }
  });

  test('the content type follows Accept, and is SCIM by default', async () => {
    const type = async (accept: string) =>
      (await server.send('GET', '/Users', undefined, { accept })).headers.get('content-type');
    assert.equal(await type('application/json'), 'application/json');
    assert.equal(await type('*/*'), 'application/scim+json');
    assert.equal(await type('application/json, application/scim+json'), 'application/scim+json');
  });

  test('a page is never longer than the service provider configuration says', async () => {
    const limited = await scimServer(database.db, { limits: { pageSize: 2, maxPageSize: 3 } });
    try {
      await Promise.all(['b', 'c', 'd', 'e'].map((userName) => limited.send('POST', '/Users', { userName })));
      const config = (await limited.send('GET', '/ServiceProviderConfig')).body;
      assert.equal(config.filter.maxResults, 3);
      assert.equal((await limited.send('GET', '/Users')).body.itemsPerPage, 2);
      const page = (await limited.send('GET', '/Users?count=100')).body;
      assert.deepEqual([page.itemsPerPage, page.totalResults], [3, 5]);
    } finally {
      await limited.close();
    }
  });
});

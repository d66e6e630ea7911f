import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { type TestDatabase, testDatabase } from '../support/database.ts';
import { type Reply, type ScimServer, scimServer } from './server.ts';

const PATCH = 'urn:ietf:params:scim:api:messages:2.0:PatchOp';
const USER = 'urn:ietf:params:scim:schemas:core:2.0:User';
const BULK = 'urn:ietf:params:scim:api:messages:2.0:BulkRequest';

let database: TestDatabase;
let server: ScimServer;
let logged = '';
const irregular: string[] = [];
const refusedLeaves: string[] = [];
const log = { warn: (f: object, m: string) => note(f, m), error: (f: object, m: string) => note(f, m) };
const note = (fields: object, message: string): void => void (logged += `${message} ${JSON.stringify(fields)}\n`);
before(async () => {
  database = await testDatabase();
  server = await scimServer(database.db, {
    log,
    onIrregular: ({ form }) => void irregular.push(form),
    onLeaveRefused: ({ source }) => void refusedLeaves.push(source),
  });
});
after(async () => {
  await server.close();
  await database.close();
});
beforeEach(async () => {
  logged = '';
  irregular.length = 0;
  refusedLeaves.length = 0;
  await database.db.rows({
    text: 'truncate record, membership, person, person_record, dirty, event, ledger, work, step, leaver_burst cascade',
  });
});

/** A user with an account at a target; gives the id. */
async function employed(userName = 'ann'): Promise<string> {
  const { id } = (await server.send('POST', '/Users', { userName, title: 'Engineer' })).body;
  await database.db.rows({
    text: `insert into ledger (target, person, item, created, confirmed, plan)
      select 'sdm', pr.person, 'account', true, true, 'p' from person_record pr join record r on r.key = pr.record_key
      where r.anchor = $1`,
    values: [id],
  });
  await database.db.rows({ text: 'delete from dirty' });
  return id;
}

/** What the request's own transaction left: nobody else runs here. */
const left = () =>
  database.db.row<{ generation: number; block: number | null; priority: number; urgent: boolean }>({
    text: `select p.generation, w.block_generation as block, w.priority,
        exists (select 1 from dirty where urgent) as urgent
      from person p left join work w on w.person = p.id`,
  });

const patched = (...Operations: unknown[]) => ({ method: 'PATCH', body: { schemas: [PATCH], Operations } });

const WAYS: Readonly<Record<string, { method: string; body?: unknown }>> = {
  'PUT active false': { method: 'PUT', body: { schemas: [USER], userName: 'ann', active: false } },
  'PUT active "False"': { method: 'PUT', body: { userName: 'ann', Active: 'False' } },
  'PATCH replace active false': patched({ op: 'replace', path: 'active', value: false }),
  'PATCH Replace active "False" (Entra ID)': patched({ op: 'Replace', path: 'active', value: 'False' }),
  'PATCH Add active "false"': patched({ op: 'Add', path: 'active', value: 'false' }),
  'PATCH without path (Okta)': patched({ op: 'replace', value: { active: false } }),
  'PATCH without path, text': patched({ op: 'replace', value: { ACTIVE: 'FALSE' } }),
  'PATCH by the core URN': patched({ op: 'replace', path: `${USER}:active`, value: false }),
  'PATCH with the core URN as key': patched({ op: 'replace', value: { [`${USER}:active`]: false } }),
  'PATCH of the core schema as a whole': patched({ op: 'replace', path: USER, value: { active: 'False' } }),
  'PATCH among others': patched(
    { op: 'Replace', path: 'title', value: 'x' },
    { op: 'Add', path: 'emails[type eq "work"].value', value: 'a@example.com' },
    { op: 'Replace', path: 'active', value: 'False' },
  ),
  'PATCH with other names for keys': {
    method: 'PATCH',
    body: { Schemas: [PATCH], operations: [{ OP: 'REPLACE', Path: 'Active', Value: 'False' }] },
  },
  DELETE: { method: 'DELETE' },
};

describe('every way to say that somebody leaves blocks the sign-in in the same transaction', () => {
  for (const [name, { method, body }] of Object.entries(WAYS)) {
    test(name, async () => {
      const id = await employed();
      const reply = await server.send(method, `/Users/${id}`, body);
      assert.ok(reply.status < 300, reply.text);
      assert.deepEqual(await left(), { generation: 1, block: 1, priority: 100, urgent: true });
      const record = await database.db.row<{ active: boolean; gone: boolean; evidence: string | null }>({
        text: 'select active, gone_at is not null as gone, evidence from record where anchor = $1',
        values: [id],
      });
      const gone = method === 'DELETE';
      assert.deepEqual(record, { active: false, gone, evidence: gone ? 'explicit' : null });
      assert.equal(server.changes.at(-1)?.urgent, true);
    });
  }

  test('Bulk, where it is offered', async (t) => {
    const config = await server.send('GET', '/ServiceProviderConfig');
    if (config.body.bulk.supported !== true) return t.skip('Bulk is not offered');
    for (const operation of [
      { method: 'PATCH', data: patched({ op: 'Replace', path: 'active', value: 'False' }).body },
      { method: 'PUT', data: { userName: 'ann', active: false } },
      { method: 'DELETE' },
    ]) {
      await database.db.rows({ text: 'truncate record, person, person_record, dirty, ledger, work cascade' });
      const id = await employed();
      const reply = await server.send('POST', '/Bulk', {
        schemas: [BULK],
        Operations: [{ ...operation, path: `/Users/${id}` }],
      });
      assert.equal(reply.status, 200, reply.text);
      assert.deepEqual(await left(), { generation: 1, block: 1, priority: 100, urgent: true });
    }
    return undefined;
  });

  test('what is refused, and what changes nothing, blocks nobody', async () => {
    const id = await employed();
    for (const request of [
      patched({ op: 'Replace', path: 'active', value: 'False' }, { op: 'remove' }),
      patched({ op: 'Replace', path: 'active', value: 'perhaps' }),
      patched({ op: 'Replace', path: 'active', value: 'True' }),
      { method: 'PUT', body: { userName: 'ann', title: 'x' } },
    ]) {
      await server.send(request.method, `/Users/${id}`, request.body);
      assert.deepEqual(await left(), { generation: 0, block: null, priority: null, urgent: false });
    }
    await server.send('PATCH', `/Users/${id}`, patched({ op: 'Replace', path: 'active', value: 'False' }).body);
    await server.send('PATCH', `/Users/${id}`, patched({ op: 'Replace', path: 'active', value: 'False' }).body);
    assert.equal((await left())?.generation, 1, 'repeated after a time-out');
  });
});

describe('a leave that comes with a fault', () => {
  const faults: Readonly<Record<string, object>> = {
    'an attribute of another type': { userName: 'ann', active: false, title: 7 },
    'an element of another type': { userName: 'ann', active: 'False', emails: 'ann@example.com' },
    'no userName': { active: false, title: 'x' },
    'a userName that another user has': { userName: 'bob', active: false, title: 'x' },
    'the last of two spellings counts': { userName: 'ann', active: true, Active: false, title: 7 },
  };
  for (const [name, body] of Object.entries(faults)) {
    test(`PUT, ${name}: the leave counts, the rest stays`, async () => {
      const id = await employed();
      await server.send('POST', '/Users', { userName: 'bob' });
      await database.db.rows({ text: 'delete from dirty' });
      const reply = await server.send('PUT', `/Users/${id}`, body);
      assert.equal(reply.status, 200, reply.text);
      assert.deepEqual([reply.body.active, reply.body.title, reply.body.userName], [false, 'Engineer', 'ann']);
      const ann = await database.db.row<{ generation: number; block: number | null }>({
        text: `select p.generation, w.block_generation as block from person p join work w on w.person = p.id`,
      });
      assert.deepEqual(ann, { generation: 1, block: 1 });
      assert.ok(irregular.includes('leave-only'));
      assert.equal(server.changes.at(-1)?.urgent, true);
      const again = await server.send('PUT', `/Users/${id}`, body);
      assert.ok([400, 409].includes(again.status), 'inactive already: the fault is told');
      assert.deepEqual(refusedLeaves, []);
    });
  }

  test('PUT: what does not say readably that the user is inactive is refused, and blocks nobody', async () => {
    const id = await employed();
    for (const body of [
      { userName: 'ann', active: 'perhaps', title: 7 },
      { userName: 'ann', active: true, title: 7 },
      { userName: 'ann', title: 7 },
      { userName: 'ann', active: false, Active: true, title: 7 },
      { active: null },
      [{ active: false }],
    ]) {
      assert.equal((await server.send('PUT', `/Users/${id}`, body)).status, 400, JSON.stringify(body));
    }
    assert.deepEqual(await left(), { generation: 0, block: null, priority: null, urgent: false });
  });

  test('PATCH is all or nothing, and the refusal is told; so is a PUT for an old version', async () => {
    const id = await employed();
    const leave = { op: 'Replace', path: 'active', value: 'False' };
    const refused: ReadonlyArray<() => Promise<Reply>> = [
      () => server.send('PATCH', `/Users/${id}`, patched(leave, { op: 'replace', path: 'title', value: 7 }).body),
      () => server.send('PATCH', `/Users/${id}`, patched({ op: 'remove' }, leave).body),
      () => server.send('PATCH', `/Users/${id}`, patched({ op: 'replace', value: { active: false, title: 7 } }).body),
      () =>
        server.send(
          'PATCH',
          `/Users/${id}`,
          patched({ op: 'add', path: USER, value: { active: false, title: 7 } }).body,
        ),
      () => server.send('PUT', `/Users/${id}`, { userName: 'ann', active: false }, { 'if-match': 'W/"0"' }),
    ];
    for (const [i, send] of refused.entries()) {
      logged = '';
      const reply = await send();
      assert.ok([400, 412].includes(reply.status), reply.text);
      assert.equal(refusedLeaves.length, i + 1);
      assert.match(logged, /makes a user inactive was refused/);
      assert.ok(logged.includes(id) && !logged.includes('ann'), 'the id and nothing personal');
    }
    assert.deepEqual(await left(), { generation: 0, block: null, priority: null, urgent: false });
    await server.send('PATCH', `/Users/${id}`, patched({ op: 'remove' }).body);
    await server.send('PATCH', '/Users/nobody', patched(leave, { op: 'remove' }).body);
    assert.equal(refusedLeaves.length, refused.length, 'no leave, or nobody: nothing to tell');
    await server.send('PATCH', `/Users/${id}`, patched(leave).body);
    await server.send('PATCH', `/Users/${id}`, patched(leave, { op: 'remove' }).body);
    assert.equal(refusedLeaves.length, refused.length, 'inactive already: nothing to tell');
  });
});

test('a membership that is taken away is an event of its own, by each form', async () => {
  const id = await employed();
  for (const operation of [
    { op: 'Remove', path: 'members', value: [{ value: id }] },
    { op: 'remove', path: `members[value eq "${id}"]` },
    { op: 'replace', path: 'members', value: [] },
    { op: 'replace', value: { members: [] } },
    { op: 'remove', path: 'members' },
  ]) {
    await database.db.rows({ text: 'delete from event' });
    const group = (await server.send('POST', '/Groups', { displayName: 'g', members: [{ value: id }] })).body.id;
    const reply = await server.send('PATCH', `/Groups/${group}`, patched(operation).body);
    assert.equal(reply.status, 204, reply.text);
    const events = await database.db.rows<{ object: string; detail: { member: string } }>({
      text: `select object, detail from event where kind = 'member.removed'`,
    });
    assert.deepEqual(
      events.map((e) => [e.object, e.detail.member]),
      [[group, id]],
      JSON.stringify(operation),
    );
  }
});

test('nothing of a password gets into the store, the history, an answer or the log', async () => {
  const secret = 'Corr3ct-horse-battery';
  const replies: Reply[] = [];
  const send = async (method: string, path: string, body?: unknown): Promise<Reply> => {
    const reply = await server.send(method, path, body);
    replies.push(reply);
    return reply;
  };
  const { id } = (await send('POST', '/Users', { userName: 'ann', password: secret, PassWord: secret })).body;
  await send('POST', '/Users', { userName: 'num', password: { value: secret } });
  await send('POST', '/Users', { userName: 'list', password: [secret] });
  await send('PUT', `/Users/${id}`, { userName: 'ann', password: secret, title: 'x' });
  for (const operation of [
    { op: 'replace', value: { password: secret } },
    { op: 'replace', path: 'password', value: secret },
    { op: 'add', path: `${USER}:password`, value: { a: secret } },
    { op: 'replace', path: USER, value: { password: secret, title: 'y' } },
    { op: 'replace', path: 'password.value', value: secret },
    { op: 'replace', path: 'password', value: secret.length },
  ]) {
    await send('PATCH', `/Users/${id}`, patched(operation).body);
  }
  await send('GET', `/Users?filter=${encodeURIComponent(`password eq "${secret}"`)}`);
  await send('GET', `/Users/${id}?attributes=password`);
  for (const reply of replies) assert.ok(!reply.text.includes(secret), reply.text);
  assert.ok(replies.filter((r) => r.status < 300).length >= 9, replies.map((r) => r.status).join());
  for (const table of ['record', 'event', 'dirty', 'work', 'person']) {
    const rows = await database.db.rows({ text: `select * from ${table}` });
    assert.ok(!JSON.stringify(rows).includes(secret), table);
  }
  assert.ok(!logged.includes(secret), logged);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { anyUnpack } from '@bufbuild/protobuf/wkt';
import { Client, credentials, Metadata } from '@grpc/grpc-js';
import { keyWith, putUser, wireTo } from '../../../../test/support/strongdm.ts';
import { AccountAttachments, Accounts, RateLimitMetadataSchema, Roles } from '../proto/sdm_pb.gen.ts';
import { CallError, Code } from '../wire.ts';
import type { Wire } from '../wire.ts';
import { randomFrom } from './faults.ts';
import type { Sim, SimOptions } from './index.ts';
import { startSim } from './index.ts';

async function withWire(options: SimOptions, act: (wire: Wire, sim: Sim) => Promise<void>): Promise<void> {
  const sim = await startSim(options);
  const wire = wireTo(sim);
  try {
    await act(wire, sim);
  } finally {
    wire.close();
    await sim.close();
  }
}

const soon = (): AbortSignal => AbortSignal.timeout(10_000);

async function refusal(call: Promise<unknown>, code: number): Promise<CallError> {
  const error = await call.then(
    () => assert.fail('expected a refusal, but it succeeded'),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof CallError, String(error));
  assert.equal(error.code, code, error.message);
  return error;
}

const user = (email: string, more: object = {}) => ({
  account: { account: { case: 'user' as const, value: { email, firstName: 'F', lastName: 'L', ...more } } },
});

test('every refusal carries its status as details, and an unknown method is told so', async () => {
  await withWire({}, async (wire, sim) => {
    const missing = await refusal(wire.call(Accounts.method.get, { id: 'a-1' }, soon()), Code.NOT_FOUND);
    assert.deepEqual([missing.status?.code, missing.status?.message], [Code.NOT_FOUND, 'no account a-1']);
    const bare = new Client(`${sim.host}:${sim.port}`, credentials.createInsecure());
    const send = (path: string, headers: Record<string, string>, body: Buffer): Promise<number> =>
      new Promise((resolve) => {
        const metadata = new Metadata();
        for (const [name, value] of Object.entries(headers)) metadata.set(name, value);
        const same = (bytes: Buffer): Buffer => bytes;
        bare.makeUnaryRequest(path, same, same, body, metadata, { deadline: Date.now() + 5000 }, (error) =>
          resolve(error?.code ?? 0),
        );
      });
    assert.equal(await send('/v1.Accounts/Explode', {}, Buffer.alloc(0)), Code.UNIMPLEMENTED);
    assert.equal(await send('/v1.Accounts/List', {}, Buffer.alloc(0)), Code.UNAUTHENTICATED);
    // Unsigned rubbish is refused before it is decoded.
    assert.equal(await send('/v1.Accounts/Create', {}, Buffer.from('ff', 'hex')), Code.UNAUTHENTICATED);
    bare.close();
  });
});

test('users: required fields, unique addresses, read-only fields, suspension, deletion', async () => {
  await withWire({}, async (wire, sim) => {
    for (const bad of [
      user(''),
      user('x@t.test', { firstName: '' }),
      user('x@t.test', { permissionLevelRW: 'king' }),
      {},
    ]) {
      await refusal(wire.call(Accounts.method.create, bad, soon()), Code.INVALID_ARGUMENT);
    }
    await refusal(wire.call(Accounts.method.create, user('x@t.test', { managerId: 'a-9' }), soon()), Code.NOT_FOUND);
    const sent = user('ann@t.test', { id: 'a-77', managedBy: 'okta', suspendedRO: true, password: 'p', SCIM: '{}' });
    const made = (await wire.call(Accounts.method.create, sent, soon())).account?.account;
    assert.ok(made?.case === 'user');
    const { id, managedBy, suspendedRO, permissionLevelRW, password, SCIM } = made.value;
    assert.match(id, /^a-[0-9a-f]{16}$/);
    assert.deepEqual([managedBy, suspendedRO, permissionLevelRW, password, SCIM], ['', false, 'user', '', '']);
    await refusal(wire.call(Accounts.method.create, user('ANN@t.test'), soon()), Code.ALREADY_EXISTS);
    const update = (more: object) => wire.call(Accounts.method.update, user('ann@t.test', { id, ...more }), soon());
    for (const [more, suspended, external] of [
      [{ permissionLevelRW: 'suspended' }, true, ''],
      [{ externalId: 'e1' }, true, 'e1'],
      [{ permissionLevelRW: 'user' }, false, ''],
    ] as const) {
      const after = (await update(more)).account?.account;
      assert.ok(after?.case === 'user');
      assert.deepEqual([after.value.suspendedRO, after.value.externalId], [suspended, external]);
    }
    const role = (await wire.call(Roles.method.create, { role: { name: 'r' } }, soon())).role?.id ?? '';
    await wire.call(AccountAttachments.method.create, { accountAttachment: { accountId: id, roleId: role } }, soon());
    await wire.call(Accounts.method.delete, { id }, soon());
    await refusal(wire.call(Accounts.method.delete, { id }, soon()), Code.NOT_FOUND);
    assert.equal((await wire.call(AccountAttachments.method.list, {}, soon())).accountAttachments.length, 0);
    await wire.call(Accounts.method.create, user('ann@t.test'), soon());
    assert.deepEqual(
      sim.changes().map((one) => one.verb),
      [
        'user added',
        'user suspended',
        'user updated',
        'user reinstated',
        'role added',
        'user added to role',
        'user deleted from role',
        'user deleted',
        'user added',
      ],
    );
  });
});

test('of many equal creations at once exactly one succeeds', async () => {
  await withWire({}, async (wire, sim) => {
    const many = Array.from({ length: 20 }, () => wire.call(Accounts.method.create, user('one@t.test'), soon()));
    const outcomes = await Promise.allSettled(many);
    assert.equal(outcomes.filter((one) => one.status === 'fulfilled').length, 1);
    assert.equal(sim.users().length, 1);
  });
});

test('roles and attachments: names, rules, references, pairs', async () => {
  await withWire({}, async (wire, sim) => {
    await refusal(wire.call(Roles.method.create, { role: { name: '' } }, soon()), Code.INVALID_ARGUMENT);
    await refusal(
      wire.call(Roles.method.create, { role: { name: 'x', accessRules: '{}' } }, soon()),
      Code.INVALID_ARGUMENT,
    );
    const { role } = await wire.call(Roles.method.create, { role: { name: 'x', accessRules: '[]' } }, soon());
    const id = role?.id ?? '';
    assert.match(id, /^r-[0-9a-f]{16}$/);
    await refusal(wire.call(Roles.method.create, { role: { name: 'x' } }, soon()), Code.ALREADY_EXISTS);
    const rules = '[{"type":"ssh"}]';
    await wire.call(Roles.method.update, { role: { id, name: 'x', accessRules: rules } }, soon());
    assert.equal((await wire.call(Roles.method.get, { id }, soon())).role?.accessRules, rules);
    const accountId = putUser(sim, { email: 'a@t.test' });
    const attach = (pair: object) => wire.call(AccountAttachments.method.create, { accountAttachment: pair }, soon());
    await refusal(attach({ accountId }), Code.INVALID_ARGUMENT);
    await refusal(attach({ accountId: 'a-0', roleId: id }), Code.NOT_FOUND);
    await refusal(attach({ accountId, roleId: 'r-0' }), Code.NOT_FOUND);
    const made = (await attach({ accountId, roleId: id })).accountAttachment;
    assert.match(made?.id ?? '', /^aa-[0-9a-f]{16}$/);
    await refusal(attach({ accountId, roleId: id }), Code.ALREADY_EXISTS);
    await wire.call(Roles.method.delete, { id }, soon());
    await refusal(wire.call(AccountAttachments.method.get, { id: made?.id ?? '' }, soon()), Code.NOT_FOUND);
    assert.equal(sim.changes().at(-1)?.verb, 'role deleted');
  });
});

test('pages are stable under inserts and deletes, even of the object the cursor stands on', async () => {
  await withWire({ seed: 60, faults: 'short=0.3,seed=5' }, async (wire, sim) => {
    const random = randomFrom(42);
    const before = sim.users().map((one) => one.id);
    const deleted = new Set<string>();
    const shown: string[] = [];
    let cursor = '';
    let round = 0;
    do {
      const page = await wire.call(Accounts.method.list, { meta: { limit: 7, cursor }, filter: 'type:user' }, soon());
      const ids = page.accounts.map((one) => one.account.value?.id ?? '');
      shown.push(...ids);
      cursor = page.meta?.nextCursor ?? '';
      // The last one shown, and some other one.
      for (const id of [ids.at(-1), before[Math.floor(random() * before.length)]]) {
        if (id === undefined || deleted.has(id)) continue;
        deleted.add(id);
        await wire.call(Accounts.method.delete, { id }, soon());
      }
      round += 1;
      await wire.call(Accounts.method.create, user(`new${round}@t.test`), soon());
      assert.ok(round < 100, 'the list does not end');
    } while (cursor !== '');
    assert.equal(new Set(shown).size, shown.length);
    for (const id of before) assert.ok(deleted.has(id) || shown.includes(id), `${id} was skipped`);
    const meta = { limit: 7, cursor: 'made-up.AAAA' };
    await refusal(wire.call(Accounts.method.list, { meta }, soon()), Code.INVALID_ARGUMENT);
    const { meta: first } = await wire.call(Accounts.method.list, { meta: { limit: 2 } }, soon());
    const foreign = { meta: { limit: 2, cursor: first?.nextCursor ?? '' } };
    await refusal(wire.call(Roles.method.list, foreign, soon()), Code.INVALID_ARGUMENT);
  });
});

test('a page holds 50 by default and 1000 at most; look-ups use any spelling', async () => {
  await withWire({ seed: 1005 }, async (wire) => {
    const list = async (request: object) => (await wire.call(Accounts.method.list, request, soon())).accounts.length;
    assert.equal(await list({}), 50);
    assert.equal(await list({ meta: { limit: 5000 } }), 1000);
    assert.equal(await list({ filter: 'email:USER7@generated.example' }), 1);
    assert.equal(await list({ filter: 'type:user email:user100*@generated.example' }), 7);
    assert.equal(await list({ filter: 'type:service' }), 0);
    await refusal(wire.call(Accounts.method.list, { meta: { limit: -1 } }, soon()), Code.INVALID_ARGUMENT);
    await refusal(wire.call(Accounts.method.list, { filter: 'nonsense' }, soon()), Code.INVALID_ARGUMENT);
  });
});

test('limits: reads and writes apart, told in every answer, refilled with time; a refusal changes nothing', async () => {
  let now = new Date('2026-05-05T12:00:00Z');
  const options = { now: () => now, limits: { read: 3, write: 1 } };
  const sim = await startSim(options);
  const wire = wireTo(sim, sim, () => now);
  const rates: Array<[bigint | undefined, string | undefined]> = [];
  for (let n = 0; n < 3; n += 1) {
    const { rateLimit } = await wire.call(Accounts.method.list, {}, soon());
    rates.push([rateLimit?.remaining, rateLimit?.bucket]);
  }
  assert.deepEqual(rates, [
    [2n, 'reads'],
    [1n, 'reads'],
    [0n, 'reads'],
  ]);
  await wire.call(Accounts.method.create, user('a@t.test'), soon());
  const full = await refusal(wire.call(Accounts.method.create, user('b@t.test'), soon()), Code.RESOURCE_EXHAUSTED);
  const [detail] = full.status?.details ?? [];
  assert.equal(detail?.typeUrl, 'type.googleapis.com/v1.RateLimitMetadata');
  assert.deepEqual(anyUnpack(detail, RateLimitMetadataSchema)?.remaining, 0n);
  assert.equal(sim.users().length, 1);
  now = new Date(now.getTime() + 60_000);
  await wire.call(Accounts.method.create, user('b@t.test'), soon());
  wire.close();
  await sim.close();
});

test('keys of API tokens work at once, do what they may, and end with their token', async () => {
  await withWire({}, async (wire, sim) => {
    const keys = await keyWith(sim, ['user:list', 'user:update']);
    const other = wireTo(sim, keys);
    await other.call(Accounts.method.list, {}, soon());
    await refusal(other.call(Roles.method.list, {}, soon()), Code.PERMISSION_DENIED);
    await refusal(other.call(Accounts.method.create, user('x@t.test'), soon()), Code.PERMISSION_DENIED);
    const admin = putUser(sim, { email: 'admin@t.test', permissionLevelRW: 'admin' });
    await refusal(
      other.call(Accounts.method.update, user('admin@t.test', { id: admin }), soon()),
      Code.PERMISSION_DENIED,
    );
    const managed = putUser(sim, { email: 'okta@t.test', managedBy: 'okta' });
    await refusal(
      wire.call(Accounts.method.update, user('okta@t.test', { id: managed }), soon()),
      Code.PERMISSION_DENIED,
    );
    const { accounts } = await wire.call(Accounts.method.list, { filter: 'type:api' }, soon());
    assert.equal(accounts.length, 1);
    await wire.call(Accounts.method.delete, { id: accounts[0]?.account.value?.id ?? '' }, soon());
    await refusal(other.call(Accounts.method.list, {}, soon()), Code.UNAUTHENTICATED);
    other.close();
  });
});

test('the demo organisation has its roles, people and machines; closing frees the port', async () => {
  const sim = await startSim({ seed: 'demo' });
  assert.deepEqual(sim.roles().slice(0, 4), ['prod-admin', 'dba', 'auditor', 'read-only']);
  assert.ok(sim.users().some((one) => one.managedBy !== '') && sim.users().some((one) => one.level === 'root-admin'));
  assert.equal(sim.changes().length, 0);
  await sim.close();
  const next = await startSim({ port: sim.port });
  await assert.rejects(startSim({ port: sim.port }), /EADDRINUSE/);
  await next.close();
  await assert.rejects(startSim({ seed: 'nonsense' }), /known: empty, demo/);
  await assert.rejects(startSim({ faults: 'lost=2' }), /"lost=2" is not understood/);
  await assert.rejects(startSim({ secretKey: 'not base64' }), /base64/);
});

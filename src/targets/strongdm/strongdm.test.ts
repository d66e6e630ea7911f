import assert from 'node:assert/strict';
import { test } from 'node:test';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import type { TargetStage } from '../../../test/contracts/target.ts';
import { failure, targetContract } from '../../../test/contracts/target.ts';
import { addRole, keyWith, putUser, settingsFor } from '../../../test/support/strongdm.ts';
import { Failure } from '../../model/failure.ts';
import type { Change } from '../../model/plan.ts';
import type { AccountRef, Target } from '../target.ts';
import { openStrongDm } from './index.ts';
import { AccountSchema, TagsSchema } from './proto/sdm_pb.gen.ts';
import type { Sim, SimOptions } from './sim/index.ts';
import { startSim } from './sim/index.ts';

const CONTEXT = { instance: 'bridge-1' };
const soon = (): AbortSignal => AbortSignal.timeout(20_000);

async function stage(): Promise<TargetStage> {
  const sim = await startSim();
  const openAs = (instance: string): Target => openStrongDm(settingsFor(sim, { pageSize: 3 }), { instance });
  const secretKey = Buffer.alloc(32, 9).toString('base64');
  return {
    target: openAs(CONTEXT.instance),
    openAs,
    wrong: {
      unreachable: () => openStrongDm(settingsFor({ ...sim, port: 1 }), CONTEXT),
      key: () => openStrongDm(settingsFor(sim, { secretKey }), CONTEXT),
      rights: async () => {
        const keys = await keyWith(sim, ['user:list', 'role:list']);
        return openStrongDm(settingsFor(sim, keys), CONTEXT);
      },
    },
    addAccount: async ({ login, managedBy = '', privileged }) =>
      putUser(sim, { email: login, managedBy, permissionLevelRW: privileged ? 'admin' : 'user' }),
    addRole: (name) => addRole(sim, name),
    accounts: async () =>
      sim.users().map((user) => ({ id: user.id, login: user.email, active: !user.suspended, roles: user.roles })),
    effects: () => sim.changes().length,
    loseNextAnswer: () => sim.setFaults('lost=1,max=1'),
    throttle: () => sim.setLimits({ read: 1, write: 1 }),
    stall: () => sim.setFaults('slow=1m'),
    close: () => sim.close(),
  };
}

targetContract('strongdm', stage);

async function withSim(
  options: SimOptions,
  act: (sim: Sim, open: (options?: object, now?: () => Date) => Target) => Promise<void>,
): Promise<void> {
  const sim = await startSim(options);
  const opened: Target[] = [];
  try {
    await act(sim, (settings = {}, now = () => new Date()) => {
      const target = openStrongDm(settingsFor(sim, settings), CONTEXT, now);
      opened.push(target);
      return target;
    });
  } finally {
    for (const target of opened) await target.close();
    await sim.close();
  }
}

const change = (op: Change['op'], after?: unknown): Change => ({ op, item: 'account', after, causes: [], risk: 'low' });
const DAN: AccountRef = { person: 'p_dan', login: 'dan@test.example' };
const PROFILE = { login: DAN.login, displayName: 'Dan Doe', firstName: 'Dan', lastName: 'Doe' };

test('fields that are unknown here survive an update, a suspension and a reinstatement', async () => {
  await withSim({}, async (sim, open) => {
    const value = {
      id: 'a-00000000000000aa',
      email: DAN.login,
      firstName: 'D',
      lastName: 'Doe',
      permissionLevelRW: 'auditor',
    };
    const plain = toBinary(AccountSchema, create(AccountSchema, { account: { case: 'user', value } }));
    // Field 99 of the user and field 98 of the account, both text, as a newer service might send them.
    const user = Buffer.concat([plain.subarray(2), Buffer.from([0x9a, 0x06, 3, 0x6e, 0x65, 0x77])]);
    const bytes = Buffer.concat([Buffer.from([0x0a, user.length]), user]);
    sim.putAccount(fromBinary(AccountSchema, bytes));
    const target = open();
    const ref = { ...DAN, accountId: value.id };
    await target.apply(ref, change('update', PROFILE), soon());
    await target.apply(ref, change('block'), soon());
    const [blocked] = sim.users();
    assert.deepEqual([blocked?.level, blocked?.tags], ['suspended', { 'drawbridge-level': 'auditor' }]);
    await target.apply(ref, change('enable'), soon());
    const [enabled] = sim.users();
    assert.deepEqual([enabled?.level, enabled?.firstName, enabled?.tags], ['auditor', 'Dan', {}]);
    const kept = sim.account(value.id)?.account.value?.$unknown ?? [];
    assert.deepEqual(
      kept.map((field) => [field.no, Buffer.from(field.data).subarray(1).toString()]),
      [[99, 'new']],
    );
  });
});

test('a remembered level with power over others is never restored', async () => {
  await withSim({}, async (sim, open) => {
    const tags = create(TagsSchema, { pairs: [{ name: 'drawbridge-level', value: 'root-admin' }] });
    const accountId = putUser(sim, { email: DAN.login, permissionLevelRW: 'suspended', suspendedRO: true, tags });
    await open().apply({ ...DAN, accountId }, change('enable'), soon());
    assert.equal(sim.users()[0]?.level, 'user');
  });
});

test('a clock that is a day off is told from a wrong key, with its direction', async () => {
  for (const [skew, word] of [
    ['1d', /behind.*accepts the key when the call is signed for/],
    ['-1d', /ahead.*accepts the key when the call is signed for/],
    ['40d', /behind.*says that it is/],
    ['-40d', /ahead.*says that it is/],
  ] as const) {
    await withSim({ faults: `skew=${skew}` }, async (_sim, open) => {
      const off = await failure(open().check(soon()), 'broken');
      assert.match(off.message, /clock of this machine/, skew);
      assert.match(off.message, word);
      assert.match(off.remedy ?? '', /set the clock/);
    });
  }
});

test('a missing right to list is broken at the check, and named', async () => {
  await withSim({}, async (sim, open) => {
    for (const [given, missing] of [
      [['role:list'], /user:list/],
      [['user:list'], /role:list/],
    ] as const) {
      const keys = await keyWith(sim, given);
      const denied = await failure(open(keys).check(soon()), 'broken');
      assert.match(denied.remedy ?? '', missing);
    }
  });
});

test('a call that crosses midnight is signed again for the new day', async () => {
  let now = new Date('2026-03-01T00:10:00Z');
  await withSim({ now: () => now }, async (sim, open) => {
    // The first look at the clock is for the signature, later ones find that the day has changed.
    const clock = [new Date('2026-02-28T23:59:59Z')];
    const target = open({}, () => clock.shift() ?? now);
    assert.equal(await target.observeOne(DAN, soon()), undefined);
    assert.equal(sim.calls().get('Accounts.List')?.calls, 3);
    now = new Date('2026-03-05T00:00:00Z');
    const stale = open({}, () => new Date('2026-03-01T12:00:00Z'));
    const before = sim.calls().get('Accounts.List')?.calls ?? 0;
    await failure(stale.observeOne(DAN, soon()), 'broken');
    assert.equal(sim.calls().get('Accounts.List')?.calls, before + 1);
  });
});

test('accounts of other kinds, and of kinds unknown here, are left out', async () => {
  await withSim({ seed: 'demo' }, async (sim, open) => {
    sim.putAccount(fromBinary(AccountSchema, Buffer.from([0x22, 0x02, 0x0a, 0x00])));
    const ids: string[] = [];
    for await (const one of open({ pageSize: 2 }).observe(soon())) ids.push(one.id);
    assert.deepEqual(
      ids,
      sim.users().map((user) => user.id),
    );
    assert.equal(ids.length, 5);
  });
});

test('an observation is whole, or an error, whatever goes wrong on the way', async () => {
  await withSim(
    { seed: 80, faults: 'unavailable=0.1,internal=0.1,drop=0.05,rate=0.02,short=0.4,seed=11' },
    async (sim, open) => {
      const target = open({ pageSize: 7 });
      const seen = new Map<string, number>();
      for await (const one of target.observe(soon())) seen.set(one.id, one.roles.size);
      assert.deepEqual(
        [...seen],
        sim.users().map((user) => [user.id, user.roles.length]),
      );
      const { calls = 0, ok = 0 } = sim.calls().get('Accounts.List') ?? {};
      assert.ok(calls > ok, 'no fault was injected');
      sim.setFaults('internal=1');
      const rest = async (): Promise<void> => {
        for await (const one of target.observe(soon())) assert.ok(one);
      };
      await failure(rest(), 'retry');
    },
  );
});

test('a call that is not answered in time ends: a look-up is tried again, a write is doubtful', async () => {
  await withSim({}, async (sim, open) => {
    const accountId = putUser(sim, { email: DAN.login });
    const target = open({ timeout: '300ms' });
    sim.setFaults('slow=1m');
    await failure(target.observeOne(DAN, soon()), 'retry');
    sim.setFaults('slow=0ms');
    const role = await addRole(sim, 'reader');
    const grant: Change = { ...change('grant', { role: 'reader', roleId: role }), item: 'role:reader' };
    const begun = target.apply({ ...DAN, accountId }, grant, soon());
    // The account is read before the role is attached: from then on nothing is answered.
    while (sim.calls().get('Accounts.Get')?.ok !== 1) await new Promise((resolve) => setImmediate(resolve));
    sim.setFaults('slow=1m');
    await failure(begun, 'doubtful');
  });
});

test('settings are checked: keys, host, plain text, CA file', async () => {
  const good = { host: '127.0.0.1', port: 1, accessKey: 'auth-1', secretKey: 'AAAA' };
  const refuses = (options: object, path: string): void => {
    assert.throws(
      () => openStrongDm(settingsFor(good, options), CONTEXT),
      (error: { issues?: Array<{ path: string[]; keys?: string[] }> }) =>
        error.issues?.some((issue) => issue.path[0] === path || issue.keys?.[0] === path) === true,
    );
  };
  refuses({ secretKey: 'not base64!' }, 'secretKey');
  refuses({ accessKey: ' ' }, 'accessKey');
  refuses({ host: 'https://app.strongdm.com' }, 'host');
  refuses({ caFile: '/nonexistent/ca.pem' }, 'caFile');
  refuses({ timeout: 'soon' }, 'timeout');
  refuses({ acessKey: 'x' }, 'acessKey');
  await openStrongDm(settingsFor(good, { host: 'app.uk.strongdm.com' }), CONTEXT).close();
});

test('TLS where the other side speaks plain text is unreachable, not a wrong key', async () => {
  await withSim({}, async (sim, open) => {
    await failure(open({ host: `localhost:${sim.port}`, insecure: false }).check(soon()), 'retry');
  });
});

test(
  'whatever fails on the way, every change takes effect once and the end is as wanted',
  { timeout: 120_000 },
  async () => {
    for (const seed of [1, 2, 3]) {
      const faults = `unavailable=0.1,internal=0.05,drop=0.05,rate=0.05,lost=0.2,seed=${seed}`;
      await withSim({}, async (sim, open) => {
        const roles = [await addRole(sim, 'one'), await addRole(sim, 'two')] as const;
        sim.setFaults(faults);
        const target = open();
        const role = (op: 'grant' | 'revoke', n: 0 | 1): Change => {
          const object = { role: n === 0 ? 'one' : 'two', roleId: roles[n] };
          return { ...change(op, object), before: object, item: `role:${object.role}` };
        };
        const untilDone = async (ref: AccountRef, one: Change): Promise<string> => {
          for (;;) {
            try {
              return (await target.apply(ref, one, soon())).account.id;
            } catch (error) {
              assert.ok(error instanceof Failure && ['retry', 'doubtful'].includes(error.verdict.kind), String(error));
            }
          }
        };
        const oneLife = async (n: number): Promise<void> => {
          const login = `p${n}@test.example`;
          const ref = { person: `p_${n}`, login };
          const accountId = await untilDone(ref, change('create', { ...PROFILE, login }));
          const steps = [role('grant', 0), role('grant', 1), change('block'), change('enable'), role('revoke', 0)];
          for (const step of steps) assert.equal(await untilDone({ ...ref, accountId }, step), accountId);
        };
        await Promise.all(Array.from({ length: 12 }, (_, n) => oneLife(n)));
        assert.equal(sim.users().length, 12);
        for (const user of sim.users()) {
          assert.deepEqual([user.suspended, user.roles], [false, ['two']], user.email);
          assert.deepEqual(
            sim
              .changes()
              .filter((one) => one.accountId === user.id)
              .map((one) => one.verb),
            [
              'user added',
              'user added to role',
              'user added to role',
              'user suspended',
              'user reinstated',
              'user deleted from role',
            ],
          );
        }
        const calls = [...sim.calls().values()];
        assert.ok(calls.reduce((sum, one) => sum + one.calls - one.ok, 0) > 20, 'hardly any fault was injected');
      });
    }
  },
);

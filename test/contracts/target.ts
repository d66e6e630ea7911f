import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Observed, Profile } from '../../src/model/accounts.ts';
import { Failure } from '../../src/model/failure.ts';
import type { VerdictKind } from '../../src/model/failure.ts';
import type { Change, Op } from '../../src/model/plan.ts';
import type { AccountRef, Applied, Target } from '../../src/targets/target.ts';

/** What the other side of a target shows and lets be done, past the target. */
export interface TargetStage {
  /** Reads lists in pages of two or three objects. Its instance is `bridge-1`. */
  readonly target: Target;
  /** The same system through another bridge, with another instance id. */
  openAs(instance: string): Target;
  /** The same system by an address where nobody listens, by a wrong key, and by a key that may only list. */
  readonly wrong: { unreachable(): Target; key(): Target; rights(): Promise<Target> };
  /** An account that another hand made; gives its id. */
  addAccount(account: ForeignAccount): Promise<string>;
  addRole(name: string): Promise<string>;
  accounts(): Promise<readonly SeenAccount[]>;
  /** How many changes took effect so far. */
  effects(): number;
  /** The next call takes effect, but its answer never arrives. */
  loseNextAnswer(): void;
  /** From now on, calls are refused for their rate. */
  throttle(): void;
  /** From now on, answers come after a minute. */
  stall(): void;
  /** Ends everything but the targets, which the suite closes. */
  close(): Promise<void>;
}

export interface ForeignAccount {
  readonly login: string;
  readonly managedBy?: string;
  readonly privileged?: boolean;
}

export interface SeenAccount {
  readonly id: string;
  readonly login: string;
  readonly active: boolean;
  /** Names, sorted. */
  readonly roles: readonly string[];
}

const ANN: AccountRef = { person: 'p_ann', login: 'ann@contract.example' };
const PROFILE: Profile = {
  login: ANN.login,
  displayName: 'Ann Example',
  firstName: 'Ann',
  lastName: 'Example',
  email: ANN.login,
};
const LIMIT_MS = 20_000;
const signal = (): AbortSignal => AbortSignal.timeout(LIMIT_MS);

const change = (op: Op, item: Change['item'], values: { before?: unknown; after?: unknown } = {}): Change => ({
  op,
  item,
  ...values,
  causes: [],
  risk: 'low',
});
const creation = (profile: Profile = PROFILE): Change => change('create', 'account', { after: profile });
const grant = (role: string, roleId?: string): Change =>
  change('grant', `role:${role}`, { after: { role, ...(roleId === undefined ? {} : { roleId }) } });
const revoke = (role: string, roleId?: string): Change =>
  change('revoke', `role:${role}`, { before: { role, ...(roleId === undefined ? {} : { roleId }) } });
const blocking = change('block', 'account', { before: { active: true }, after: { active: false } });
const enabling = change('enable', 'account', { before: { active: false }, after: { active: true } });

/** The Failure that a promise is to end with; fails when it does not, or with another verdict. */
export async function failure(promise: Promise<unknown>, verdict: VerdictKind): Promise<Failure> {
  const outcome = await promise.then(
    () => assert.fail(`expected a Failure "${verdict}", but it succeeded`),
    (error: unknown) => error,
  );
  assert.ok(outcome instanceof Failure, `expected a Failure, got ${String(outcome)}`);
  assert.equal(outcome.verdict.kind, verdict, outcome.message);
  return outcome;
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}

/** What every kind of target must do. `open` gives a fresh, empty system each time. */
export function targetContract(name: string, open: () => Promise<TargetStage>): void {
  const story = (title: string, act: (stage: TargetStage, target: Target) => Promise<void>): void => {
    test(title, { timeout: 60_000 }, async () => {
      const stage = await open();
      try {
        await act(stage, stage.target);
      } finally {
        await stage.target.close();
        await stage.close();
      }
    });
  };
  const create = (target: Target): Promise<Applied> => target.apply(ANN, creation(), signal());
  const only = async (stage: TargetStage): Promise<SeenAccount> => {
    const accounts = await stage.accounts();
    assert.equal(accounts.length, 1);
    return accounts[0] as SeenAccount;
  };

  describe(`target contract: ${name}`, () => {
    story('a check passes where all is well, and changes nothing', async (stage, target) => {
      await target.check(signal());
      assert.equal(stage.effects(), 0);
    });

    story('an account is made once, with our mark, and shown as it is', async (stage, target) => {
      const first = await create(target);
      assert.equal(first.changed, true);
      const { id, profile, active, roles, mark } = first.account;
      assert.deepEqual(
        { profile, active, roles: [...roles], mark },
        { profile: PROFILE, active: true, roles: [], mark: ANN.person },
      );
      const again = await create(target);
      assert.equal(again.changed, false);
      assert.deepEqual(again.account, first.account);
      assert.equal(stage.effects(), 1);
      assert.equal((await only(stage)).id, id);
      assert.deepEqual(await target.observeOne(ANN, signal()), first.account);
      assert.deepEqual(await target.observeOne({ ...ANN, accountId: id }, signal()), first.account);
    });

    story('two creations at once make one account', async (stage, target) => {
      const both = await Promise.all([create(target), create(target)]);
      assert.equal(both[0].account.id, both[1].account.id);
      assert.equal(both.filter((one) => one.changed).length, 1);
      await only(stage);
    });

    story('an account of another hand is never taken over', async (stage, target) => {
      const id = await stage.addAccount({ login: ANN.login.toUpperCase() });
      const before = stage.effects();
      const refusal = await failure(create(target), 'refused');
      assert.match(refusal.message, /account exists/);
      assert.ok(refusal.remedy);
      await failure(target.apply(ANN, blocking, signal()), 'refused');
      await failure(target.apply(ANN, change('update', 'account', { after: PROFILE }), signal()), 'refused');
      assert.equal(stage.effects(), before);
      const seen = await target.observeOne(ANN, signal());
      assert.equal(seen?.id, id);
      assert.equal(seen.mark, undefined);
    });

    story('an account that another bridge made is not ours', async (stage, target) => {
      const other = stage.openAs('bridge-2');
      try {
        const made = await create(other);
        assert.equal(made.account.mark, ANN.person);
        await failure(create(target), 'refused');
        const seen = await target.observeOne(ANN, signal());
        assert.equal(seen?.mark, undefined);
        assert.match(seen?.managedBy ?? '', /^another Drawbridge \(bridge-2\)$/, 'it is read-only for us');
        const known = { ...ANN, accountId: made.account.id };
        await failure(target.apply(known, blocking, signal()), 'refused');
        const short = stage.openAs('bridge-');
        assert.equal((await short.observeOne(ANN, signal()))?.mark, undefined);
        await short.close();
      } finally {
        await other.close();
      }
    });

    story('an update changes the profile in place and keeps the rest', async (stage, target) => {
      const { account } = await create(target);
      const role = await stage.addRole('reader');
      const ref = { ...ANN, accountId: account.id };
      await target.apply(ref, grant('reader', role), signal());
      const after = {
        ...PROFILE,
        login: 'ann.new@contract.example',
        email: 'ann.new@contract.example',
        lastName: 'New',
        displayName: 'Ann New',
      };
      const update = change('update', 'account', { before: PROFILE, after });
      const made = await target.apply(ref, update, signal());
      assert.equal(made.changed, true);
      assert.deepEqual(made.account.profile, after);
      assert.deepEqual([made.account.id, made.account.mark, [...made.account.roles]], [account.id, ANN.person, [role]]);
      const effects = stage.effects();
      assert.equal((await target.apply(ref, update, signal())).changed, false);
      assert.equal(stage.effects(), effects);
    });

    story('an update to a login that another account has is refused and changes nothing', async (stage, target) => {
      const { account } = await create(target);
      await stage.addAccount({ login: 'bob@contract.example' });
      const effects = stage.effects();
      const after = { ...PROFILE, login: 'BOB@contract.example' };
      const refusal = await failure(
        target.apply(
          { ...ANN, accountId: account.id },
          change('update', 'account', { before: PROFILE, after }),
          signal(),
        ),
        'refused',
      );
      assert.ok(refusal.remedy);
      assert.equal(stage.effects(), effects);
    });

    story('blocking stops the sign-in, keeps the roles, and can be lifted', async (stage, target) => {
      const { account } = await create(target);
      const role = await stage.addRole('reader');
      const ref = { ...ANN, accountId: account.id };
      await target.apply(ref, grant('reader', role), signal());
      const blocked = await target.apply(ref, blocking, signal());
      assert.deepEqual([blocked.changed, blocked.account.active, [...blocked.account.roles]], [true, false, [role]]);
      assert.deepEqual(await only(stage), { id: account.id, login: ANN.login, active: false, roles: ['reader'] });
      assert.equal((await target.apply(ref, blocking, signal())).changed, false);
      const enabled = await target.apply(ref, enabling, signal());
      assert.deepEqual([enabled.changed, enabled.account.active], [true, true]);
      assert.equal((await only(stage)).active, true);
      const effects = stage.effects();
      assert.equal((await target.apply(ref, enabling, signal())).changed, false);
      assert.equal(stage.effects(), effects);
    });

    story('a role is given once and taken once', async (stage, target) => {
      const { account } = await create(target);
      const ref = { ...ANN, accountId: account.id };
      const role = await stage.addRole('reader');
      const before = stage.effects();
      const given = await target.apply(ref, grant('reader', role), signal());
      assert.deepEqual([given.changed, given.role?.id, [...given.account.roles]], [true, role, [role]]);
      assert.equal((await target.apply(ref, grant('reader', role), signal())).changed, false);
      assert.equal(stage.effects(), before + 1);
      assert.deepEqual((await only(stage)).roles, ['reader']);
      const taken = await target.apply(ref, revoke('reader', role), signal());
      assert.deepEqual([taken.changed, [...taken.account.roles]], [true, []]);
      assert.equal((await target.apply(ref, revoke('reader', role), signal())).changed, false);
      assert.equal(stage.effects(), before + 2);
    });

    story('a role without an id is made once, by its exact name', async (stage, target) => {
      const { account } = await create(target);
      const ref = { ...ANN, accountId: account.id };
      await stage.addRole('Made');
      const made = await target.apply(ref, grant('made'), signal());
      assert.equal(made.role?.name, 'made');
      assert.deepEqual((await only(stage)).roles, ['made']);
      const again = await target.apply(ref, grant('made'), signal());
      assert.deepEqual([again.changed, again.role?.id], [false, made.role?.id]);
      const names = (await all(target.roles(signal()))).map((role) => role.name);
      assert.deepEqual(names.toSorted(), ['Made', 'made']);
    });

    story('a role that is gone asks for a new plan; taking it is done already', async (stage, target) => {
      const { account } = await create(target);
      const ref = { ...ANN, accountId: account.id };
      const effects = stage.effects();
      await failure(target.apply(ref, grant('ghost', 'r-00000000ffffffff'), signal()), 'moved');
      assert.equal((await target.apply(ref, revoke('ghost', 'r-00000000ffffffff'), signal())).changed, false);
      assert.equal((await target.apply(ref, revoke('ghost'), signal())).changed, false);
      assert.equal(stage.effects(), effects);
    });

    story('an account that is gone asks for a new plan', async (stage, target) => {
      const role = await stage.addRole('reader');
      const ref = { ...ANN, accountId: 'a-00000000ffffffff' };
      assert.equal(await target.observeOne(ref, signal()), undefined);
      assert.equal(await target.observeOne(ANN, signal()), undefined);
      for (const one of [blocking, enabling, grant('reader', role), revoke('reader', role)]) {
        await failure(target.apply(ref, one, signal()), 'moved');
      }
    });

    story(
      'an observation shows every account once, over many pages and with writes in between',
      async (stage, target) => {
        const role = await stage.addRole('reader');
        const ids = new Set<string>();
        for (let n = 0; n < 8; n += 1) ids.add(await stage.addAccount({ login: `user${n}@contract.example` }));
        const { account } = await create(target);
        await target.apply({ ...ANN, accountId: account.id }, grant('reader', role), signal());
        const seen: Observed[] = [];
        for await (const one of target.observe(signal())) {
          seen.push(one);
          if (seen.length === 4) await stage.addAccount({ login: 'late@contract.example' });
        }
        const shown = seen.map((one) => one.id);
        assert.equal(new Set(shown).size, shown.length);
        for (const id of [...ids, account.id]) assert.ok(shown.includes(id), `${id} is missing`);
        assert.deepEqual(
          seen.find((one) => one.id === account.id),
          await target.observeOne(ANN, signal()),
        );
        assert.deepEqual(
          seen.filter((one) => one.roles.size > 0).map((one) => one.id),
          [account.id],
        );
      },
    );

    story('every role is listed once, over many pages', async (stage, target) => {
      const made: string[] = [];
      for (let n = 0; n < 7; n += 1) made.push(await stage.addRole(`role ${n}, "quoted" *`));
      const roles = await all(target.roles(signal()));
      assert.deepEqual(roles.map((role) => role.id).toSorted(), made.toSorted());
    });

    story('a wildcard or a quote in a login finds nobody else', async (stage, target) => {
      await stage.addAccount({ login: 'carl@contract.example' });
      for (const login of ['c*@contract.example', '*', 'x" type:"user', 'carl@contract.example,']) {
        assert.equal(await target.observeOne({ person: 'p_x', login }, signal()), undefined, login);
      }
      const star = { ...PROFILE, login: 'c*l@contract.example', email: 'c*l@contract.example' };
      const made = await target.apply({ person: 'p_star', login: star.login }, creation(star), signal());
      assert.equal(made.account.profile.login, star.login);
      assert.equal((await stage.accounts()).length, 2);
    });

    story(
      'a creation without an answer is doubtful, and the account is then found by our mark',
      async (stage, target) => {
        stage.loseNextAnswer();
        const lost = create(target);
        await failure(lost, 'doubtful');
        const found = await target.observeOne(ANN, signal());
        assert.equal(found?.mark, ANN.person);
        const again = await create(target);
        assert.deepEqual([again.changed, again.account.id], [false, found.id]);
        await only(stage);
        const moved = { ...PROFILE, login: 'ann.moved@contract.example' };
        const elsewhere = await target.apply({ ...ANN, login: moved.login }, creation(moved), signal());
        assert.deepEqual([elsewhere.changed, elsewhere.account.id], [false, found.id]);
        await only(stage);
      },
    );

    story('our account is found by its mark when another hand took its former login', async (stage, target) => {
      const { account } = await create(target);
      const after = { ...PROFILE, login: 'ann.moved@contract.example', email: 'ann.moved@contract.example' };
      const update = change('update', 'account', { before: PROFILE, after });
      await target.apply({ ...ANN, accountId: account.id }, update, signal());
      await stage.addAccount({ login: ANN.login });
      const effects = stage.effects();
      assert.equal((await target.observeOne(ANN, signal()))?.id, account.id);
      assert.equal((await create(target)).account.id, account.id);
      assert.equal(stage.effects(), effects);
    });

    story('a grant without an answer is doubtful, and giving it again has no effect', async (stage, target) => {
      const { account } = await create(target);
      const role = await stage.addRole('reader');
      const before = stage.effects();
      stage.loseNextAnswer();
      const ref = { ...ANN, accountId: account.id };
      await failure(target.apply(ref, grant('reader', role), signal()), 'doubtful');
      assert.equal((await target.apply(ref, grant('reader', role), signal())).changed, false);
      assert.equal(stage.effects(), before + 1);
    });

    story('accounts that others manage, and those of administrators, are read-only', async (stage, target) => {
      const role = await stage.addRole('reader');
      const kinds = [{ managedBy: 'okta' }, { privileged: true }];
      for (const [n, kind] of kinds.entries()) {
        const login = `special${n}@contract.example`;
        const accountId = await stage.addAccount({ login, ...kind });
        const before = stage.effects();
        const ref = { person: 'p_special', login, accountId };
        const seen = await target.observeOne(ref, signal());
        assert.deepEqual([seen?.managedBy, seen?.privileged ?? false], [kind.managedBy, kind.privileged ?? false]);
        const after = { ...PROFILE, login };
        for (const one of [
          change('update', 'account', { after }),
          blocking,
          grant('reader', role),
          revoke('reader', role),
        ]) {
          const refusal = await failure(target.apply(ref, one, signal()), 'refused');
          assert.match(refusal.message, /read-only/);
        }
        assert.equal(stage.effects(), before);
      }
    });

    story('what the target can not do is refused without a call', async (stage, target) => {
      const { account } = await create(target);
      const before = stage.effects();
      const ref = { ...ANN, accountId: account.id };
      if (!target.can.aliases)
        await failure(
          target.apply(ref, change('alias', 'alias:linux', { after: { set: 'linux', username: 'ann' } }), signal()),
          'refused',
        );
      if (!target.can.endSessions)
        await failure(target.apply(ref, change('endSessions', 'account'), signal()), 'refused');
      await failure(target.apply(ref, change('adopt', 'account'), signal()), 'refused');
      assert.equal(stage.effects(), before);
    });

    story('an unreachable system is tried again, and the check says where it was looked for', async (stage) => {
      const target = stage.wrong.unreachable();
      try {
        const unreachable = await failure(target.check(signal()), 'retry');
        assert.match(unreachable.message, /cannot reach .*127\.0\.0\.1/);
        assert.ok(unreachable.remedy);
        await failure(create(target), 'retry');
        await failure(target.observeOne(ANN, signal()), 'retry');
        await failure(all(target.observe(signal())), 'retry');
      } finally {
        await target.close();
      }
      assert.equal(stage.effects(), 0);
    });

    story('a wrong key is broken, and says what to do', async (stage) => {
      const target = stage.wrong.key();
      try {
        const wrong = await failure(target.check(signal()), 'broken');
        assert.match(wrong.message, /wrong access or secret key/);
        assert.ok(wrong.remedy);
        await failure(create(target), 'broken');
      } finally {
        await target.close();
      }
      assert.equal(stage.effects(), 0);
    });

    story('a missing right is refused for one change, and named', async (stage) => {
      const target = await stage.wrong.rights();
      const before = stage.effects();
      try {
        const refusal = await failure(create(target), 'refused');
        assert.match(refusal.remedy ?? '', /permission/);
      } finally {
        await target.close();
      }
      assert.equal(stage.effects(), before);
    });

    story('a refusal for the rate says when to come back', async (stage, target) => {
      stage.throttle();
      const throttled = await failure(create(target), 'retry');
      const { verdict } = throttled;
      assert.ok(verdict.kind === 'retry' && verdict.afterMs !== undefined && verdict.afterMs > 0);
      assert.equal(stage.effects(), 0);
    });

    story('an abort ends every call with its own reason', async (stage, target) => {
      const reason = new Error('enough');
      const aborted = AbortSignal.abort(reason);
      for (const call of [
        () => target.check(aborted),
        () => target.observeOne(ANN, aborted),
        () => target.apply(ANN, creation(), aborted),
        () => all(target.observe(aborted)),
        () => all(target.roles(aborted)),
      ]) {
        await assert.rejects(call, (error) => error === reason);
      }
      assert.equal(stage.effects(), 0);
      for (let n = 0; n < 8; n += 1) await stage.addAccount({ login: `user${n}@contract.example` });
      const controller = new AbortController();
      const begun = target.observe(controller.signal)[Symbol.asyncIterator]();
      await begun.next();
      controller.abort(reason);
      const rest = async (): Promise<void> => {
        while (!(await begun.next()).done);
      };
      await assert.rejects(rest, (error) => error === reason);
    });

    story('closing ends calls that wait for an answer, and later ones fail as a Failure', async (stage, target) => {
      stage.stall();
      const begun = performance.now();
      const waiting = failure(target.observeOne(ANN, signal()), 'retry');
      await new Promise((resolve) => setTimeout(resolve, 100));
      await target.close();
      await waiting;
      assert.ok(performance.now() - begun < 5_000);
      await failure(create(target), 'retry');
      assert.equal(stage.effects(), 0);
    });
  });
}

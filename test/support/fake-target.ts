import type { Observed, Profile } from '../../src/model/accounts.ts';
import { itemRole } from '../../src/model/accounts.ts';
import { Failure, type Verdict } from '../../src/model/failure.ts';
import type { Change, Op } from '../../src/model/plan.ts';
import type { Capabilities, TargetRole } from '../../src/model/target.ts';
import type { AccountRef, Applied, Target } from '../../src/targets/target.ts';

interface FakeAccount {
  id: string;
  profile: Profile;
  active: boolean;
  roles: Set<string>;
  tags?: readonly string[];
  /** `set=username` of each. */
  aliases?: Set<string>;
  mark?: string;
}

/** One call of `apply` that reached the target. */
export interface Call {
  readonly op: Op;
  readonly item: string;
  readonly person: string;
  /** It changed something. */
  readonly effect: boolean;
}

export interface Trouble {
  /** Only calls for which this holds. */
  readonly when?: (change: Change, ref: AccountRef) => boolean;
  readonly verdict: Verdict;
  /** How many calls it hits; every one without it. */
  readonly times?: number;
  /** The change is made, and only then the failure thrown: a lost answer. */
  readonly after?: boolean;
}

/** A target in memory that speaks the Target contract, with ways to break it. */
export interface FakeTarget extends Target {
  readonly accounts: Map<string, FakeAccount>;
  readonly roleList: Map<string, TargetRole>;
  readonly calls: Call[];
  /** Makes `apply` fail from now on. */
  trouble(trouble: Trouble): void;
  /** Makes `check`, `observe` and `roles` fail with this, until undefined. */
  broken: Failure | undefined;
  /** Awaited within every `apply`, before anything is done. */
  gate: ((change: Change, ref: AccountRef) => Promise<void>) | undefined;
  /** Accounts by login, with the names of their roles: for comparing. */
  state(): Record<string, { active: boolean; roles: string[] }>;
  /** Aliases by login, of the accounts that have any. */
  aliases(): Record<string, string[]>;
}

const CAN: Capabilities = {
  block: true,
  roles: true,
  createRoles: true,
  aliases: false,
  endSessions: false,
  mark: true,
  requires: [],
};

export function fakeTarget(
  id: string,
  options: { roles?: readonly string[]; can?: Partial<Capabilities> } = {},
): FakeTarget {
  const accounts = new Map<string, FakeAccount>();
  const roleList = new Map<string, TargetRole>();
  for (const name of options.roles ?? []) roleList.set(`r-${name}`, { id: `r-${name}`, name });
  const troubles: Array<Trouble & { left: number }> = [];
  const calls: Call[] = [];
  let made = 0;

  const observed = (account: FakeAccount): Observed => ({
    id: account.id,
    profile: { ...account.profile },
    active: account.active,
    roles: new Set(account.roles),
    aliases: new Set(account.aliases),
    ...(account.tags === undefined ? {} : { tags: account.tags }),
    ...(account.mark === undefined ? {} : { mark: account.mark }),
  });
  const find = (ref: AccountRef): FakeAccount | undefined => {
    if (ref.accountId !== undefined) return accounts.get(ref.accountId);
    return [...accounts.values()].find(
      (a) => a.mark === ref.person || a.profile.login.toLowerCase() === ref.login.toLowerCase(),
    );
  };
  const must = (ref: AccountRef): FakeAccount => {
    const account = find(ref);
    if (account === undefined) throw new Failure({ kind: 'moved' }, 'the account is not there');
    return account;
  };

  const make = (ref: AccountRef, change: Change): { account: FakeAccount; effect: boolean; role?: TargetRole } => {
    if (change.op === 'create') {
      const there = find(ref);
      if (there !== undefined) {
        if (there.mark === ref.person) return { account: there, effect: false };
        throw new Failure({ kind: 'refused' }, 'an account with this login exists', {
          remedy: 'Adopt it or rename one.',
        });
      }
      made += 1;
      const account: FakeAccount = {
        id: `a-${made}`,
        profile: change.after as Profile,
        active: true,
        roles: new Set(),
        mark: ref.person,
      };
      accounts.set(account.id, account);
      return { account, effect: true };
    }
    const account = must(ref);
    switch (change.op) {
      case 'update': {
        const effect = JSON.stringify(account.profile) !== JSON.stringify(change.after);
        account.profile = change.after as Profile;
        return { account, effect };
      }
      case 'block':
      case 'enable': {
        const effect = account.active !== (change.op === 'enable');
        account.active = change.op === 'enable';
        return { account, effect };
      }
      case 'grant': {
        const role = roleOf(change);
        const effect = !account.roles.has(role.id);
        account.roles.add(role.id);
        return { account, effect, role };
      }
      case 'revoke': {
        const { roleId, role } = (change.before ?? change.after) as { roleId?: string; role: string };
        const id = roleId ?? [...roleList.values()].find((r) => r.name === role)?.id ?? '';
        return { account, effect: account.roles.delete(id) };
      }
      case 'alias': {
        if (!target.can.aliases) throw new Failure({ kind: 'refused' }, 'a fake target without aliases');
        const { set, username } = change.after as { set: string; username: string };
        const aliases = (account.aliases ??= new Set());
        const other = [...aliases].find((alias) => alias.startsWith(`${set}=`) && alias !== `${set}=${username}`);
        // As StrongDM does: an account has at most one alias in a set.
        if (other !== undefined) throw new Failure({ kind: 'refused' }, `the account has the alias ${other}`);
        const effect = !aliases.has(`${set}=${username}`);
        aliases.add(`${set}=${username}`);
        return { account, effect };
      }
      case 'unalias': {
        const { set, username } = change.before as { set: string; username: string };
        return { account, effect: account.aliases?.delete(`${set}=${username}`) === true };
      }
      default:
        throw new Failure({ kind: 'refused' }, `a fake target can't ${change.op}`);
    }
  };

  const roleOf = (change: Change): TargetRole => {
    const { roleId } = (change.after ?? {}) as { roleId?: string };
    const name = itemRole(change.item) ?? '';
    if (roleId !== undefined) {
      const role = roleList.get(roleId);
      if (role === undefined) throw new Failure({ kind: 'refused' }, `there is no role ${roleId}`);
      return role;
    }
    const role = [...roleList.values()].find((r) => r.name === name) ?? { id: `r-${name}`, name };
    roleList.set(role.id, role);
    return role;
  };

  const target: FakeTarget = {
    id,
    can: { ...CAN, ...options.can },
    accounts,
    roleList,
    calls,
    broken: undefined,
    gate: undefined,
    trouble: (trouble) => troubles.push({ ...trouble, left: trouble.times ?? Number.POSITIVE_INFINITY }),
    state: () =>
      Object.fromEntries(
        [...accounts.values()]
          .toSorted((a, b) => (a.profile.login < b.profile.login ? -1 : 1))
          .map((a) => [
            a.profile.login,
            { active: a.active, roles: [...a.roles].map((r) => roleList.get(r)?.name ?? r).toSorted() },
          ]),
      ),
    aliases: () =>
      Object.fromEntries(
        [...accounts.values()]
          .toSorted((a, b) => (a.profile.login < b.profile.login ? -1 : 1))
          .flatMap((a) => (a.aliases?.size ? [[a.profile.login, [...a.aliases].toSorted()]] : [])),
      ),
    check: async () => {
      if (target.broken !== undefined) throw target.broken;
    },
    observe: async function* observe() {
      if (target.broken !== undefined) throw target.broken;
      for (const account of accounts.values()) yield observed(account);
    },
    roles: async function* roles() {
      if (target.broken !== undefined) throw target.broken;
      yield* roleList.values();
    },
    observeOne: async (ref) => {
      const account = find(ref);
      return account === undefined ? undefined : observed(account);
    },
    apply: async (ref, change): Promise<Applied> => {
      await target.gate?.(change, ref);
      const trouble = troubles.find((t) => t.left > 0 && t.when?.(change, ref) !== false);
      if (trouble !== undefined) trouble.left -= 1;
      if (trouble !== undefined && trouble.after !== true)
        throw new Failure(trouble.verdict, 'trouble', { remedy: 'Wait.' });
      const { account, effect, role } = make(ref, change);
      calls.push({ op: change.op, item: change.item, person: ref.person, effect });
      if (trouble !== undefined) throw new Failure(trouble.verdict, 'the answer was lost');
      return { account: observed(account), answer: '200', changed: effect, ...(role === undefined ? {} : { role }) };
    },
    close: async () => undefined,
  };
  return target;
}

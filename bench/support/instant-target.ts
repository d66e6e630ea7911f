import type { Observed, Profile } from '../../src/model/accounts.ts';
import { Failure } from '../../src/model/failure.ts';
import type { Capabilities } from '../../src/model/target.ts';
import type { AccountRef, Applied, Target } from '../../src/targets/target.ts';

export const CAN: Capabilities = {
  block: true,
  roles: true,
  createRoles: true,
  aliases: false,
  endSessions: false,
  mark: true,
  requires: [],
};

export interface InstantTarget extends Target {
  /** Changes that were made. */
  readonly made: () => number;
}

/** A target that answers at once: what a step costs on it is our own. */
export function instantTarget(id: string, roles: readonly string[]): InstantTarget {
  const byId = new Map<string, Observed>();
  const byLogin = new Map<string, string>();
  let made = 0;
  const find = ({ accountId, login }: AccountRef): Observed | undefined =>
    byId.get(accountId ?? byLogin.get(login) ?? '');
  const change = (before: Observed, change: { op: string; item: string }): Observed => {
    const role = `r-${change.item.slice('role:'.length)}`;
    switch (change.op) {
      case 'grant':
        return { ...before, roles: new Set([...before.roles, role]) };
      case 'revoke':
        return { ...before, roles: new Set([...before.roles].filter((r) => r !== role)) };
      case 'block':
      case 'enable':
        return { ...before, active: change.op === 'enable' };
      default:
        throw new Failure({ kind: 'refused' }, `this target can't ${change.op}`);
    }
  };
  return {
    id,
    can: CAN,
    made: () => made,
    check: async () => undefined,
    observe: async function* observe() {
      yield* byId.values();
    },
    roles: async function* list() {
      for (const name of roles) yield { id: `r-${name}`, name };
    },
    observeOne: async (ref) => find(ref),
    apply: async (ref, asked): Promise<Applied> => {
      const before = find(ref);
      let account: Observed;
      if (asked.op === 'create') {
        const profile = asked.after as Profile;
        account = {
          id: `a-${byId.size}`,
          profile,
          active: true,
          roles: new Set(),
          aliases: new Set(),
          mark: ref.person,
        };
        byLogin.set(profile.login, account.id);
      } else if (before === undefined) throw new Failure({ kind: 'moved' }, 'the account is not there');
      else account = change(before, asked);
      byId.set(account.id, account);
      made += 1;
      return { account, answer: '200', changed: true };
    },
    close: async () => undefined,
  };
}

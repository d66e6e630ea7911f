import { isDeepStrictEqual } from 'node:util';
import { itemSet, type Observed } from '../model/accounts.ts';
import type { Change } from '../model/plan.ts';

/** A field of `before` or `after`, which are plain JSON. */
export function field(value: unknown, name: string): string | undefined {
  const found: unknown = typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
  return typeof found === 'string' ? found : undefined;
}

/**
 * Does the account show that the change was made? An account that we may have made is ours only by our mark: without
 * one it could be anybody's.
 */
export function shows(account: Observed, change: Change, person: string): boolean {
  switch (change.op) {
    case 'create':
      return account.mark === person;
    case 'update':
      return Object.entries(change.after ?? {}).every(([name, value]) =>
        isDeepStrictEqual(Reflect.get(account.profile, name), value),
      );
    case 'enable':
      return account.active;
    case 'block':
      return !account.active;
    case 'grant':
      return account.roles.has(field(change.after, 'roleId') ?? '');
    case 'revoke': {
      const role = field(change.before, 'roleId');
      return role !== undefined && !account.roles.has(role);
    }
    case 'alias':
      return account.aliases.has(`${itemSet(change.item)}=${field(change.after, 'username')}`);
    case 'unalias': {
      const username = field(change.before, 'username');
      return username !== undefined && !account.aliases.has(`${itemSet(change.item)}=${username}`);
    }
    case 'claim':
    case 'adopt':
    case 'endSessions':
    case 'destroy':
      return false;
  }
}

import type { State } from './state.ts';

/** A user of the simulated organisation as plain data, for tests, the demo and the eye. */
export interface SimUser {
  readonly id: string;
  readonly email: string;
  readonly firstName: string;
  readonly lastName: string;
  readonly level: string;
  readonly suspended: boolean;
  readonly managedBy: string;
  readonly tags: Readonly<Record<string, string>>;
  /** Names, sorted. */
  readonly roles: readonly string[];
}

export function usersOf(state: State): SimUser[] {
  const users: SimUser[] = [];
  for (const { item } of state.accounts.after(0)) {
    if (item.account.case !== 'user') continue;
    const user = item.account.value;
    users.push({
      id: user.id,
      email: user.email,
      firstName: user.firstName,
      lastName: user.lastName,
      level: user.permissionLevelRW,
      suspended: user.suspendedRO,
      managedBy: user.managedBy,
      tags: Object.fromEntries((user.tags?.pairs ?? []).map((pair) => [pair.name, pair.value])),
      roles: state.attachments
        .find('accountid', user.id)
        .map((attachment) => state.roles.get(attachment.roleId)?.name ?? attachment.roleId)
        .toSorted(),
    });
  }
  return users;
}

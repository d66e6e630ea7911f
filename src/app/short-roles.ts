import type { Settings } from '../model/settings.ts';
import { roleItem } from '../model/accounts.ts';
import type { OwnedCount } from '../store/guard.ts';

/** A role of which the settings say how many are to have it. */
export interface RoleMembers {
  readonly target: string;
  readonly role: string;
  /** To how many we gave it. */
  readonly members: number;
  readonly minMembers: number;
}

/** Every role with `minMembers`, with how many have it by the ledger. */
export function roleMembers(settings: Settings, owned: readonly OwnedCount[]): RoleMembers[] {
  return settings.targets.flatMap(({ id: target, roles = {} }) =>
    Object.entries(roles).flatMap(([role, { minMembers }]) => {
      if (minMembers === undefined) return [];
      const rows = owned.filter((row) => row.target === target && row.item === roleItem(role));
      return [{ target, role, members: rows.reduce((sum, row) => sum + row.n, 0), minMembers }];
    }),
  );
}

import { type LedgerRow, itemRole, roleItem } from '../model/accounts.ts';
import type { RoleLookup, TargetView } from '../model/planning.ts';
import type { Db } from '../store/db.ts';
import type { SeenOfPerson } from '../store/observations.ts';
import type { NamedRole } from '../store/roles.ts';
import type { StoreParts } from '../store/parts.ts';
import type { WantedPerson } from './ground.ts';

/** How the roles that these persons are wanted to have, or were given, or that the settings name, read at each target. */
export async function readRoles(
  store: StoreParts,
  db: Db,
  people: readonly WantedPerson[],
  ledger: ReadonlyMap<string, readonly LedgerRow[]>,
  targets: readonly TargetView[],
): Promise<(target: string) => RoleLookup> {
  const named = new Map<string, { target: string; name: string }>();
  const ask = (target: string, item: LedgerRow['item']) => {
    const name = itemRole(item);
    if (name !== undefined) named.set(`${target}\n${name}`, { target, name });
  };
  for (const { wanted } of people) {
    for (const [target, desired] of wanted.desired) for (const item of desired.items.keys()) ask(target, item);
    for (const [target, items] of wanted.undecided) for (const item of items) ask(target, item);
  }
  for (const rows of ledger.values()) for (const row of rows) ask(row.target, row.item);
  for (const { id, roles = {} } of targets) for (const role of Object.keys(roles)) ask(id, roleItem(role));
  const found = Map.groupBy(await store.roles.rolesNamed(db, [...named.values()]), (r) => `${r.target}\n${r.name}`);
  return (target) => (role) => lookup(found.get(`${target}\n${role}`));
}

function lookup(found: readonly NamedRole[] | undefined): ReturnType<RoleLookup> {
  const [only, ...more] = found ?? [];
  if (only === undefined) return 'missing';
  if (more.length > 0) return 'ambiguous';
  return {
    id: only.id,
    ...(only.managedBy === null ? {} : { managedBy: only.managedBy }),
    ...(only.now === only.name ? {} : { renamed: only.now }),
  };
}

/** Names of what leavers' accounts have, whoever gave it. */
export async function readRoleNames(
  store: StoreParts,
  db: Db,
  people: readonly WantedPerson[],
  accounts: readonly SeenOfPerson[],
): Promise<(target: string) => (id: string) => string | undefined> {
  const left = new Set(people.flatMap(({ person }) => (person.life === 'left' ? [person.id] : [])));
  const ids = accounts.flatMap(({ target, person, account }) =>
    left.has(person) ? [...account.roles].map((id) => ({ target, id })) : [],
  );
  const names = new Map((await store.roles.roleNames(db, ids)).map((r) => [`${r.target}\n${r.id}`, r.name]));
  return (target) => (id) => names.get(`${target}\n${id}`);
}

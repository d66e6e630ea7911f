import type { ScimClient, ToldUser } from '../e2e/support/scim.ts';
import type { Access } from '../e2e/support/strongdm.ts';

/** What a client has been told by acknowledged requests. */
export interface World {
  readonly users: ToldUser[];
  readonly groups: Readonly<Record<GroupName, { readonly id: string; readonly members: Set<ToldUser> }>>;
}
type GroupName = 'dba' | 'ops';
export type Action = () => Promise<void>;

/** Those who are there before the storm, with access that is complete when it begins. */
export async function joiners(client: ScimClient, count: number): Promise<World> {
  const [dba, ops] = [await client.createGroup('dba'), await client.createGroup('ops')];
  const users: ToldUser[] = [];
  for (let at = 0; at < count; at += 60) {
    const some = Array.from({ length: Math.min(60, count - at) }, (_, i) => at + i);
    const made = some.map((i) =>
      client.createUser(`old${i}@example.com`, { department: i % 5 === 0 ? 'SRE' : 'Sales' }),
    );
    users.push(...(await Promise.all(made)));
  }
  const world: World = {
    users,
    groups: { dba: { id: dba, members: new Set() }, ops: { id: ops, members: new Set() } },
  };
  const [some, third] = [users, users.filter((_, i) => i % 3 === 0)];
  if (some.length > 0) await join(client, world, 'dba', some);
  if (third.length > 0) await join(client, world, 'ops', third);
  return world;
}

async function join(client: ScimClient, world: World, group: GroupName, users: readonly ToldUser[]) {
  await client.patchMembers(world.groups[group].id, 'add', users);
  for (const user of users) world.groups[group].members.add(user);
}

async function part(client: ScimClient, world: World, group: GroupName, users: readonly ToldUser[]) {
  await client.patchMembers(world.groups[group].id, 'remove', users);
  for (const user of users) world.groups[group].members.delete(user);
}

/**
 * What is sent in the storm. At most one thing happens to each who was there before; the new ones are made, join a
 * group, and some are taken away again at once. `loose`: the new ones who were deactivated: what they have by then is
 * a matter of time, but they must not be able to sign in, and have no more than they were ever to get.
 */
export function storm(client: ScimClient, world: World, joining: number, random: () => number) {
  const loose = new Map<string, readonly string[]>();
  const olds = world.users.map((user, i): Action[] => {
    switch (i % 10) {
      case 0:
        return [() => client.patchUser(user, { active: false })];
      case 1:
        return [() => client.deleteUser(user)];
      case 2:
      case 3:
        return [() => part(client, world, 'dba', [user])];
      case 4:
        return [() => client.patchUser(user, { givenName: `Renamed${i}` })];
      case 5:
        return [() => client.patchUser(user, { department: i % 20 === 5 ? 'Sales' : 'SRE' })];
      case 6:
        return [() => client.patchUser(user, { active: false }), () => client.patchUser(user, { active: true })];
      case 7:
        return [() => part(client, world, 'dba', [user]), () => client.deleteUser(user)];
      default:
        return [];
    }
  });
  const news = Array.from({ length: joining }, (_, i): Action[] => {
    const userName = `new${i}@example.com`;
    let user: ToldUser;
    const group = i % 2 === 0 ? 'dba' : 'ops';
    const actions: Action[] = [
      async () => {
        user = await client.createUser(userName, { department: i % 7 === 0 ? 'SRE' : 'Sales' });
        world.users.push(user);
      },
      () => join(client, world, group, [user]),
    ];
    if (i % 9 === 4) actions.push(() => client.patchUser(user, { active: false }));
    if (i % 9 === 4) loose.set(userName, [group === 'dba' ? 'db' : 'prod', 'staging']);
    if (i % 9 === 7) actions.push(() => client.deleteUser(user));
    if (i % 9 === 7) loose.set(userName, []);
    return actions;
  });
  return { actions: shuffled([...olds, ...news], random), loose };
}

/** One line of them all, in a random order that keeps the order within each; each waits for the one before it. */
function shuffled(lists: readonly Action[][], random: () => number): Action[] {
  const open = lists.filter((list) => list.length > 0).map((list) => ({ list, at: 0, last: Promise.resolve() }));
  const line: Action[] = [];
  while (open.length > 0) {
    const index = Math.floor(random() * open.length);
    const one = open[index];
    const action = one?.list[one.at];
    if (one === undefined || action === undefined) {
      open.splice(index, 1);
      continue;
    }
    one.at += 1;
    line.push(() => (one.last = one.last.then(action)));
  }
  return line;
}

/** The rules of the scene, by hand. Who was never given anything has no account. */
export function expectedOf({ users, groups }: World): Map<string, Access> {
  const expected = new Map<string, Access>();
  for (const user of users) {
    const roles = [
      ...(groups.dba.members.has(user) ? ['db'] : []),
      ...(groups.ops.members.has(user) ? ['prod'] : []),
      ...(user.department === 'SRE' ? ['staging'] : []),
    ];
    const had = roles.length > 0 || user.userName.startsWith('old');
    if (had) expected.set(user.userName, { active: user.active && !user.deleted, roles: user.deleted ? [] : roles });
  }
  return expected;
}

/** A line for each of the loose who can still sign in or has too much. */
export function looseWrong(
  loose: ReadonlyMap<string, readonly string[]>,
  access: ReadonlyMap<string, Access>,
): string[] {
  return [...loose].flatMap(([login, allowed]) => {
    const found = access.get(login);
    if (found === undefined) return [];
    const more = found.roles.filter((role) => !allowed.includes(role));
    return [
      ...(found.active ? [`${login} can still sign in`] : []),
      ...(more.length > 0 ? [`${login} has too much: ${more.join(' ')}`] : []),
    ];
  });
}

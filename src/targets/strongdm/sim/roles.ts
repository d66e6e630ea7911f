import { clone } from '@bufbuild/protobuf';
import type { Role } from '../proto/sdm_pb.gen.ts';
import { Roles, RoleSchema } from '../proto/sdm_pb.gen.ts';
import { denied, invalid, notFound, taken } from './refusal.ts';
import type { Listing, Method, World } from './world.ts';
import { listPage, method, need } from './world.ts';

const listing = (world: World): Listing<Role> => ({
  name: 'roles',
  table: world.state.roles,
  fields: {
    id: (r) => [r.id],
    name: (r) => [r.name],
    managedby: (r) => [r.managedBy],
    accessrules: (r) => [r.accessRules],
  },
  tags: (r) => r.tags?.pairs ?? [],
  indexed: ['name'],
});

function theRole(world: World, id: string): Role {
  const found = world.state.roles.get(id);
  if (found === undefined) throw notFound(`no role ${id}`);
  return found;
}

/** Refuses what a role may not be. `except` is the role's own id on an update. */
function checkRole(world: World, role: Role, except: string): void {
  if (role.name === '') throw invalid('a role needs a name');
  if (role.accessRules !== '' && !isJsonArray(role.accessRules)) throw invalid('access_rules must be a JSON array');
  const holder = world.state.roles.find('name', role.name).find((other) => other.name === role.name);
  if (holder !== undefined && holder.id !== except) throw taken(`a role named ${role.name} exists already`);
}

function isJsonArray(text: string): boolean {
  try {
    return Array.isArray(JSON.parse(text));
  } catch {
    return false;
  }
}

export const roleMethods: readonly Method[] = [
  method(Roles.method.create, (request, world) => {
    need(world, 'role:create');
    if (request.role === undefined) throw invalid('role is missing');
    const item = Object.assign(clone(RoleSchema, request.role), { id: world.state.newId('r'), managedBy: '' });
    checkRole(world, item, item.id);
    world.state.commit([{ put: 'role', id: item.id, item }], [{ verb: 'role added', roleId: item.id }]);
    return { role: item };
  }),
  method(Roles.method.get, (request, world) => {
    need(world, 'role:list');
    return { role: theRole(world, request.id) };
  }),
  method(Roles.method.update, (request, world) => {
    need(world, 'role:update');
    if (request.role === undefined) throw invalid('role is missing');
    const old = theRole(world, request.role.id === '' ? request.id : request.role.id);
    const item = Object.assign(clone(RoleSchema, request.role), { id: old.id, managedBy: old.managedBy });
    checkRole(world, item, old.id);
    if (old.managedBy !== '' && item.name !== old.name) throw denied(`role ${old.id} is managed by ${old.managedBy}`);
    const rulesOnly = item.name === old.name && item.accessRules !== old.accessRules;
    const verb = rulesOnly ? 'access rules updated' : 'role updated';
    world.state.commit([{ put: 'role', id: item.id, item }], [{ verb, roleId: item.id }]);
    return { role: item };
  }),
  method(Roles.method.delete, (request, world) => {
    need(world, 'role:delete');
    const { id } = theRole(world, request.id);
    const attached = world.state.attachments.find('roleid', id);
    world.state.commit(
      [...attached.map((a) => ({ delete: 'attachment' as const, id: a.id })), { delete: 'role', id }],
      [
        ...attached.map((a) => ({ verb: 'user deleted from role', accountId: a.accountId, roleId: id })),
        { verb: 'role deleted', roleId: id },
      ],
    );
    return {};
  }),
  method(Roles.method.list, (request, world) => {
    need(world, 'role:list');
    const page = listPage(world, request, listing(world));
    return { meta: { nextCursor: page.nextCursor }, roles: page.items };
  }),
];

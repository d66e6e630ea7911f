import { clone } from '@bufbuild/protobuf';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import type { User } from '../proto/sdm_pb.gen.ts';
import { UserSchema } from '../proto/sdm_pb.gen.ts';
import { denied, invalid, notFound, taken } from './refusal.ts';
import type { World } from './world.ts';
import { need } from './world.ts';

const LEVELS = new Set(
  (
    'root-admin admin database-admin database-operator multi-team-leader user auditor relay admin-token scim-token ' +
    'servicenow-token service suspended'
  ).split(' '),
);
const ADMINISTRATORS = new Set(['root-admin', 'admin', 'database-admin']);

/** Refuses what a user may not be. `id` is its own, which may hold the address already. */
function checkUser(world: World, user: User): void {
  for (const [field, value] of [
    ['email', user.email],
    ['first_name', user.firstName],
    ['last_name', user.lastName],
  ] as const) {
    if (value.trim() === '') throw invalid(`a user needs ${field}`);
  }
  if (!LEVELS.has(user.permissionLevelRW)) throw invalid(`there is no permission level ${user.permissionLevelRW}`);
  if (user.managerId !== '' && world.state.accounts.get(user.managerId) === undefined) {
    throw notFound(`no account ${user.managerId}`);
  }
  const holders = world.state.accounts.find('email', user.email);
  if (holders.some((holder) => holder.account.value?.id !== user.id)) {
    throw taken(`the email ${user.email} is already in use`);
  }
}

/** Fields that only the service sets; what a request says of them is ignored. */
function readOnly(user: User, from: Pick<User, 'id' | 'managedBy' | 'SCIM'> & { createdAt?: User['createdAt'] }): User {
  user.id = from.id;
  user.managedBy = from.managedBy;
  user.SCIM = from.SCIM;
  if (from.createdAt === undefined) delete user.createdAt;
  else user.createdAt = from.createdAt;
  user.suspended = false;
  user.permissionLevel = '';
  user.resolvedManagerId = '';
  user.password = '';
  user.suspendedRO = user.permissionLevelRW === 'suspended';
  return user;
}

export function newUser(world: World, request: User): User {
  need(world, 'user:create');
  const user = clone(UserSchema, request);
  if (user.permissionLevelRW === '') user.permissionLevelRW = 'user';
  const id = world.state.newId('a');
  readOnly(user, { id, managedBy: '', SCIM: '', createdAt: timestampFromDate(world.now()) });
  checkUser(world, user);
  return user;
}

/** A user as it is after an update, and the verb for it. What the request lacks is cleared. */
export function changedUser(world: World, old: User, request: User): { user: User; verb: string } {
  const user = clone(UserSchema, request);
  if (user.permissionLevelRW === '') user.permissionLevelRW = old.permissionLevelRW;
  const suspends = user.permissionLevelRW === 'suspended' && !old.suspendedRO;
  const reinstates = user.permissionLevelRW !== 'suspended' && old.suspendedRO;
  need(world, suspends || reinstates ? 'user:suspend' : 'user:update');
  if (ADMINISTRATORS.has(old.permissionLevelRW)) need(world, 'user:update_admin');
  if (old.managedBy !== '') throw denied(`permission denied: user ${old.id} is managed by ${old.managedBy}`);
  readOnly(user, old);
  checkUser(world, user);
  return { user, verb: suspends ? 'user suspended' : reinstates ? 'user reinstated' : 'user updated' };
}

import { randomBytes } from 'node:crypto';
import type { MessageInitShape } from '@bufbuild/protobuf';
import { clone, create } from '@bufbuild/protobuf';
import { timestampFromDate, timestampFromMs } from '@bufbuild/protobuf/wkt';
import type { Account, AccountCreateResponseSchema, Service, Token } from '../proto/sdm_pb.gen.ts';
import { Accounts, AccountSchema, ServiceSchema, TokenSchema } from '../proto/sdm_pb.gen.ts';
import { accountFields } from './account-fields.ts';
import { invalid, notFound, taken, unimplemented } from './refusal.ts';
import type { Effect } from './state.ts';
import { accountId, accountTags } from './state.ts';
import { changedUser, newUser } from './users.ts';
import type { Listing, Method, World } from './world.ts';
import { listPage, method, need } from './world.ts';

const listing = (world: World): Listing<Account> => ({
  name: 'accounts',
  table: world.state.accounts,
  fields: accountFields,
  tags: accountTags,
  indexed: ['email', 'tag'],
});

function theAccount(world: World, id: string): Account {
  const found = world.state.accounts.get(id);
  if (found === undefined) throw notFound(`no account ${id}`);
  return found;
}

/** As it is shown: the manager is resolved on reading only. */
function shown(account: Account): Account {
  if (account.account.case !== 'user' || account.account.value.managerId === '') return account;
  const copy = clone(AccountSchema, account);
  if (copy.account.case === 'user') copy.account.value.resolvedManagerId = copy.account.value.managerId;
  return copy;
}

function checkName(world: World, kind: 'service' | 'token', id: string, name: string): void {
  if (name.trim() === '') throw invalid(`a ${kind} needs a name`);
  const holders = world.state.accounts.find('kindname', `${kind} ${name}`);
  if (holders.some((holder) => accountId(holder) !== id)) throw taken(`a ${kind} named ${name} exists already`);
}

type Made = MessageInitShape<typeof AccountCreateResponseSchema>;

function createUser(world: World, account: Account): Made {
  if (account.account.case !== 'user') throw invalid('not a user');
  const user = newUser(world, account.account.value);
  const item = Object.assign(clone(AccountSchema, account), { account: { case: 'user' as const, value: user } });
  world.state.commit([{ put: 'account', id: user.id, item }], [{ verb: 'user added', accountId: user.id }]);
  return { account: item };
}

function createService(world: World, service: Service): Made {
  need(world, 'user:create_service_account');
  const value = clone(ServiceSchema, service);
  value.id = world.state.newId('a');
  value.createdAt = timestampFromDate(world.now());
  checkName(world, 'service', value.id, value.name);
  const item = create(AccountSchema, { account: { case: 'service', value } });
  const verbs = ['service account created', 'user added'].map((verb) => ({ verb, accountId: value.id }));
  world.state.commit([{ put: 'account', id: value.id, item }], verbs);
  return { account: item, token: randomBytes(24).toString('hex') };
}

function createToken(world: World, token: Token): Made {
  need(world, 'user:create');
  if (token.accountType === '') throw invalid('a token needs account_type');
  const value = clone(TokenSchema, token);
  value.id = world.state.newId('a');
  value.suspended = false;
  value.createdAt = timestampFromDate(world.now());
  value.rekeyed = value.createdAt;
  if (value.duration !== undefined && value.duration.seconds > 0n) {
    value.deadline = timestampFromMs(world.now().getTime() + Number(value.duration.seconds) * 1000);
  }
  checkName(world, 'token', value.id, value.name);
  const item = create(AccountSchema, { account: { case: 'token', value } });
  const effects: Effect[] = [{ put: 'account', id: value.id, item }];
  const records = [{ verb: `${value.accountType} token created`, accountId: value.id }];
  if (value.accountType !== 'api') {
    world.state.commit(effects, records);
    return { account: item, token: randomBytes(24).toString('hex') };
  }
  const key = `auth-${randomBytes(8).toString('hex')}`;
  const secret = randomBytes(32).toString('base64');
  world.state.commit([...effects, { key, secret, account: value.id }], records);
  return { account: item, accessKey: key, secretKey: secret };
}

function updated(world: World, old: Account, request: Account): { item: Account; verb: string } {
  const item = clone(AccountSchema, request);
  const verb = 'user updated';
  if (old.account.case === 'user' && item.account.case === 'user') {
    const changed = changedUser(world, old.account.value, item.account.value);
    item.account.value = changed.user;
    return { item, verb: changed.verb };
  }
  need(world, 'user:update');
  if (old.account.case === 'service' && item.account.case === 'service') {
    const { id, createdAt } = old.account.value;
    Object.assign(item.account.value, { id, createdAt });
    checkName(world, 'service', id, item.account.value.name);
    return { item, verb };
  }
  if (old.account.case === 'token' && item.account.case === 'token') {
    const { name, tags } = item.account.value;
    const value = clone(TokenSchema, old.account.value);
    Object.assign(value, { name, tags });
    checkName(world, 'token', value.id, name);
    return { item: create(AccountSchema, { account: { case: 'token', value } }), verb };
  }
  throw invalid('an account can not become one of another kind');
}

export const accountMethods: readonly Method[] = [
  method(Accounts.method.create, (request, world) => {
    const { account } = request;
    if (account?.account.case === 'service') return createService(world, account.account.value);
    if (account?.account.case === 'token') return createToken(world, account.account.value);
    if (account?.account.case === 'user') return createUser(world, account);
    throw invalid('account is missing, or of a kind that is not known');
  }),
  method(Accounts.method.get, (request, world) => {
    need(world, 'user:list');
    const at = request.meta?.snapshotAt;
    if (at !== undefined && at.seconds !== 0n) throw unimplemented('snapshots are not simulated');
    return { account: shown(theAccount(world, request.id)) };
  }),
  method(Accounts.method.update, (request, world) => {
    if (request.account?.account.value === undefined) throw invalid('account is missing');
    const inner = accountId(request.account);
    const old = theAccount(world, inner === '' ? request.id : inner);
    const { item, verb } = updated(world, old, request.account);
    const id = accountId(old);
    world.state.commit([{ put: 'account', id, item }], [{ verb, accountId: id }]);
    return { account: shown(item) };
  }),
  method(Accounts.method.delete, (request, world) => {
    need(world, 'user:delete');
    const { id } = request;
    theAccount(world, id);
    const attached = world.state.attachments.find('accountid', id);
    world.state.commit(
      [...attached.map((a) => ({ delete: 'attachment' as const, id: a.id })), { delete: 'account', id }],
      [
        ...attached.map((a) => ({ verb: 'user deleted from role', accountId: id, roleId: a.roleId })),
        { verb: 'user deleted', accountId: id },
      ],
    );
    return {};
  }),
  method(Accounts.method.list, (request, world) => {
    need(world, 'user:list');
    const page = listPage(world, request, listing(world));
    return { meta: { nextCursor: page.nextCursor }, accounts: page.items.map(shown) };
  }),
];

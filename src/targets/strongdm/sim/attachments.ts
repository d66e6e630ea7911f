import { create } from '@bufbuild/protobuf';
import type { AccountAttachment } from '../proto/sdm_pb.gen.ts';
import { AccountAttachments, AccountAttachmentSchema } from '../proto/sdm_pb.gen.ts';
import { invalid, notFound, taken } from './refusal.ts';
import type { Listing, Method, World } from './world.ts';
import { listPage, method, need } from './world.ts';

const listing = (world: World): Listing<AccountAttachment> => ({
  name: 'attachments',
  table: world.state.attachments,
  fields: { id: (a) => [a.id], accountid: (a) => [a.accountId], roleid: (a) => [a.roleId] },
  indexed: ['accountid', 'roleid'],
});

function theAttachment(world: World, id: string): AccountAttachment {
  const found = world.state.attachments.get(id);
  if (found === undefined) throw notFound(`no account attachment ${id}`);
  return found;
}

export const attachmentMethods: readonly Method[] = [
  method(AccountAttachments.method.create, (request, world) => {
    need(world, 'user:assign');
    const { accountId = '', roleId = '' } = request.accountAttachment ?? {};
    if (accountId === '' || roleId === '') throw invalid('an attachment needs account_id and role_id');
    const { state } = world;
    if (state.accounts.get(accountId) === undefined) throw notFound(`no account ${accountId}`);
    if (state.roles.get(roleId) === undefined) throw notFound(`no role ${roleId}`);
    if (state.attachments.find('pair', `${accountId} ${roleId}`).length > 0) {
      throw taken(`account ${accountId} has role ${roleId} already`);
    }
    const item = create(AccountAttachmentSchema, { id: state.newId('aa'), accountId, roleId });
    state.commit([{ put: 'attachment', id: item.id, item }], [{ verb: 'user added to role', accountId, roleId }]);
    return { accountAttachment: item };
  }),
  method(AccountAttachments.method.get, (request, world) => {
    need(world, 'user:list');
    return { accountAttachment: theAttachment(world, request.id) };
  }),
  method(AccountAttachments.method.delete, (request, world) => {
    need(world, 'user:assign');
    const { id, accountId, roleId } = theAttachment(world, request.id);
    world.state.commit([{ delete: 'attachment', id }], [{ verb: 'user deleted from role', accountId, roleId }]);
    return {};
  }),
  method(AccountAttachments.method.list, (request, world) => {
    need(world, 'user:list');
    const page = listPage(world, request, listing(world));
    return { meta: { nextCursor: page.nextCursor }, accountAttachments: page.items };
  }),
];

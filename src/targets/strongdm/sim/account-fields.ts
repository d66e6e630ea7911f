import type { Timestamp } from '@bufbuild/protobuf/wkt';
import { timestampDate } from '@bufbuild/protobuf/wkt';
import type { Account, Token, User } from '../proto/sdm_pb.gen.ts';
import type { Fields } from './filter.ts';
import { accountId } from './state.ts';

const ofUser =
  (read: (user: User) => readonly string[]) =>
  ({ account }: Account): readonly string[] =>
    account.case === 'user' ? read(account.value) : [];
const ofToken =
  (read: (token: Token) => readonly string[]) =>
  ({ account }: Account): readonly string[] =>
    account.case === 'token' ? read(account.value) : [];
const time = (stamp: Timestamp | undefined): string[] =>
  stamp === undefined ? [] : [timestampDate(stamp).toISOString()];

/** Fields that filters of accounts may name. One that is another kind's simply does not match. */
export const accountFields: Fields<Account> = {
  id: (a) => [accountId(a)],
  type: (a) => (a.account.case === 'token' ? ['token', a.account.value.accountType] : [a.account.case ?? '']),
  email: ofUser((u) => [u.email]),
  firstname: ofUser((u) => [u.firstName]),
  lastname: ofUser((u) => [u.lastName]),
  externalid: ofUser((u) => [u.externalId]),
  employeenumber: ofUser((u) => [u.employeeNumber]),
  managedby: ofUser((u) => [u.managedBy]),
  managerid: ofUser((u) => [u.managerId]),
  resolvedmanagerid: ofUser((u) => [u.managerId]),
  permissionlevel: ofUser((u) => [u.permissionLevelRW]),
  permissionlevelrw: ofUser((u) => [u.permissionLevelRW]),
  suspendedro: ofUser((u) => [String(u.suspendedRO)]),
  scim: ofUser((u) => [u.SCIM]),
  suspended: (a) => {
    if (a.account.case === 'user') return [String(a.account.value.suspendedRO)];
    return a.account.value === undefined ? [] : [String(a.account.value.suspended)];
  },
  name: (a) => (a.account.case === 'service' || a.account.case === 'token' ? [a.account.value.name] : []),
  accounttype: ofToken((t) => [t.accountType]),
  permissions: ofToken((t) => t.permissions),
  rekeyed: ofToken((t) => time(t.rekeyed)),
  deadline: ofToken((t) => time(t.deadline)),
  duration: ofToken((t) => (t.duration === undefined ? [] : [`${t.duration.seconds}s`])),
  createdat: (a) => time(a.account.value?.createdAt),
};

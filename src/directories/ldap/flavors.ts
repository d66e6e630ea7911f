import type { ValueType } from './values.ts';

/** Where one of our attributes comes from: the first of these that has a value. */
export interface Mapped {
  readonly from: readonly string[];
  readonly type: ValueType;
  /** For rules, of an attribute that is not one of the standard ones. */
  readonly about?: string;
}

/** What says that somebody is disabled. A lock-out or a password that has expired never does. */
export type DisabledBy =
  | 'userAccountControl'
  | 'accountExpires'
  | 'nsAccountLock'
  | 'pwdAccountLockedTime'
  | 'shadowExpire'
  | { readonly attribute: string; readonly values: readonly string[] };

/** What a kind of server has by default. Everything but `anchor` and `changes` may be set otherwise. */
export interface Flavor {
  readonly about: string;
  /** The immutable id of an entry. */
  readonly anchor: { readonly attribute: string; readonly guid: boolean };
  /** How it is found what changed: AD's counter, OpenLDAP's change numbers, or the time of the last change. */
  readonly changes: 'usn' | 'csn' | 'time';
  readonly userFilter: string;
  readonly groupFilter: string;
  readonly userName: readonly string[];
  readonly groupName: readonly string[];
  /** Attributes of a group with names of its members. */
  readonly member: readonly string[];
  readonly disabled: readonly DisabledBy[];
  readonly attributes: Readonly<Record<string, Mapped>>;
}

const text = (...from: string[]): Mapped => ({ from, type: 'string' });

const DN: Mapped = { from: ['dn'], type: 'string', about: 'the distinguished name' };

const PERSON: Readonly<Record<string, Mapped>> = {
  dn: DN,
  displayName: text('displayName', 'cn'),
  email: text('mail'),
  givenName: text('givenName'),
  familyName: text('sn'),
  title: text('title'),
  userType: text('employeeType'),
  preferredLanguage: text('preferredLanguage'),
};

const UNIX: Readonly<Record<string, Mapped>> = {
  ...PERSON,
  employeeNumber: text('employeeNumber'),
  department: text('departmentNumber', 'ou'),
  organization: text('o'),
};

const GROUPS_OF_NAMES = '(|(objectClass=groupOfNames)(objectClass=groupOfUniqueNames))';

/** What servers have in common that follow RFC 4519 and inetOrgPerson. */
const NAMES = {
  groupFilter: GROUPS_OF_NAMES,
  userName: ['uid', 'mail', 'cn'],
  groupName: ['cn'],
  member: ['member', 'uniqueMember'],
  attributes: UNIX,
} as const;

export const FLAVORS = {
  ad: {
    about: 'Active Directory, Samba AD',
    anchor: { attribute: 'objectGUID', guid: true },
    changes: 'usn',
    // Accounts of people: no computers, no managed service accounts (they are computers to the schema), no trusts.
    userFilter: '(sAMAccountType=805306368)',
    // Security groups: a distribution list is often run by its members.
    groupFilter: '(&(objectCategory=group)(groupType:1.2.840.113556.1.4.803:=2147483648))',
    userName: ['userPrincipalName', 'sAMAccountName'],
    groupName: ['cn', 'sAMAccountName'],
    member: ['member'],
    disabled: ['userAccountControl', 'accountExpires'],
    attributes: {
      ...PERSON,
      employeeNumber: text('employeeID', 'employeeNumber'),
      department: text('department'),
      organization: text('company'),
      division: text('division'),
      manager: text('manager'),
      samAccountName: { ...text('sAMAccountName'), about: 'sign-in name of before Windows 2000' },
      accountExpires: { from: ['accountExpires'], type: 'filetime', about: 'when the account ends; none if never' },
    },
  },
  openldap: {
    about: 'OpenLDAP',
    anchor: { attribute: 'entryUUID', guid: false },
    changes: 'csn',
    userFilter: '(objectClass=inetOrgPerson)',
    ...NAMES,
    disabled: ['pwdAccountLockedTime'],
  },
  '389ds': {
    about: '389 Directory Server, Red Hat Directory Server, FreeIPA',
    anchor: { attribute: 'nsUniqueId', guid: false },
    changes: 'time',
    userFilter: '(objectClass=inetOrgPerson)',
    ...NAMES,
    disabled: ['nsAccountLock'],
  },
  generic: {
    about: 'any other server with entryUUID (RFC 4530)',
    anchor: { attribute: 'entryUUID', guid: false },
    changes: 'time',
    userFilter: '(objectClass=person)',
    ...NAMES,
    disabled: [],
  },
} as const satisfies Readonly<Record<string, Flavor>>;

export type FlavorName = keyof typeof FLAVORS;

/** OpenLDAP's placeholder in groups that must not be empty. */
export const PLACEHOLDER = /^cn=nobody(,|$)/i;

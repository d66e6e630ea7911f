/** People and groups in a real OpenLDAP, for tests. */
import type { SourceSettings } from '../../../src/model/settings.ts';
import { type Slapd, SUFFIX } from '../../services/slapd.ts';

export const PEOPLE = `ou=People,${SUFFIX}`;
export const GROUPS = `ou=Groups,${SUFFIX}`;
export const NOBODY = `cn=nobody,${SUFFIX}`;

/** A value within a distinguished name (RFC 4514 2.4). */
export const rdnValue = (text: string): string => text.replace(/[\\,+"<>;=]/g, '\\$&').replace(/^[ #]| $/g, '\\$&');

export const userDn = (name: string, below = PEOPLE): string => `uid=${rdnValue(name)},${below}`;
export const groupDn = (name: string, below = GROUPS): string => `cn=${rdnValue(name)},${below}`;

export async function addUser(
  { writer }: Slapd,
  name: string,
  more: Readonly<Record<string, ReadonlyArray<string | Buffer>>> = {},
  below = PEOPLE,
): Promise<string> {
  const dn = userDn(name, below);
  await writer.add(dn, { objectClass: ['inetOrgPerson'], uid: [name], cn: [`The ${name}`], sn: [name], ...more });
  return writer.get(dn, 'entryUUID');
}

export async function addGroup(
  { writer }: Slapd,
  name: string,
  members: readonly string[],
  below = GROUPS,
): Promise<string> {
  const dn = groupDn(name, below);
  await writer.add(dn, {
    objectClass: ['groupOfNames'],
    cn: [name],
    member: members.length === 0 ? [NOBODY] : members,
  });
  return writer.get(dn, 'entryUUID');
}

export const sourceSettings = (slapd: Slapd, options: Readonly<Record<string, unknown>> = {}): SourceSettings => ({
  id: 'corp',
  type: 'ldap',
  options: {
    flavor: 'openldap',
    url: slapd.url,
    bindDn: slapd.reader.dn,
    password: slapd.reader.password,
    base: SUFFIX,
    ...options,
  },
});

import { SUFFIX } from '../../test/services/slapd.ts';

const DEPARTMENTS = ['SRE', 'Platform', 'Sales', 'Finance', 'Support', 'Forschung & Entwicklung', 'Legal', 'Marketing'];

export const userDn = (n: number): string => `uid=user${n},ou=People,${SUFFIX}`;

/** So many users of some 16 attributes, and groups with so many memberships in all, as records of LDIF. */
export function companyLdif(users: number, groups: number, memberships: number): string {
  const parts: string[] = [];
  for (let n = 0; n < users; n++) {
    const department = DEPARTMENTS[n % DEPARTMENTS.length];
    parts.push(`dn: ${userDn(n)}
objectClass: inetOrgPerson
uid: user${n}
cn: User Number ${n}
sn: Number${n}
givenName: User
displayName: User Number ${n} (${department})
mail: user${n}@example.com
title: Engineer
departmentNumber: ${department}
employeeNumber: ${100_000 + n}
employeeType: Staff
o: Example
l: Basel
telephoneNumber: +41 61 ${1_000_000 + n}
preferredLanguage: de
description: An entry that is as long as those of people are
`);
  }
  const each = Math.floor(memberships / groups);
  for (let g = 0; g < groups; g++) {
    const members = Array.from({ length: each }, (_, i) => `member: ${userDn((g * 37 + i * 101) % users)}`);
    parts.push(`dn: cn=group${g},ou=Groups,${SUFFIX}
objectClass: groupOfNames
cn: group${g}
${[...new Set(members)].join('\n')}
`);
  }
  return parts.join('\n');
}

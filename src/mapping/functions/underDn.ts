import { parseDn, sameName } from './dn.ts';
import type { PatternFunction } from './function.ts';

export const underDn: PatternFunction = {
  name: 'underDn',
  signature: 'string.underDn(string): bool',
  about:
    'Is this the distinguished name of the given entry, or of one below it? Compared part by part, without regard to case, blanks and escapes. The base is a literal. False when the text is no distinguished name.',
  takes: 'DN',
  hint: 'write it as in "OU=Staff,DC=example,DC=com"',
  examples: [
    { expression: '"CN=Ann,OU=Staff,DC=example,DC=com".underDn("ou=staff, dc=example, dc=com")', gives: true },
    { expression: '"OU=Staff,DC=example,DC=com".underDn("OU=Staff,DC=example,DC=com")', gives: true },
    { expression: '"CN=Ann,OU=NotStaff,DC=example,DC=com".underDn("OU=Staff,DC=example,DC=com")', gives: false },
    { expression: '"CN=a\\\\,OU=Staff,DC=example,DC=com".underDn("OU=Staff,DC=example,DC=com")', gives: false },
    { expression: '"Ann".underDn("DC=com")', gives: false },
  ],
  compile(literal) {
    const base = parseDn(literal);
    if (base === undefined || base.length === 0) throw new Error('it is no distinguished name');
    return (text) => {
      const dn = parseDn(text);
      if (dn === undefined || dn.length < base.length) return false;
      const above = dn.slice(dn.length - base.length);
      return base.every((name, i) => sameName(name, above[i] ?? []));
    };
  },
};

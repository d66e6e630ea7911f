import { parseDn } from './dn.ts';
import type { ValueFunction } from './function.ts';

export const rdn: ValueFunction = {
  name: 'rdn',
  signature: 'string.rdn(): string',
  about:
    'The value of the first part of a distinguished name, without its escapes; none when it is no distinguished name.',
  examples: [
    { expression: '"CN=DBA,OU=Groups,DC=example,DC=com".rdn()', gives: 'DBA' },
    { expression: '"CN=Lee\\\\, Ann,OU=x".rdn()', gives: 'Lee, Ann' },
    { expression: '"cn=J\\\\C3\\\\B8rn,dc=x".rdn()', gives: 'Jørn' },
    { expression: '"DBA".rdn()', gives: undefined },
  ],
  call(text: string) {
    const value = parseDn(text)?.[0]?.[0]?.value;
    return value === '' ? undefined : value;
  },
};

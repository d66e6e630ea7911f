import type { ValueFunction } from './function.ts';

export const localPart: ValueFunction = {
  name: 'localPart',
  signature: 'string.localPart(): string',
  about: 'What stands before the last @ of an e-mail address; none when there is no @ or nothing before it.',
  examples: [
    { expression: '"Ann.Lee@example.com".localPart()', gives: 'Ann.Lee' },
    { expression: '"\\"a@b\\"@example.com".localPart()', gives: '"a@b"' },
    { expression: '"ann".localPart()', gives: undefined },
    { expression: '"@example.com".localPart()', gives: undefined },
  ],
  call(text: string) {
    const at = text.lastIndexOf('@');
    return at > 0 ? text.slice(0, at) : undefined;
  },
};

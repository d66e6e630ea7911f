import type { ValueFunction } from './function.ts';

export const domain: ValueFunction = {
  name: 'domain',
  signature: 'string.domain(): string',
  about: 'What stands after the last @ of an e-mail address, in ASCII lower case; none when there is nothing.',
  examples: [
    { expression: '"ann@Example.COM".domain()', gives: 'example.com' },
    { expression: '"ann".domain()', gives: undefined },
    { expression: '"ann@".domain()', gives: undefined },
  ],
  call(text: string) {
    const at = text.lastIndexOf('@');
    const name = text.slice(at + 1).replace(/[A-Z]/g, (c) => c.toLowerCase());
    return at < 0 || name === '' ? undefined : name;
  },
};

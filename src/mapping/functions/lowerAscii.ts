import type { ValueFunction } from './function.ts';

/**
 * Takes the place of the engine's own, which lowers all of Unicode: the Kelvin sign would become a plain `k`, and so
 * one person's login another's.
 */
export const lowerAscii: ValueFunction = {
  name: 'lowerAscii',
  signature: 'string.lowerAscii(): string',
  about: 'A to Z become a to z; every other character stays.',
  examples: [
    { expression: '"Ann.LEE".lowerAscii()', gives: 'ann.lee' },
    { expression: '"ÄB\\u212A".lowerAscii()', gives: 'Äb\u212A' },
  ],
  call: (text: string) => text.replace(/[A-Z]+/g, (c) => c.toLowerCase()),
};

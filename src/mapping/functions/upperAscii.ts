import type { ValueFunction } from './function.ts';

/** Takes the place of the engine's own, which raises all of Unicode (`ß` would become `SS`). */
export const upperAscii: ValueFunction = {
  name: 'upperAscii',
  signature: 'string.upperAscii(): string',
  about: 'a to z become A to Z; every other character stays.',
  examples: [
    { expression: '"ann".upperAscii()', gives: 'ANN' },
    { expression: '"straße".upperAscii()', gives: 'STRAßE' },
  ],
  call: (text: string) => text.replace(/[a-z]+/g, (c) => c.toUpperCase()),
};

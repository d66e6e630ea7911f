import type { ValueFunction } from './function.ts';

export const replace: ValueFunction = {
  name: 'replace',
  signature: 'string.replace(string, string): string',
  about: 'Every occurrence of the first text replaced by the second. Plain text, no patterns.',
  examples: [
    { expression: '"a.b.c".replace(".", "-")', gives: 'a-b-c' },
    { expression: '"a b".replace(" ", "")', gives: 'ab' },
    { expression: '"cost".replace("o", "$&")', gives: 'c$&st' },
  ],
  call: (text: string, from: string, to: string) => (from === '' ? text : text.split(from).join(to)),
};

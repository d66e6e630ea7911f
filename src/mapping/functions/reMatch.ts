import { RE2JS } from 're2js';
import type { PatternFunction } from './function.ts';

export const reMatch: PatternFunction = {
  name: 'reMatch',
  signature: 'string.reMatch(string): bool',
  about:
    'Does the pattern (RE2, linear time) occur in the text? `^` and `$` tie it to the ends. The pattern is a literal.',
  takes: 'pattern',
  hint: 'RE2 syntax: no look-around, no back-references',
  examples: [
    { expression: '"prod-db-7".reMatch("^prod-.*-[0-9]+$")', gives: true },
    { expression: '"a prod-db".reMatch("prod")', gives: true },
    { expression: '"dev".reMatch("^prod")', gives: false },
  ],
  compile(pattern) {
    const compiled = RE2JS.compile(pattern);
    return (text) => compiled.matcher(text).find();
  },
};

import { RE2JS } from 're2js';
import type { PatternFunction } from './function.ts';

export const reCapture: PatternFunction = {
  name: 'reCapture',
  signature: 'string.reCapture(string): string',
  about:
    'What the first group of the pattern (RE2, linear time) caught, the whole match without a group; none when nothing matches.',
  takes: 'pattern',
  hint: 'RE2 syntax: no look-around, no back-references',
  examples: [
    { expression: '"CN=team-red,OU=x".reCapture("CN=team-([a-z]+)")', gives: 'red' },
    { expression: '"cost 4711".reCapture("[0-9]+")', gives: '4711' },
    { expression: '"none here".reCapture("[0-9]+")', gives: undefined },
  ],
  compile(pattern) {
    const compiled = RE2JS.compile(pattern);
    return (text) => {
      const matcher = compiled.matcher(text);
      if (!matcher.find()) return undefined;
      return matcher.group(compiled.groupCount() > 0 ? 1 : 0) ?? undefined;
    };
  },
};

import type { Fault } from './types.ts';
import { didYouMean, suggest } from '../../model/suggest.ts';

/** Why an evaluation came to nothing, by the library's code. `none`: what it rests on was delivered empty. */
export const REASONS: Readonly<Record<string, string>> & { readonly none: string } = {
  none: 'it comes to none: what it rests on is empty',
  index_out_of_bounds: 'an index is out of range',
  no_such_key: 'an index is out of range',
  index_out_of_range: 'an index is out of range',
  invalid_timestamp: 'a text is not a time in ISO 8601 format',
  numeric_overflow: 'a number is too large',
  int_conversion_error: 'a text is not a number',
  double_conversion_error: 'a text is not a number',
  bool_conversion_error: 'a text is neither true nor false',
};

interface LibraryError {
  readonly code?: string;
  readonly summary?: string;
  readonly range?: { readonly start: number; readonly end: number };
}

/** A parse or type error of the library in our words, with what was probably meant. */
export function faultOf(error: unknown, text: string, methods: readonly string[]): Fault {
  if (error instanceof RangeError) return { message: 'the expression nests too deep', start: 0, end: text.length };
  const { code, summary, range } = (typeof error === 'object' && error !== null ? error : {}) as LibraryError;
  const start = Math.min(range?.start ?? 0, text.length);
  const end = Math.min(range?.end ?? text.length, text.length);
  const said = (summary ?? 'it can not be read').replaceAll('google.protobuf.Timestamp', 'timestamp');
  switch (code) {
    case 'unknown_variable':
      return unknownVariable(text.slice(start, end), start, end);
    case 'no_matching_overload':
      return noMethod(said, text, start, end, methods);
    case 'no_such_overload':
      return { message: said.replace(/^no such overload: /, 'types do not fit: '), start, end };
    case 'limit_exceeded':
      return { message: `the expression is too large: ${said}`, remedy: 'split the rule into several', start, end };
    case 'unexpected_token':
      return { message: said.replace(/^Unexpected token: EOF$/, 'the expression ends too early'), start, end };
    default:
      return { message: said.charAt(0).toLowerCase() + said.slice(1), start, end };
  }
}

function unknownVariable(name: string, start: number, end: number): Fault {
  const near = suggest(name, ['user', 'now']);
  const remedy = near === undefined ? `attributes are written user.${name}` : `did you mean \`${near}\`?`;
  return { message: `nothing is called \`${name}\``, remedy, start, end };
}

/** `found no matching overload for 'string.foo()'`: the caret goes to the name. */
function noMethod(said: string, text: string, start: number, end: number, methods: readonly string[]): Fault {
  const signature = /'(.*)'/.exec(said)?.[1] ?? '';
  const name = /([A-Za-z_]\w*)\(/.exec(signature)?.[1] ?? signature;
  const found = [...text.slice(start, end).matchAll(/([A-Za-z_]\w*)\s*\(/g)].findLast((m) => m[1] === name);
  const at = found === undefined ? start : start + found.index;
  if (methods.includes(name)) return { message: `\`${name}\` can not be used like this: ${signature}`, start: at, end };
  const remedy = didYouMean(name, methods);
  return { message: `there is no function \`${name}\``, ...(remedy !== undefined && { remedy }), start: at, end };
}

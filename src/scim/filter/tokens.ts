import { badRequest, shorten } from '../errors.ts';

export type Token =
  | { readonly type: 'word'; readonly text: string; readonly at: number }
  | { readonly type: 'string'; readonly text: string; readonly at: number }
  | { readonly type: '(' | ')' | '[' | ']' | '.'; readonly text: string; readonly at: number };

/** Longest filter that is read, in characters. */
export const MAX_FILTER_LENGTH = 8192;

const PUNCTUATION = new Set(['(', ')', '[', ']']);
const isBlank = (c: string): boolean => c === ' ' || c === '\t' || c === '\n' || c === '\r';

/** Cuts a filter into tokens, in one pass. Throws 400 invalidFilter. */
export function tokenize(filter: string): Token[] {
  if (filter.length > MAX_FILTER_LENGTH) {
    throw badRequest('invalidFilter', `The filter is longer than ${MAX_FILTER_LENGTH} characters.`);
  }
  const tokens: Token[] = [];
  let at = 0;
  while (at < filter.length) {
    const c = filter.charAt(at);
    if (isBlank(c)) at++;
    else if (PUNCTUATION.has(c)) {
      tokens.push({ type: c as '(', text: c, at: at++ });
      // `emails[…].value`: the dot that follows a bracket stands by itself.
      if (c === ']' && filter[at] === '.') tokens.push({ type: '.', text: '.', at: at++ });
    } else if (c === '"') {
      const end = endOfString(filter, at);
      tokens.push({ type: 'string', text: unquote(filter.slice(at, end), at), at });
      at = end;
    } else {
      const end = endOfWord(filter, at);
      tokens.push({ type: 'word', text: filter.slice(at, end), at });
      at = end;
    }
  }
  return tokens;
}

function endOfString(text: string, start: number): number {
  for (let i = start + 1; i < text.length; i++) {
    if (text[i] === '\\') i++;
    else if (text[i] === '"') return i + 1;
  }
  throw badRequest('invalidFilter', `The string that begins at character ${start + 1} of the filter has no end.`);
}

function endOfWord(text: string, start: number): number {
  let i = start;
  while (i < text.length && !isBlank(text.charAt(i)) && !PUNCTUATION.has(text.charAt(i)) && text[i] !== '"') i++;
  return i;
}

/** Values of filters are JSON strings (RFC 7644 3.4.2.2). */
function unquote(quoted: string, at: number): string {
  try {
    return JSON.parse(quoted) as string;
  } catch {
    throw badRequest(
      'invalidFilter',
      `Character ${at + 1} of the filter begins ${shorten(quoted)}: not a JSON string.`,
    );
  }
}

import { suggest } from '../model/suggest.ts';
import { CommandError, EXIT } from './exit.ts';

/** One part of a `--filter`: a field and what it must look like. */
export interface Term {
  readonly field: string;
  readonly value: string;
}

/**
 * Reads `field:value` parts; blanks between them mean AND, `*` stands for any run of characters, a value with blanks
 * stands in double quotes. Throws a CommandError (exit 2) that names the fields.
 */
export function parseFilter(text: string | undefined, fields: readonly string[]): Term[] {
  if (text === undefined || text.trim() === '') return [];
  const parts = text.match(/(?:[^\s"]|"[^"]*"?)+/g) ?? [];
  return parts.map((part) => {
    const colon = part.indexOf(':');
    const field = colon < 0 ? part : part.slice(0, colon);
    if (colon < 1 || !fields.includes(field)) {
      const near = suggest(field, fields);
      throw new CommandError(EXIT.usage, `--filter: "${part}" is not of the form field:value with a known field`, {
        remedy: `${near === undefined ? '' : `Did you mean ${near}:? `}Fields: ${fields.join(', ')}.`,
      });
    }
    return { field, value: part.slice(colon + 1).replaceAll('"', '') };
  });
}

/** Does a value match, whatever its case? */
export function matches(term: Term, value: string | null | undefined): boolean {
  return pattern(term.value).test(value ?? '');
}

function pattern(value: string): RegExp {
  const literal = value.split('*').map((piece) => piece.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&'));
  return new RegExp(`^${literal.join('.*')}$`, 'isu');
}

/** The value as an SQL `like` pattern. */
export function likePattern(value: string): string {
  return value.replace(/[\\%_]/g, '\\$&').replaceAll('*', '%');
}

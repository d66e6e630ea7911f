import type { Evidence } from '../model/facts.ts';
import type { Change } from '../model/plan.ts';
import { clean, MARKS, reason, saying } from '../plan/words.ts';

/** Columns that line up, each as wide as its widest cell; the last one is left as it is. No trailing blanks. */
export function table(head: readonly string[], rows: ReadonlyArray<readonly string[]>): string {
  const all = [head, ...rows.map((row) => row.map(clean))];
  const widths = head.map((_, column) => Math.max(...all.map((row) => width(row[column] ?? ''))));
  return all
    .map((row) =>
      row
        .map((cell, column) => cell + ' '.repeat((widths[column] ?? 0) - width(cell)))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** Characters that people see as one count one. */
const width = (text: string): number => [...text].length;

/** At most `length` characters; what is cut off shows as an ellipsis. */
export function clip(text: string, length: number): string {
  const characters = [...text];
  return characters.length <= length ? text : `${characters.slice(0, length - 1).join('')}…`;
}

/** `2026-11-24 10:15` in UTC; a dash for none. */
export function when(date: Date | string | null | undefined): string {
  if (date === null || date === undefined) return '-';
  return new Date(date).toISOString().slice(0, 16).replace('T', ' ');
}

/** Every line of a text indented. */
export function indent(text: string, by: number): string {
  return text.replace(/^(?=.)/gm, ' '.repeat(by));
}

/** Text wrapped between words. */
export function wrap(text: string, columns: number): string {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last === undefined || last.length + 1 + word.length > columns) lines.push(word);
    else lines[lines.length - 1] = `${last} ${word}`;
  }
  return lines.join('\n');
}

export const plural = (count: number, one: string, many = `${one}s`): string => `${count} ${count === 1 ? one : many}`;

/** One change in a few words, as plans show it. */
export function changeText(change: Change): string {
  const why = reason(change);
  return `${MARKS[change.op]} ${saying(change)}${why === '' ? '' : ` (${why})`}`;
}

/** Text for a terminal: names come from directories, and no control character of theirs may reach it. */
export function printable(text: string): string {
  return text.split('\n').map(clean).join('\n');
}

/** `1 234 567` */
export const numberText = (n: number): string => String(n).replace(/\B(?=(\d{3})+$)/g, ' ');

/** `12.3 MB`: powers of 1000. */
export function bytesText(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  const power = Math.min(units.length - 1, Math.floor(Math.log10(Math.max(1, bytes)) / 3));
  return `${power === 0 ? bytes : (bytes / 1000 ** power).toFixed(1)} ${units[power]}`;
}

/** What a source last said of a person, in a word or two. */
export function recordState(record: {
  readonly active: boolean;
  readonly gone?: Evidence | undefined;
  readonly missing?: Evidence | undefined;
  readonly secondary?: true | undefined;
  readonly dormant?: true | undefined;
}): string {
  const { active, gone, missing, secondary, dormant } = record;
  if (secondary === true) return `secondary, ${recordState({ active, gone, missing })}`;
  if (gone !== undefined) return gone === 'explicit' ? 'deleted (explicit)' : `gone (${gone})`;
  if (missing !== undefined) return `missing (${missing})`;
  return active ? 'active' : dormant === true ? 'disabled (dormant)' : 'disabled';
}

/** Which rules, in a few words: digest of their meaning, and the commit where it is known. */
export function rulesText(revision: string, commit: string | null | undefined): string {
  const of = commit == null ? '' : `, commit ${commit.replace(/^([0-9a-f]{12})[0-9a-f]{28,52}(?![0-9a-f])/, '$1')}`;
  return `rules ${revision.slice(0, 12)}${of}`;
}

import { isMap, isPair, isScalar, isSeq, LineCounter, parseDocument, type Document, type Node, type Pair } from 'yaml';
import type { Place, Problem } from '../model/rules.ts';

export type Path = ReadonlyArray<string | number>;

/** A settings file that knows where each of its values stands. */
export interface SettingsDocument {
  readonly file: string;
  /** Plain values, references not yet resolved. */
  readonly value: unknown;
  /** Mistakes of YAML itself. With any of these the value is not to be used. */
  readonly problems: readonly Problem[];
  /** Where the value at `path` stands; where it is missing, the key of the nearest thing around it. */
  place(path: Path): Place;
  /** Where the key at the end of `path` stands. */
  keyPlace(path: Path): Place;
  /** The line at a place with a caret below. Values in `hidden` show as stars. */
  excerpt(place: Place, hidden?: readonly string[]): string;
}

/** Largest settings file, in characters. */
export const MAX_FILE = 1_000_000;
/** Deepest nesting of maps and lists. */
export const MAX_DEPTH = 20;

/** Reads YAML. Size, nesting and aliases are bounded, duplicate keys are mistakes. */
export function readDocument(file: string, text: string): SettingsDocument {
  if (text.length <= MAX_FILE) {
    try {
      return parse(file, text);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      return refused(file, ...TOO_DEEP);
    }
  }
  const message = `the file has ${text.length} characters, more than ${MAX_FILE}`;
  return refused(file, message, 'Is it the right one? Rules and data have files of their own.');
}

const RAN_OUT = /maximum call stack/i;
const TOO_DEEP = ['the file nests too deep to be read', 'Settings need no more than five levels.'] as const;

/** A document that is not looked into. */
function refused(file: string, message: string, remedy: string): SettingsDocument {
  const place = { file, line: 1, column: 1 };
  return {
    file,
    value: undefined,
    problems: [{ severity: 'error', place, message, remedy }],
    place: () => place,
    keyPlace: () => place,
    excerpt: () => '',
  };
}

function parse(file: string, text: string): SettingsDocument {
  const lines = new LineCounter();
  const doc = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: true, version: '1.2' });
  const source = text.split(/\r?\n/);
  const at = (offset: number): Place => {
    const { line, col } = lines.linePos(offset);
    return { file, line: Math.max(1, line), column: Math.max(1, col) };
  };
  const excerpt = (place: Place, hidden: readonly string[] = []): string => {
    let line = source[place.line - 1] ?? '';
    for (const value of hidden) line = line.replaceAll(value, '*'.repeat(value.length));
    return window(line.replaceAll('\t', ' '), place.column);
  };
  const problems = [...doc.errors, ...doc.warnings].map((error): Problem => {
    const place = at(error.pos[0]);
    return { severity: 'error', place, message: said(error.code, error.message), excerpt: excerpt(place) };
  });
  const { value, problem } = plainValue(doc, at(0));
  if (problem !== undefined) problems.push(problem);
  return {
    file,
    value,
    problems,
    place: (path) => at(offsetOf(doc, path)),
    keyPlace: (path) => at(keyOffset(doc, path) ?? offsetOf(doc, path)),
    excerpt,
  };
}

function plainValue(doc: Document.Parsed, place: Place): { value: unknown; problem?: Problem } {
  // The reader notes it as an error of the file, once for each level.
  if (doc.errors.some((error) => RAN_OUT.test(error.message))) throw new RangeError(TOO_DEEP[0]);
  if (doc.errors.length > 0) return { value: undefined };
  if (isDeep(doc.contents)) throw new RangeError(TOO_DEEP[0]);
  try {
    return { value: doc.toJS({ maxAliasCount: 100 }) as unknown };
  } catch {
    const message = 'the file refers to its own parts (*alias) too often';
    return { value: undefined, problem: { severity: 'error', place, message, remedy: 'Write the values out.' } };
  }
}

/** Goes down level by level, not by calls: these would run out first. */
function isDeep(root: unknown): boolean {
  let level = [root];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > MAX_DEPTH) return true;
    level = level.flatMap((node) =>
      isMap(node) ? node.items.flatMap((pair) => [pair.key, pair.value]) : isSeq(node) ? (node.items as unknown[]) : [],
    );
  }
  return false;
}

function said(code: string, message: string): string {
  if (code === 'DUPLICATE_KEY') return 'this key is there twice';
  if (code === 'TAB_AS_INDENT') return 'a tab indents this line: YAML wants blanks';
  return `not YAML: ${message.charAt(0).toLowerCase()}${message.slice(1)}`;
}

/** At most 100 columns of a line around the column, with the caret below. */
function window(line: string, column: number): string {
  const start = column > 80 ? column - 60 : 1;
  const shown = line.slice(start - 1, start + 99);
  return `${shown}\n${' '.repeat(Math.max(0, column - start))}^`;
}

function pairAt(doc: Document.Parsed, path: Path): Pair | undefined {
  const last = path.at(-1);
  if (last === undefined) return undefined;
  const parent = path.length === 1 ? doc.contents : doc.getIn(path.slice(0, -1), true);
  if (!isMap(parent)) return undefined;
  return parent.items.find((item) => isScalar(item.key) && String(item.key.value) === String(last));
}

const startOf = (node: unknown): number | undefined => (node as Node | undefined)?.range?.[0];

function keyOffset(doc: Document.Parsed, path: Path): number | undefined {
  const pair = pairAt(doc, path);
  if (pair !== undefined && isPair(pair)) return startOf(pair.key);
  return undefined;
}

function offsetOf(doc: Document.Parsed, path: Path): number {
  const node = path.length === 0 ? doc.contents : doc.getIn(path, true);
  // A key without a value has an empty node behind the colon: the key is the better place to point at.
  if (isScalar(node) && node.value === null) return keyOffset(doc, path) ?? startOf(node) ?? 0;
  const start = isScalar(node) || isMap(node) || isSeq(node) ? startOf(node) : undefined;
  if (start !== undefined) return start;
  for (let length = path.length; length > 0; length--) {
    const key = keyOffset(doc, path.slice(0, length));
    if (key !== undefined) return key;
  }
  return startOf(doc.contents) ?? 0;
}

import {
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseDocument,
  type Scalar,
  type YAMLMap,
} from 'yaml';
import type { Place, Problem } from '../../model/rules.ts';
import { didYouMean } from '../../model/suggest.ts';
import { offsetInSource } from './scalar-offset.ts';

/** Largest rules file, in characters. */
export const MAX_FILE = 1_000_000;

/** One YAML file being read: knows where everything stands and collects what is wrong with it. */
export interface Doc {
  readonly root: Node | undefined;
  readonly place: (node: Node | undefined | null) => Place;
  /** `offset` counts characters of a scalar's value: the caret goes into the text. */
  readonly report: (node: Node | undefined | null, message: string, options?: ReportOptions) => void;
}

interface ReportOptions {
  readonly remedy?: string | undefined;
  readonly severity?: Problem['severity'];
  readonly offset?: number;
}

/** Parses one file. After a syntax error nothing else in it can be judged, so only those are reported. */
export function readDocument(path: string, text: string, problems: Problem[]): Doc {
  const lines = new LineCounter();
  let rows: string[] | undefined;
  const placeAt = (offset: number): Place => {
    const { line, col } = lines.linePos(offset);
    return { file: path, line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  const reportAt = (offset: number, message: string, options: ReportOptions = {}): void => {
    const place = placeAt(offset);
    problems.push({
      severity: options.severity ?? 'error',
      place,
      message,
      ...(options.remedy !== undefined && { remedy: options.remedy }),
      excerpt: excerpt((rows ??= text.split('\n')), place),
    });
  };
  const start = (node: Node | undefined | null): number => node?.range?.[0] ?? 0;
  const doc = (root: Node | undefined): Doc => ({
    root,
    place: (node) => placeAt(start(node)),
    report: (node, message, options = {}) => {
      const inside = options.offset !== undefined && isScalar(node) ? offsetInSource(text, node, options.offset) : 0;
      reportAt(start(node) + inside, message, options);
    },
  });
  if (text.length > MAX_FILE) {
    lines.addNewLine(0);
    const message = `the file has ${text.length} characters, more than ${MAX_FILE}`;
    problems.push({ severity: 'error', place: placeAt(0), message, remedy: 'split it into several files' });
    return doc(undefined);
  }
  try {
    const parsed = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: true, merge: false });
    for (const error of parsed.errors) {
      reportAt(error.pos[0], yamlMessage(error), { remedy: yamlRemedy(error.code) });
    }
    const sound = parsed.errors.every((e) => e.code === 'DUPLICATE_KEY');
    return doc(sound ? (parsed.contents ?? undefined) : undefined);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    reportAt(0, 'the file nests too deep to be read', { remedy: 'rules need no more than five levels' });
    return doc(undefined);
  }
}

const yamlMessage = (error: { code: string; message: string }): string =>
  error.code === 'DUPLICATE_KEY' ? 'this key is there twice' : `YAML: ${error.message.split('\n')[0] ?? ''}`;

const yamlRemedy = (code: string): string | undefined => {
  if (code === 'DUPLICATE_KEY') return 'keep one of the two';
  if (code === 'TAB_AS_INDENT') return 'indent with blanks';
  if (code === 'MULTIPLE_DOCS') return 'put each document into a file of its own';
  return code === 'BAD_INDENT' || code === 'MISSING_CHAR' || code === 'BLOCK_AS_IMPLICIT_KEY'
    ? 'check indentation and quotes; put a text with `: ` or ` #` into quotes'
    : undefined;
};

const WIDTH = 160;

/** The line and a caret below. Of a long line, what is around the caret. */
export function excerpt(lines: readonly string[], place: Place): string {
  const line = (lines[place.line - 1] ?? '').replace(/\r$/, '').replaceAll('\t', ' ');
  const from = place.column > WIDTH - 40 ? place.column - 1 - WIDTH / 2 : 0;
  return `${line.slice(from, from + WIDTH)}\n${' '.repeat(place.column - 1 - from)}^`;
}

/** Entries of a map by key; reports what is no map, unknown keys and keys that are missing. */
export function mapOf<K extends string>(
  doc: Doc,
  node: Node | undefined | null,
  what: string,
  keys: readonly K[],
  required: readonly K[] = [],
): Partial<Record<K, Node>> | undefined {
  if (!isMap(node)) {
    doc.report(node, notA(node, what, 'a map'));
    return undefined;
  }
  const entries: Partial<Record<K, Node>> = {};
  for (const pair of (node as YAMLMap<Node, Node | null>).items) {
    const name = isScalar(pair.key) ? String(pair.key.value) : '';
    const key = keys.find((k) => k === name);
    if (key === undefined) {
      doc.report(pair.key, `${what} has no key \`${name}\``, { remedy: didYouMean(name, keys) });
    } else if (pair.value === null || (isScalar(pair.value) && pair.value.value === null)) {
      doc.report(pair.key, `\`${key}\` of ${what} has no value`, { remedy: 'give one, or leave the key out' });
    } else entries[key] = pair.value;
  }
  for (const key of required) {
    const named = node.items.some((p) => isScalar(p.key) && p.key.value === key);
    if (!named) doc.report(node, `${what} has no \`${key}\``, { remedy: `add \`${key}:\`` });
  }
  return entries;
}

/** Elements of a list; a missing one is empty. */
export function listOf(doc: Doc, node: Node | undefined, what: string): Node[] {
  if (node === undefined) return [];
  if (isSeq(node)) return node.items.filter((item): item is Node => typeof item === 'object' && item !== null);
  doc.report(node, notA(node, what, 'a list'), { remedy: 'write it as `- …` or `[ … ]`' });
  return [];
}

/** A text that is not empty. Numbers are not texts: `007` would lose its zeros. */
export function textOf(doc: Doc, node: Node | undefined, what: string): Scalar<string> | undefined {
  if (node === undefined) return undefined;
  if (isScalar(node) && typeof node.value === 'string') {
    if (node.value.trim() !== '') return node as Scalar<string>;
    doc.report(node, `${what} is empty`);
  } else doc.report(node, notA(node, what, 'a text'), { remedy: 'put it into quotes' });
  return undefined;
}

export function flagOf(doc: Doc, node: Node | undefined, what: string, otherwise: boolean): boolean {
  if (node === undefined) return otherwise;
  if (isScalar(node) && typeof node.value === 'boolean') return node.value;
  doc.report(node, notA(node, what, 'true or false'));
  return otherwise;
}

function notA(node: Node | undefined | null, what: string, wanted: string): string {
  if (isAlias(node)) return `${what} is an alias: aliases are not allowed in rules`;
  return `${what} must be ${wanted}`;
}

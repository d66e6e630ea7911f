import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { Path } from './document.ts';
import { secretsOfUrl } from './literals.ts';
import { suggest } from '../model/suggest.ts';

export interface ReferenceProblem {
  readonly path: Path;
  readonly message: string;
  readonly remedy: string;
}

export interface Resolved {
  readonly value: unknown;
  readonly problems: readonly ReferenceProblem[];
  /** What of it must never be shown. */
  readonly secrets: readonly string[];
}

/** Is what the setting at `path` says a secret as a whole? */
export type IsSecret = (path: Path) => boolean;

const REFERENCE = /(\$?)\$\{([A-Za-z]+):([^}]*)\}/g;

/**
 * Puts in what `${env:NAME}` and `${file:PATH}` stand for, in texts at any depth. `$${env:NAME}` stays as text.
 * What is put in is never read as YAML. A file's one trailing line end is left off.
 */
export function resolveReferences(
  value: unknown,
  from: {
    readonly file: string;
    readonly env: Readonly<Record<string, string | undefined>>;
    readonly isSecret: IsSecret;
  },
): Resolved {
  const problems: ReferenceProblem[] = [];
  const secrets: string[] = [];
  const one = (path: Path, whole: string, escaped: string, kind: string, name: string, all: Around): string => {
    if (escaped !== '') return whole.slice(1);
    const found =
      kind === 'env' ? fromEnv(name, from.env) : kind === 'file' ? fromFile(name, from.file) : unknownKind(kind);
    if (typeof found === 'string') {
      if (from.isSecret(path) || isPassword(all)) secrets.push(found);
      else secrets.push(...secretsOfUrl(found));
      return found;
    }
    problems.push({ path, ...found });
    // A stand-in, so that the same mistake is not told a second time as a missing value.
    return 'unresolved';
  };
  const walk = (item: unknown, path: Path): unknown => {
    if (typeof item === 'string') {
      return item.replace(REFERENCE, (whole, escaped: string, kind: string, name: string, offset: number) =>
        one(path, whole, escaped, kind, name, { text: item, offset, length: whole.length }),
      );
    }
    if (Array.isArray(item)) return item.map((entry, index) => walk(entry, [...path, index]));
    if (item === null || typeof item !== 'object' || item instanceof Date) return item;
    return Object.fromEntries(Object.entries(item).map(([key, entry]) => [key, walk(entry, [...path, key])]));
  };
  return { value: walk(value, []), problems, secrets };
}

/** A reference within its text. */
interface Around {
  readonly text: string;
  readonly offset: number;
  readonly length: number;
}

/** Digits, so that it may stand for a port too. */
const STAND_IN = '60001';

/** May the reference be the password of an address? Only what is surely its host, port, user or path is not. */
function isPassword({ text, offset, length }: Around): boolean {
  if (!text.includes('://')) return false;
  const others = (part: string): string => part.replace(REFERENCE, '1');
  const url = URL.parse(`${others(text.slice(0, offset))}${STAND_IN}${others(text.slice(offset + length))}`);
  return url === null || [url.password, url.search, url.hash].some((part) => part.includes(STAND_IN));
}

type Mistake = Pick<ReferenceProblem, 'message' | 'remedy'>;

function fromEnv(name: string, env: Readonly<Record<string, string | undefined>>): string | Mistake {
  const value = env[name];
  if (value !== undefined && value !== '') return value;
  const near = suggest(name, Object.keys(env));
  return {
    message: `the environment variable ${name} is ${value === '' ? 'empty' : 'not set'}`,
    remedy: `Set ${name} where Drawbridge starts${near === undefined ? '' : ` (did you mean ${near}?)`}.`,
  };
}

function fromFile(name: string, settingsFile: string): string | Mistake {
  const path = resolve(dirname(settingsFile), name);
  try {
    const text = readFileSync(path, 'utf8').replace(/\r?\n$/, '');
    return text === '' ? { message: `the file ${path} is empty`, remedy: 'Write the value into it.' } : text;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'EACCES')
      return { message: `the file ${path} may not be read`, remedy: 'Give this user the right to read it.' };
    return {
      message: `the file ${path} can't be read (${code ?? 'unknown error'})`,
      remedy: 'Make it, or correct the path.',
    };
  }
}

const unknownKind = (kind: string): Mistake => ({
  message: `\${${kind}:…} is no known reference`,
  remedy: 'Write ${env:NAME} or ${file:PATH}; to mean the text itself, put another $ in front.',
});

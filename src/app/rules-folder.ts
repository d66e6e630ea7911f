import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Problem } from '../model/rules.ts';
import { headOf } from './commit.ts';

/** The longest rules file that is read, bytes. */
const LARGEST = 4 * 1024 * 1024;

type RulesFiles = { readonly files: ReadonlyArray<{ path: string; text: string }> } | { readonly problem: Problem };

const REMEDIES: Readonly<Record<string, string>> = {
  EFBIG: 'Split it into several files.',
  EISDIR: 'Rules are files in one folder, not folders in it: rename this one, or give it another ending.',
  ENOENT: 'It is a link that leads nowhere: mend or remove it.',
  ENOTDIR: 'It must be a folder with rules files: correct rules: in the settings.',
};

/** Reads in a row that find the files changing before that is told. */
const ATTEMPTS = 10;

/**
 * All files of the folder as they were at one moment: read again when one of them changed meanwhile, else a swap of
 * several could be read half old, half new.
 */
export function readRulesFolder(folder: string): RulesFiles {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const before = filesSignature(folder);
    const files = readFiles(folder);
    if (filesSignature(folder) === before) return files;
  }
  return {
    problem: {
      severity: 'error',
      message: `the rules in ${folder} change faster than they can be read`,
      remedy: 'Try again when they stand still. Write them into another folder, and rename that into place.',
    },
  };
}

/** A folder that is not there has no rules in it; one that can't be read is a problem. */
function readFiles(folder: string): RulesFiles {
  try {
    const names = readdirSync(folder).filter(isRulesFile).toSorted();
    return { files: names.map((name) => readRulesFile(join(folder, name))) };
  } catch (error) {
    const { code, path = folder, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' && path === folder) return { files: [] };
    const remedy = REMEDIES[code ?? ''] ?? 'Give this user the right to read them, or correct rules: in the settings.';
    return {
      problem: { severity: 'error', message: `the rules in ${path} can't be read (${code ?? message})`, remedy },
    };
  }
}

function readRulesFile(path: string): { path: string; text: string } {
  const text = readFileSync(path, 'utf8');
  if (text.length > LARGEST) throw Object.assign(new Error('larger than 4 MiB'), { code: 'EFBIG', path });
  return { path, text };
}

/** Editors' temporary and hidden files are none. */
const isRulesFile = (name: string): boolean => /^[^.].*\.ya?ml$/.test(name);

/** Changes when a file of the settings or rules changes; cheap enough to ask for every second. */
export function signatureOf(settingsFile: string | undefined, rulesFolder: string): string {
  const settings = settingsFile === undefined ? [] : [fileSignature(settingsFile)];
  return [...settings, filesSignature(rulesFolder), headOf(rulesFolder)?.commit ?? ''].join('\n');
}

function filesSignature(folder: string): string {
  try {
    const names = readdirSync(folder).filter(isRulesFile).toSorted();
    return names.map((name) => fileSignature(join(folder, name))).join('\n');
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? '';
  }
}

/** Of what a link leads to: mounted settings are swapped by a link further up. */
function fileSignature(path: string): string {
  try {
    const { mtimeNs, size, ino } = statSync(path, { bigint: true });
    return `${path} ${mtimeNs} ${size} ${ino}`;
  } catch (error) {
    return `${path} ${(error as NodeJS.ErrnoException).code ?? ''}`;
  }
}

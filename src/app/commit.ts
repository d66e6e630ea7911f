import { execFileSync } from 'node:child_process';
import { readFileSync, realpathSync, statSync } from 'node:fs';
import { dirname, isAbsolute, join, resolve } from 'node:path';

/** Why files and not git alone: docs/decisions/0008-the-commit-of-the-rules.md. */
const GIT_MS = 1_000;

/**
 * The commit that the rules folder was checked out from: `<sha>`; `<sha>-dirty` when rules were changed or added since;
 * `<sha>-unchecked` where git is not there to tell. Undefined outside of a work tree, or where no rules file is tracked.
 */
export function commitOf(folder: string): string | undefined {
  const head = headOf(folder);
  if (head === undefined) return undefined;
  const state = stateOf(head.folder);
  return state === 'untracked' ? undefined : state === 'clean' ? head.commit : `${head.commit}-${state}`;
}

/** HEAD of the work tree around a folder, read from git's own files: costs a few reads, and no process. */
export function headOf(folder: string): { readonly commit: string; readonly folder: string } | undefined {
  try {
    // A folder that is swapped by a link belongs to what the link leads to.
    const real = realpathSync(folder);
    const git = gitFolder(real);
    if (git === undefined) return undefined;
    const commit = resolveHead(git);
    return commit === undefined ? undefined : { commit, folder: real };
  } catch {
    return undefined;
  }
}

/** `.git` upwards of a folder; in linked work trees and submodules that is a file that leads on. */
function gitFolder(start: string): string | undefined {
  for (let folder = start; ; folder = dirname(folder)) {
    const git = join(folder, '.git');
    const stat = statSync(git, { throwIfNoEntry: false });
    if (stat?.isDirectory() === true) return git;
    if (stat?.isFile() === true) {
      const path = /^gitdir: (.+)$/m.exec(readFileSync(git, 'utf8'))?.[1]?.trim();
      return path === undefined ? undefined : resolve(folder, path);
    }
    if (dirname(folder) === folder) return undefined;
  }
}

const SHA = /^[0-9a-f]{40}([0-9a-f]{24})?$/;

function resolveHead(git: string): string | undefined {
  const shared = read(join(git, 'commondir'));
  const common = shared === undefined ? git : isAbsolute(shared) ? shared : resolve(git, shared);
  let value = read(join(git, 'HEAD'));
  // A branch may stand for another one; nobody nests that deep.
  for (let hops = 0; hops < 5 && value !== undefined; hops++) {
    if (SHA.test(value)) return value;
    const ref = /^ref: (refs\/[^\s]+)$/.exec(value)?.[1];
    if (ref === undefined || ref.split('/').includes('..')) return undefined;
    value = read(join(git, ref)) ?? read(join(common, ref)) ?? packed(common, ref);
  }
  return undefined;
}

function packed(common: string, ref: string): string | undefined {
  const line = read(join(common, 'packed-refs'))
    ?.split('\n')
    .find((l) => l.endsWith(` ${ref}`));
  return line?.split(' ')[0];
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return undefined;
  }
}

/** Asks git, with a limit, without locks, and without running what the repository's settings could name. */
function stateOf(folder: string): 'clean' | 'dirty' | 'untracked' | 'unchecked' {
  try {
    if (!git(folder, 'ls-files', '--', '.').some(isRules)) return 'untracked';
    return git(folder, 'status', '--porcelain', '--ignored', '--', '.').some(isRules) ? 'dirty' : 'clean';
  } catch {
    return 'unchecked';
  }
}

const isRules = (line: string): boolean => /\.ya?ml"?$/.test(line);

function git(folder: string, ...args: string[]): string[] {
  const calm = ['-c', 'core.fsmonitor=false', '-c', 'core.hooksPath=/dev/null'];
  const { PATH, HOME } = process.env;
  const out = execFileSync('git', ['-C', folder, ...calm, ...args], {
    timeout: GIT_MS,
    encoding: 'utf8',
    maxBuffer: 1 << 20,
    stdio: ['ignore', 'pipe', 'ignore'],
    env: { PATH, HOME, GIT_OPTIONAL_LOCKS: '0', LC_ALL: 'C' },
  });
  return out.split('\n');
}

import { execFileSync } from 'node:child_process';
import { cpSync, globSync, existsSync, mkdirSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

/** One instruction of a Dockerfile, with continued lines joined. */
export interface Instruction {
  readonly line: number;
  readonly name: string;
  readonly rest: string;
}

export interface Stage {
  readonly name: string;
  readonly image: string;
  readonly instructions: readonly Instruction[];
}

/** Reads a Dockerfile; build arguments before the first stage are filled in with their defaults. */
export function parseDockerfile(text: string): { readonly stages: readonly Stage[] } {
  const args = new Map<string, string>();
  const stages: Array<{ name: string; image: string; instructions: Instruction[] }> = [];
  for (const instruction of instructionsOf(text)) {
    const { name, rest } = instruction;
    if (name === 'FROM') {
      const [, from = '', as = ''] = /^(\S+)(?:\s+AS\s+(\S+))?$/i.exec(rest) ?? [];
      const image = from.replaceAll(/\$\{(\w+)\}/g, (_, key: string) => args.get(key) ?? '');
      stages.push({ name: as, image, instructions: [] });
    } else if (stages.length === 0 && name === 'ARG') {
      const at = rest.indexOf('=');
      args.set(rest.slice(0, at), rest.slice(at + 1));
    } else stages.at(-1)?.instructions.push(instruction);
  }
  return { stages };
}

function instructionsOf(text: string): Instruction[] {
  const found: Instruction[] = [];
  let open: { line: number; text: string } | undefined;
  for (const [i, line] of text.split('\n').entries()) {
    if (/^\s*(#|$)/.test(line)) continue;
    const so = { line: open?.line ?? i + 1, text: `${open?.text ?? ''}${line.trim()}` };
    if (so.text.endsWith('\\')) {
      open = { ...so, text: so.text.slice(0, -1) };
      continue;
    }
    open = undefined;
    const [, name = '', rest = ''] = /^(\w+)\s+(.*)$/s.exec(so.text) ?? [];
    found.push({ line: so.line, name: name.toUpperCase(), rest: rest.trim() });
  }
  return found;
}

/** `ENV A=1 B=2`, as a map. */
export function environmentOf(stage: Stage): Record<string, string> {
  const lines = stage.instructions.filter(({ name }) => name === 'ENV').map(({ rest }) => rest);
  return Object.fromEntries(lines.flatMap((rest) => [...rest.matchAll(/(\w+)=(\S+)/g)].map((m) => [m[1], m[2]])));
}

export interface Copy {
  readonly from?: string;
  readonly sources: readonly string[];
  readonly target: string;
}

export function copyOf({ rest }: Instruction): Copy {
  const words = rest.split(/\s+/);
  const flags = words.filter((word) => word.startsWith('--'));
  const paths = words.filter((word) => !word.startsWith('--'));
  const from = flags.find((flag) => flag.startsWith('--from='))?.slice('--from='.length);
  return { sources: paths.slice(0, -1), target: paths.at(-1) ?? '', ...(from === undefined ? {} : { from }) };
}

/**
 * Does by hand what an engine would: each stage in a folder of its own below `ground`, in place of a file system, with
 * this machine's Node in place of the base image's. Ownership is left out. Gives the last stage's folder and what its
 * instructions say of how it runs.
 */
export function build(stages: readonly Stage[], context: string, ground: string, ignored: (path: string) => boolean) {
  const roots = new Map<string, string>();
  let root = '';
  let work = '/';
  for (const [index, stage] of stages.entries()) {
    root = join(ground, stage.name === '' ? `stage-${index}` : stage.name);
    roots.set(stage.name, root);
    work = '/';
    mkdirSync(root, { recursive: true });
    for (const instruction of stage.instructions) {
      const { name, rest, line } = instruction;
      const here = join(root, work);
      if (name === 'WORKDIR') {
        work = rest;
        mkdirSync(join(root, work), { recursive: true });
      } else if (name === 'RUN') {
        execFileSync('sh', ['-c', rest], { cwd: here, stdio: ['ignore', 'ignore', 'pipe'], env: cleanEnv(stage) });
      } else if (name === 'COPY') {
        const copy = copyOf(instruction);
        const source = copy.from === undefined ? context : roots.get(copy.from);
        if (source === undefined) throw new Error(`line ${line}: there is no stage ${copy.from}`);
        copyInto(
          copy,
          source,
          copy.target.startsWith('/') ? root : here,
          copy.from === undefined ? ignored : undefined,
        );
      }
    }
  }
  return { root, work: join(root, work) };
}

function copyInto(copy: Copy, source: string, base: string, ignored?: (path: string) => boolean): void {
  const many = copy.sources.length > 1 || copy.target.endsWith('/');
  for (const path of copy.sources) {
    const from = join(source, path);
    if (ignored?.(path) === true) throw new Error(`${path} is kept out by .dockerignore`);
    if (!existsSync(from)) throw new Error(`COPY: there is no ${path}`);
    const into = join(base, copy.target);
    // A folder's content is copied, a file by its name.
    const to = statSync(from).isDirectory() || !many ? into : join(into, basename(path));
    mkdirSync(dirname(to), { recursive: true });
    cpSync(from, to, { recursive: true, verbatimSymlinks: true });
  }
}

/** What a build would see: its own ENV, and of this machine's only what finds npm and its cache. */
function cleanEnv(stage: Stage): Record<string, string> {
  const { PATH = '', HOME = '' } = process.env;
  const own = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => /^(npm_config_(registry|cache)|https?_proxy|no_proxy)$/i.test(name)),
  ) as Record<string, string>;
  return { ...own, PATH, HOME, npm_config_prefer_offline: 'true', ...environmentOf(stage) };
}

/** .dockerignore in the form that ours has: `*`, then `!PATH` for what comes along. */
export function dockerIgnore(text: string): (path: string) => boolean {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  if (lines[0] !== '*') throw new Error('.dockerignore keeps out everything first');
  const kept = lines.slice(1).map((line) => line.replace(/^!/, ''));
  return (path) => !kept.some((one) => path === one || path.startsWith(`${one}/`));
}

/** Files of a folder, for what must not be in it. */
export const filesIn = (folder: string, pattern: string): string[] => globSync(pattern, { cwd: folder });

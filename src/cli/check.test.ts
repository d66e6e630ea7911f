import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { addGroup, addUser, drawbridge, folderWith, type Ran, urlOf } from '../../test/support/command-line.ts';
import { type TestDatabase, testDatabase } from '../../test/support/database.ts';
import { startSim, type Sim } from '../targets/strongdm/sim/index.ts';

const SETTINGS = `
queue: {}
sources: { okta: { type: scim } }
targets:
  sdm: { type: strongdm, mode: observe, host: "\${env:SDM}", accessKey: "\${env:AK}", secretKey: "\${env:SK}", timeout: 5s }
`;
const RULES = `
rules:
  - id: platform
    if: user.department == "Platform"
    grant: [ { target: sdm, role: staging } ]
`;

let database: TestDatabase;
let sim: Sim;
let folder: ReturnType<typeof folderWith>;

before(async () => {
  database = await testDatabase();
  sim = await startSim();
  folder = folderWith({ 'd.yaml': SETTINGS, 'rules/r.yaml': RULES });
});
after(async () => {
  folder.remove();
  await sim.close();
  await database.close();
});

interface Checked {
  readonly ok: boolean;
  readonly tried: ReadonlyArray<{ what: string; id: string; ok: boolean; message: string; remedy?: string }>;
}

async function check(env: Record<string, string> = {}): Promise<Ran> {
  return drawbridge(
    ['check', '--connect', '--config', 'd.yaml', '--json'],
    {
      DATABASE_URL: urlOf(database.config),
      DRAWBRIDGE_KEY: 'k',
      SDM: `${sim.host}:${sim.port}`,
      AK: sim.accessKey,
      SK: sim.secretKey,
      ...env,
    },
    folder.path,
  );
}

const target = (ran: Ran): Checked['tried'][number] => {
  const found = ran.json<Checked>().tried.find((t) => t.what === 'target');
  assert.ok(found !== undefined, ran.out + ran.err);
  return found;
};

test('all is well: 0, and each thing that was tried is named', async () => {
  const ran = await check();
  assert.equal(ran.code, 0, ran.out + ran.err);
  assert.deepEqual(
    ran.json<Checked>().tried.map((t) => [t.what, t.id, t.ok]),
    [
      ['store', 'postgres', true],
      ['source', 'okta', true],
      ['target', 'sdm', true],
    ],
  );
});

test('unreachable, wrong key and wrong clock are told apart', async () => {
  const away = await check({ SDM: '127.0.0.1:1' });
  const wrongKey = await check({ AK: 'auth-0123456789abcdef' });
  const wrongSecret = await check({ SK: Buffer.alloc(32, 3).toString('base64') });
  sim.setFaults('skew=-1d');
  const wrongClock = await check();
  sim.setFaults('');
  const said = [away, wrongKey, wrongSecret, wrongClock].map((ran) => {
    assert.equal(ran.code, 1);
    const { ok, message, remedy } = target(ran);
    assert.equal(ok, false);
    return `${message} ${remedy ?? ''}`;
  });
  assert.match(said[0] ?? '', /127\.0\.0\.1:1/);
  assert.match(said[1] ?? '', /key/i);
  assert.match(said[2] ?? '', /key/i);
  assert.match(said[3] ?? '', /clock/i);
  for (const other of said.slice(0, 3)) assert.doesNotMatch(other, /^[^.]*clock/i);
});

test('sources and targets that only the store still knows are warnings', async () => {
  const { db } = database;
  await addUser(db, 'old-idp', 'ann@example.com');
  await db.rows({ text: `insert into target_state (target, observed_at) values ('old-pam', now()), ('sdm', now())` });
  const ran = await check();
  assert.equal(ran.code, 0, ran.err);
  const { problems } = ran.json<{ problems: ReadonlyArray<{ severity: string; message: string }> }>();
  const said = problems.filter((p) => p.message.includes('in the store')).map((p) => `${p.severity} ${p.message}`);
  assert.deepEqual(said, [
    'warning source old-idp is in the store and not in the settings any more: its people stay as they are, and nobody is removed',
    'warning target old-pam is in the store and not in the settings any more: what was given there stays, and no work is done there',
  ]);
});

test('a store that was never made is not made by looking', async () => {
  const env = { SDM: '127.0.0.1:1', AK: 'x', SK: sim.secretKey };
  const ran = await drawbridge(['check', '--connect', '--config', 'd.yaml', '--json'], env, folder.path);
  const [store] = ran.json<Checked>().tried;
  assert.deepEqual([store?.id, store?.ok, store?.message], ['embedded', true, 'the first start makes it']);
  assert.ok(!existsSync(join(folder.path, 'data')));
});

test('a store that is away is told, and the rest is tried all the same', async () => {
  const ran = await check({ DATABASE_URL: 'postgres://u:hidden-word@127.0.0.1:1/x' });
  assert.equal(ran.code, 1);
  const { tried } = ran.json<Checked>();
  assert.deepEqual(
    tried.map((t) => t.ok),
    [false, true, true],
  );
  assert.ok(!(ran.out + ran.err).includes('hidden-word'));
});

test('without --connect nothing is tried; a missing secret is a problem at its line', async () => {
  const env = { DRAWBRIDGE_KEY: 'k', SDM: 'h:1', AK: 'x' };
  const { code, out } = await drawbridge(['check', '--config', 'd.yaml'], env, folder.path);
  assert.equal(code, 2);
  assert.match(
    out,
    /d\.yaml:5:\d+: error: targets\.sdm\.secretKey can't be resolved: the environment variable SK is not set/,
  );
});

test('--connect holds the rules against the store', async () => {
  const { db } = database;
  const ann = await addUser(db, 'okta', 'bea@example.com', { title: 'Engineer' });
  const dba = await addGroup(db, 'okta', 'DBA', [ann]);
  const old = await addGroup(db, 'okta', 'Old Name', [ann]);
  await addGroup(db, 'okta', 'Twice', []);
  await addGroup(db, 'okta', 'Twice', []);
  const gone = await addGroup(db, 'okta', 'Gone', []);
  await db.rows({ text: `update record set gone_at = now() where anchor = $1`, values: [gone] });
  const rule = (id: string, when: string): string =>
    `  - { id: ${id}, ${when}, grant: [ { target: sdm, role: ${id} } ] }\n`;
  const when = (text: string): string => `when: { group: { source: okta, ${text} } }`;
  const own = folderWith({
    'd.yaml': SETTINGS,
    'rules/r.yaml': `rules:\n${[
      rule('held', when(`id: "${dba}", name: DBA`)),
      rule('renamed', when(`id: "${old}", name: New Name`)),
      rule('lost', when('id: g-nowhere, name: Lost')),
      rule('deleted', when(`id: "${gone}", name: Gone`)),
      rule('twice', when('name: Twice')),
      rule('inside', `if: 'user.inGroup("okta", "g-inside") || user.title == "Engineer"'`),
      rule('never', `if: user.title == "Nobody"`),
      rule('by-title', `if: user.title == "Engineer"`),
    ].join('')}`,
  });
  try {
    const ran = await drawbridge(
      ['check', '--connect', '--config', 'd.yaml', '--json'],
      { DATABASE_URL: urlOf(database.config), DRAWBRIDGE_KEY: 'k', SDM: '127.0.0.1:1', AK: 'x', SK: sim.secretKey },
      own.path,
    );
    const { problems } = ran.json<{
      problems: ReadonlyArray<{ severity: string; message: string; place?: { line: number } }>;
    }>();
    const told = problems
      .filter((p) => p.message.startsWith('rule') && !/by name alone/.test(p.message))
      .map((p) => `${p.place?.line} ${p.severity} ${p.message.replace(/[0-9a-f-]{36}/g, 'ID')}`);
    assert.deepEqual(told, [
      '3 warning rule renamed: the group ID (New Name) is called Old Name at okta now; what it gives stays',
      '4 warning rule lost: okta has no group g-nowhere (Lost)',
      '5 warning rule deleted: the group ID (Gone) was deleted at okta',
      '6 warning rule twice: okta has 2 groups called Twice',
      '7 warning rule inside: okta has no group g-inside',
      '8 warning rule never holds for none of the 2 people stored',
      '6 warning rule twice holds for none of the 2 people stored',
    ]);
  } finally {
    own.remove();
  }
});

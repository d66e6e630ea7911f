import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { addUser, drawbridge, folderWith, type Ran, urlOf } from '../../test/support/command-line.ts';
import { type TestDatabase, testDatabase } from '../../test/support/database.ts';
import { replaceHolds } from '../store/holds.ts';
import { setBurstLimits } from '../store/leaver-burst.ts';
import { personIdsAfter } from '../store/people.ts';
import { createResources } from '../store/resources.ts';
import { createToken } from '../store/tokens.ts';

const HR = 'urn:acme:params:scim:schemas:extension:hr:2.0:User';
const DAY = 86_400_000;

const SETTINGS = `server:
  listen: 127.0.0.1:8080
  scim: { listen: "0.0.0.0:8443", publicUrl: "https://scim.example.com/" }
sources:
  okta: { type: scim, maxSilence: 1d, rateLimit: { perSecond: 50 } }
  entra: { type: scim }
`;

let database: TestDatabase;
let folder: ReturnType<typeof folderWith>;
let token = '';
before(async () => {
  database = await testDatabase();
  folder = folderWith({ 'd.yaml': SETTINGS, 'rules/r.yaml': 'rules: []\n' });
  const made = await createToken(database.db, {
    source: 'okta',
    name: 'Okta production',
    createdBy: 'test',
    expiresAt: new Date(Date.now() + 10 * DAY + 60_000),
  });
  ({ token } = made);
  await addUser(database.db, 'okta', 'ann@example.com', { [HR]: { level: 3 } });
  await database.db.rows({
    text: `update token set created_at = now() - interval '9 days', last_used_at = now() - interval '2 days'`,
  });
});
after(async () => {
  folder.remove();
  await database.close();
});

const run = (...args: string[]): Promise<Ran> =>
  drawbridge(
    [...args, '--config', 'd.yaml'],
    { DATABASE_URL: urlOf(database.config), DRAWBRIDGE_KEY: 'k' },
    folder.path,
  );

test('sources list tells state, counts, last change and when each was heard', async () => {
  const { code, out } = await run('sources', 'list');
  assert.equal(code, 0);
  const lines = out.trimEnd().split('\n');
  assert.match(lines[0] ?? '', /^SOURCE +TYPE +STATE +USERS +GROUPS +LAST CHANGE +LAST HEARD$/);
  assert.match(lines[1] ?? '', /^okta +scim +silent +1 +0 +20\d\d-\S+ \S+ +20\d\d-\S+ \S+$/);
  assert.match(lines[2] ?? '', /^entra +scim +never heard +0 +0 +- +-$/);
  assert.ok(lines.every((line) => line.length <= 100));
});

test('sources show has the address of SCIM, the limit of silence and the tokens, without secrets', async () => {
  const { out } = await run('sources', 'show', 'okta');
  assert.match(out, /address +https:\/\/scim\.example\.com\/scim\/okta\/v2\n/);
  assert.match(out, /last heard +\S+ \S+ \(maxSilence 1d\)/);
  assert.match(out, /tok_\S+ +Okta production +until 20/);
  assert.match(out, /leavers +0 within 1h\n/);
  assert.ok(
    out.split('\n').every((line) => line.length <= 100),
    out,
  );
  const json = (await run('sources', 'show', 'okta', '--json')).json<{
    state: string;
    tokens: unknown[];
    maxSilence: number;
  }>();
  assert.deepEqual([json.state, json.tokens.length, json.maxSilence], ['silent', 1, DAY]);
  assert.ok(!JSON.stringify(json).includes(token));
  const unknown = await run('sources', 'show', 'otka');
  assert.equal(unknown.code, 2);
  assert.match(unknown.err, /Did you mean okta\? Sources in .*: okta, entra/);
});

test('sources refresh says why there is nothing to refresh', async () => {
  const { code, err } = await run('sources', 'refresh', 'okta', '--full');
  assert.equal(code, 4);
  assert.match(err, /its client writes to us/);
  assert.match(err, /Last heard 20.*Force Sync.*Restart provisioning/s);
});

test('sources show tells how many left, how many may, and of whom a burst is held', async () => {
  const { db } = database;
  await setBurstLimits(db, new Map([['entra', { abs: 2, pct: 0, windowMs: 3_600_000 }]]));
  const writer = { source: 'entra', actor: 'test' };
  for (const name of ['x', 'y', 'z']) {
    await createResources(db).remove(writer, 'user', await addUser(db, 'entra', `${name}@example.com`));
  }
  const hold = {
    op: 'block',
    item: 'account',
    causes: [],
    evidence: 'explicit',
    burst: 'entra',
    risk: 'high',
  } as const;
  const [person = ''] = await personIdsAfter(db, undefined, 1);
  await replaceHolds(
    db,
    [person],
    [
      {
        id: 'h_1',
        target: 'sdm',
        person,
        item: 'account',
        op: 'block',
        basis: 'b',
        because: 'part of a burst',
        change: hold,
      },
    ],
    'hash',
  );
  const { out } = await run('sources', 'show', 'entra');
  assert.match(out, /leavers +3 within 1h; 2 may, further ones are held\n/);
  assert.match(
    out,
    /BURST +1 person held, with access until you decide:\n +drawbridge holds list --filter burst:entra\n/,
  );
  const { leavers } = (await run('sources', 'show', 'entra', '--json')).json<{ leavers: unknown }>();
  assert.deepEqual(leavers, { recently: 3, allowed: 2, held: 1, windowMs: 3_600_000, dormant: 0 });
  assert.match((await run('sources', 'list')).out, /^entra +scim +never heard, burst /m);
  const found = await run('holds', 'list', '--filter', 'burst:ent*');
  assert.match(found.out, /h_1/);
  assert.match((await run('holds', 'list', '--filter', 'burst:okta')).out, /Nothing is held/);
});

test('check --connect warns of tokens that end, silence, and values that no settings declare', async () => {
  const { code, out } = await run('check', '--connect');
  assert.equal(code, 0);
  assert.match(out, /warning: token "Okta production" of source okta ends in 10 days/);
  assert.match(out, /tokens create --source okta/);
  assert.match(out, /warning: source okta is silent: last heard 20/);
  assert.match(out, new RegExp(`warning: 1 records of source okta hold values of ${HR}, which no settings declare`));
});

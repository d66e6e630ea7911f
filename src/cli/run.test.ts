import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type TestDatabase, testDatabase } from '../../test/support/database.ts';
import { addGroup, addUser, drawbridge, folderWith, type Ran, urlOf } from '../../test/support/command-line.ts';
import { authenticate } from '../store/tokens.ts';
import { insertPlan } from '../store/plans.ts';

const SETTINGS = `
sources: { okta: { type: scim } }
targets: { strongdm: { type: strongdm, mode: full, simulator: true, createRoles: true } }
`;
const RULES = `
rules:
  - id: dbas
    when: { group: { source: okta, name: DBA } }
    grant: [ { target: strongdm, role: prod-db } ]
  - id: platform
    if: user.department == "Platform"
    grant: [ { target: strongdm, role: staging } ]
`;

let database: TestDatabase;
let folder: ReturnType<typeof folderWith>;
const cli = (...args: string[]): Promise<Ran> =>
  drawbridge(args, { DRAWBRIDGE_CONFIG: 'drawbridge.yaml', DATABASE_URL: urlOf(database.config) }, folder.path);

before(async () => {
  database = await testDatabase();
  folder = folderWith({ 'drawbridge.yaml': SETTINGS, 'rules/access.yaml': RULES });
  const { db } = database;
  const ids = [];
  for (const name of ['ann', 'bob', 'cid']) ids.push(await addUser(db, 'okta', `${name}@example.com`));
  await addUser(db, 'okta', 'dee@example.com', { active: false, externalId: 'x-4' });
  await addUser(db, 'okta', 'eve@example.com', { displayName: 'Eve \u001b[31mred' });
  const inner = await addGroup(db, 'okta', 'Night shift', ids.slice(0, 1));
  await addGroup(db, 'okta', 'DBA', [inner]);
  // As if the target had been read and found empty.
  await db.rows({ text: `insert into target_state (target, observed_at) values ('strongdm', now())` });
});
after(async () => {
  folder.remove();
  await database.close();
});

test('bad usage ends with 2 and says what would be right', async () => {
  for (const [args, message] of [
    [['nonsense'], /unknown command 'nonsense'/],
    [['pepole', 'list'], /Did you mean people/],
    [['people', 'list', '--nope'], /unknown option '--nope'/],
    [['tokens', 'create'], /--source/],
    [['people', 'list', '--filter', 'usr:x'], /Did you mean user:\?/],
    [['people', 'list', '--limit', 'many'], /--limit/],
    [['tokens', 'create', '--source', 'okat'], /Did you mean okta\?/],
    [['tokens', 'create', '--source', 'okta', '--expires', 'soon'], /no duration/],
    [['plan', '--target', 'strngdm'], /Did you mean strongdm\?/],
    [['explain', 'ann@example.com', 'strngdm/prod-db'], /Did you mean strongdm\?/],
    [['apply', 'xyz'], /no plan's hash/],
    [['jobs', 'retry'], /say which jobs/],
    [['serve', '--role', 'api'], /not possible in this version/],
    [['sim', 'strongdm', '--port', 'x'], /no port/],
  ] as const) {
    const ran = await cli(...args);
    assert.equal(ran.code, 2, `${args.join(' ')}: ${ran.err}`);
    assert.match(ran.err, message, args.join(' '));
    assert.equal(ran.out, '');
  }
});

test('every command has help with an example', async () => {
  const names = ['serve', 'check', 'plan', 'apply', 'explain', 'people list', 'people show', 'jobs list', 'jobs show'];
  names.push(
    'jobs retry',
    'jobs drop',
    'tokens create',
    'tokens list',
    'tokens revoke',
    'sources list',
    'sim strongdm',
  );
  for (const name of names) {
    const { code, out } = await cli(...name.split(' '), '--help');
    assert.equal(code, 0, name);
    assert.match(out, new RegExp(`Example:\\n +drawbridge ${name}`), name);
    assert.match(out, /--json/, name);
    assert.match(out, /--config/, name);
  }
  for (const name of ['people', 'jobs', 'tokens', 'sources', 'targets', 'sim']) {
    assert.match((await cli(name, '--help')).out, new RegExp(`Example:\\n +drawbridge ${name} `), name);
  }
  assert.match((await cli('--help')).out, /Example:\n +drawbridge serve/);
});

test('with --json there is exactly one document on standard output, also for errors', async () => {
  for (const args of [
    ['people', 'list'],
    ['plan'],
    ['jobs', 'list'],
    ['tokens', 'list'],
    ['check'],
    ['targets', 'list'],
  ]) {
    const ran = await cli(...args, '--json');
    assert.equal(ran.code, 0, ran.err);
    assert.doesNotThrow(() => ran.json(), args.join(' '));
  }
  const failed = await cli('people', 'show', 'nobody@example.com', '--json');
  assert.equal(failed.code, 1);
  assert.match(failed.json<{ error: { message: string } }>().error.message, /nobody@example\.com/);
  assert.match(
    (await cli('people', 'list', '--nope', '--json')).json<{ error: { message: string } }>().error.message,
    /--nope/,
  );
});

test('bad settings end with 2 and tell every problem, before anything is opened', async () => {
  const bad = folderWith({ 'x.yaml': 'sources: { a: { type: scmi } }\nservr: {}\n', 'rules/r.yaml': '' });
  try {
    for (const command of [['people', 'list'], ['serve'], ['check'], ['plan']]) {
      const { code, err, out } = await drawbridge([...command, '--config', 'x.yaml'], {}, bad.path);
      assert.equal(code, 2, command.join(' '));
      const text = err + out;
      assert.match(text, /x\.yaml:1:23: error: sources\.a\.type "scmi"/);
      assert.match(text, /x\.yaml:2:1: error: unknown setting "servr"/);
    }
  } finally {
    bad.remove();
  }
});

test('a mistake in a rule ends check, plan and serve with 2 and its place', async () => {
  const bad = folderWith({
    'drawbridge.yaml': SETTINGS,
    'rules/r.yaml': 'rules:\n  - id: x\n    if: user.departmnt == "A"\n    grant: [ { target: strongdm, role: r } ]\n',
  });
  try {
    const env = { DRAWBRIDGE_CONFIG: 'drawbridge.yaml', DATABASE_URL: urlOf(database.config) };
    for (const command of ['check', 'plan', 'serve']) {
      const { code, err, out } = await drawbridge([command], env, bad.path);
      assert.equal(code, 2, command);
      assert.match(err + out, /rules\/r\.yaml:3:\d+: error: .*departmnt/);
      assert.match(err + out, /department/);
    }
  } finally {
    bad.remove();
  }
});

test('tokens: made with the fields that others rely on, listed without the secret, revoked', async () => {
  const made = (await cli('tokens', 'create', '--source', 'okta', '--name', 'test', '--expires', '90d', '--json')).json<
    Record<string, string | null>
  >();
  assert.deepEqual(Object.keys(made), ['id', 'source', 'name', 'token', 'createdAt', 'expiresAt', 'lastUsedAt']);
  assert.equal(made['source'], 'okta');
  assert.equal(made['lastUsedAt'], null);
  const days = (Date.parse(made['expiresAt'] ?? '') - Date.now()) / 86_400_000;
  assert.ok(days > 89.9 && days <= 90, `${days}`);
  assert.equal((await authenticate(database.db, made['token'] ?? '', new Date()))?.source, 'okta');

  const listed = await cli('tokens', 'list', '--json');
  assert.ok(listed.out.includes(made['id'] ?? '-') && !listed.out.includes(made['token'] ?? '-'));
  assert.equal((await cli('tokens', 'revoke', made['id'] ?? '')).code, 0);
  assert.equal(await authenticate(database.db, made['token'] ?? '', new Date()), undefined);
  assert.equal((await cli('tokens', 'revoke', made['id'] ?? '')).code, 4);
});

test('people: filtered, paged, found by any of their names, free of control characters', async () => {
  const names = async (...args: string[]): Promise<string[]> =>
    (await cli('people', 'list', '--json', ...args))
      .json<{ people: Array<{ userName: string }> }>()
      .people.map((p) => p.userName);
  assert.equal((await names()).length, 5);
  assert.deepEqual(await names('--filter', 'life:suspended'), ['dee@example.com']);
  assert.deepEqual(await names('--filter', 'user:*@EXAMPLE.com life:active name:b*'), ['bob@example.com']);
  assert.deepEqual(await names('--filter', 'group:"Night shift"'), ['ann@example.com']);
  assert.deepEqual(await names('--filter', 'user:a_n*'), [], 'an underscore is no wildcard');
  const first = (await cli('people', 'list', '--json', '--limit', '2')).json<{ people: unknown[]; next: string }>();
  assert.deepEqual(await names('--limit', '2', '--after', first.next), ['cid@example.com', 'dee@example.com']);
  assert.match((await cli('people', 'show', 'X-4')).err, /nobody has/, 'externalId is case-exact');
  assert.match((await cli('people', 'show', 'x-4')).out, /dee example .*suspended/);
  assert.match((await cli('people', 'show', 'ANN@example.com')).out, /group {3}Night shift → DBA/);
  const shown = await cli('people', 'list', '--filter', 'user:eve*');
  // oxlint-disable-next-line no-control-regex
  assert.ok(!/\u001b/.test(shown.out) && shown.out.includes('red'), JSON.stringify(shown.out));
});

test('a plan is saved, explained and applied once; without a service the jobs wait', async () => {
  const plan = (await cli('plan', '--person', 'ann@example.com', '--json')).json<{
    hash: string;
    steps: Array<{ changes: Array<{ op: string }> }>;
  }>();
  assert.deepEqual(
    plan.steps.map((s) => s.changes.map((c) => c.op)),
    [['create', 'grant']],
  );
  const again = (await cli('plan', '--person', 'ann@example.com')).out;
  assert.match(again, new RegExp(`Plan ${plan.hash.slice(0, 12)}: 1 person, 2 changes`));
  assert.match(again, /ann@example\.com/);
  assert.match((await cli('plan', '--full', '--markdown')).out, /^# Plan/);
  assert.match((await cli('plan', '--limit', 'x')).err, /"x" is no number of people/);

  const explained = await cli('explain', 'ann@example.com', 'strongdm/prod-db');
  assert.match(explained.out, /role prod-db: wanted, not given by us/);
  assert.match(explained.out, /by rule dbas, group Night shift → DBA, record okta\//);
  assert.ok(
    explained.out.split('\n').every((line) => line.length <= 100),
    explained.out,
  );
  assert.match(
    (await cli('explain', 'bob@example.com', 'strongdm/prod-db')).out,
    /rule dbas would give it, and does not hold/,
  );

  assert.equal((await cli('apply', 'ffffffff')).code, 1);
  const applied = await cli('apply', plan.hash.slice(0, 12), '--json');
  assert.equal(applied.code, 0, applied.err);
  assert.equal(applied.json<{ applied: number }>().applied, 1);
  assert.equal((await cli('apply', plan.hash)).code, 4, 'nothing is left of it');

  const jobs = (await cli('jobs', 'list', '--json')).json<{ jobs: Array<{ job: string; state: string }> }>().jobs;
  assert.equal(jobs.length, 1);
  assert.match((await cli('jobs', 'show', 'strongdm/ann@example.com')).out, /\+ create account ann@example\.com/);
  assert.equal((await cli('jobs', 'retry', 'strongdm/ann@example.com')).code, 0);
  assert.equal(
    (await cli('jobs', 'list', '--filter', 'state:pend* target:strongdm', '--json')).json<{ jobs: unknown[] }>().jobs
      .length,
    1,
  );
  assert.equal((await cli('jobs', 'drop', 'strongdm/ann@example.com')).code, 0);
  assert.equal((await cli('jobs', 'drop', 'strongdm/ann@example.com')).code, 4);
  assert.match((await cli('jobs', 'list')).out, /Nothing waits/);
  const actors = await database.db.rows<{ actor: string }>({
    text: `select distinct actor from event where kind like 'work.%'`,
  });
  assert.match(actors.map((a) => a.actor).join(), /^local:/);
});

test('a store that is away is one clear message and exit code 1', async () => {
  const url = 'postgres://u:hidden-word@127.0.0.1:1/x';
  const { code, err } = await drawbridge(
    ['people', 'list'],
    { DATABASE_URL: url, DRAWBRIDGE_CONFIG: 'drawbridge.yaml' },
    folder.path,
  );
  assert.equal(code, 1);
  assert.match(err, /store at u@127\.0\.0\.1:1\/x is not available/);
  assert.ok(!err.includes('hidden-word') && !/\n\s+at /.test(err), err);
});

test('a plan of which the guard held something ends apply with 3', async () => {
  await insertPlan(database.db, {
    hash: 'ab'.repeat(32),
    kind: 'partial',
    actor: 'test',
    rulesRevision: 'r',
    counts: { steps: 0, held: 2 },
  });
  const applied = await cli('apply', 'abababab');
  assert.equal(applied.code, 3, applied.err);
  assert.match(applied.out, /held back 2 changes of it\. See them: drawbridge holds list/);
});

test('holds: listed with their reason, explained, approved or rejected once, by name or by filter', async () => {
  const { db } = database;
  const ann = await db.row<{ person: string }>({
    text: `select pr.person from person_record pr join record r on r.key = pr.record_key where r.user_name = $1`,
    values: ['ann@example.com'],
  });
  const change = {
    op: 'revoke',
    item: 'role:prod-db',
    evidence: 'removed',
    causes: [{ rule: 'dbas' }],
    risk: 'medium',
  };
  for (const n of [1, 2]) {
    await db.rows({
      text: `insert into hold (id, target, person, item, op, basis, because, change, plan)
        values ($1, 'strongdm', $2, $3, 'revoke', 'b', 'too many at once', $4::jsonb, $5)`,
      values: [`h_000000000000000${n}`, ann?.person, `role:prod-${n}`, JSON.stringify(change), `abcdef01${n}`],
    });
  }
  const listed = await cli('holds', 'list', '--filter', 'item:role:*');
  assert.equal(listed.code, 0);
  assert.match(listed.out, /h_0000000000000001 +held +ann@example\.com +revoke role:prod-1 at strongdm/);
  assert.match(listed.out, /2 changes: too many at once/);
  assert.match((await cli('explain', 'ann@example.com')).out, /held, h_0000000000000001 since .*revoke role prod-db/);
  assert.match((await cli('holds', 'show', 'h_0000000000000002')).out, /held since .*: too many at once/);

  const bare = await cli('approve', 'abcdef01');
  assert.equal(bare.code, 2);
  assert.match(bare.err, /needs --reason/);
  const unknown = await cli('approve', 'h_ffffffffffffffff', '--reason', 'x');
  assert.equal(unknown.code, 1);
  assert.match(unknown.err, /nothing is held under "h_f+"/);
  const both = await cli('approve', 'abcdef01', '--filter', 'item:*', '--reason', 'x');
  assert.equal(both.code, 2);

  const approved = await cli('approve', 'abcdef011', '--reason', 'meant', '--ticket', 'T-1', '--json');
  assert.deepEqual(JSON.parse(approved.out), { approved: ['h_0000000000000001'], found: 1 });
  assert.equal((await cli('approve', 'abcdef011', '--reason', 'meant')).code, 4);
  const rejected = await cli('reject', '--filter', 'target:strongdm', '--reason', 'a slip');
  assert.match(rejected.out, /1 change rejected/);
  assert.equal((await cli('holds', 'list')).out, 'Nothing is held.\n');
  assert.match((await cli('holds', 'list', '--all')).out, /approved[\s\S]*rejected/);
  const events = await db.rows({
    text: `select kind, detail->>'ticket' as ticket from event where kind like 'hold.%'`,
  });
  assert.deepEqual(events, [
    { kind: 'hold.approved', ticket: 'T-1' },
    { kind: 'hold.rejected', ticket: null },
  ]);
  await db.rows({ text: 'delete from hold' });
});

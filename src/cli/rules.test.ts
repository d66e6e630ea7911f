import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { drawbridge, folderWith, type Ran } from '../../test/support/command-line.ts';

const SETTINGS =
  'sources: { okta: { type: scim }, hr: { type: scim } }\ntargets: { t: { type: strongdm, mode: full, simulator: true } }\n';
const RULES = `rules:
  - id: by-hr
    if: user.from("hr").department == "SRE"
    grant: [ { target: t, role: prod, until: 'timestamp("2030-01-01T00:00:00Z")' } ]
    alias: [ { target: t, set: linux, username: user.userName.localPart() } ]
  - id: by-group
    when: { group: { source: okta, id: g-1, name: DBA } }
    account: [ { target: t } ]
  - id: by-title
    if: user.title == "x"
    grant: [ { target: t, role: staging } ]
tests:
  - name: in time
    user: { userName: ann@example.com }
    from: { hr: { department: SRE } }
    now: 2029-12-31T23:59:59Z
    expect: [t/prod]
    aliases: [t/linux=ann]
  - name: too late
    user: { userName: ann@example.com }
    from: { hr: { department: SRE } }
    now: 2030-01-01T00:00:00Z
    expect: []
  - name: an account alone
    user: { groups: [okta/g-1] }
    expect: []
    accounts: [t]
  - name: not delivered
    user: {}
    unknown: [title]
    expect: []
    undecided: [t/staging]
`;

let folder: ReturnType<typeof folderWith>;
before(() => {
  folder = folderWith({
    'd.yaml': SETTINGS,
    'rules/r.yaml': RULES,
    'wrong/r.yaml': `${RULES}  - { name: wrong, user: { title: x }, expect: [t/prod], accounts: [] }\n`,
    'broken/r.yaml': RULES.replace('t/staging]\n', 't/stagin]\n'),
    'none/r.yaml': 'rules: []\n',
  });
});
after(() => folder.remove());

const run = (...args: string[]): Promise<Ran> =>
  drawbridge(['rules', 'test', '--config', 'd.yaml', ...args], {}, folder.path);

test('tests that hold end with 0', async () => {
  const ran = await run();
  assert.equal(ran.code, 0, ran.out + ran.err);
  assert.match(
    ran.out,
    /^ok {6}in time\nok {6}too late\nok {6}an account alone\nok {6}not delivered\n4 tests, all as expected; rules [0-9a-f]{12}\.\n$/,
  );
});

test('a test that fails ends with 1 and the difference at its place', async () => {
  const ran = await run('--rules', 'wrong');
  assert.equal(ran.code, 1);
  assert.match(
    ran.out,
    /failed {2}wrong\n {10}wrong\/r\.yaml:33:5\n {10}lacks {2}t\/prod\n {10}gets {3}t\/staging, which is not expected\n {10}gets {3}an account at t, which/,
  );
  assert.match(ran.out, /5 tests, 1 failed/);
  const json = (await run('--rules', 'wrong', '--json')).json<{
    ok: boolean;
    failed: number;
    tests: Array<Record<string, unknown>>;
  }>();
  assert.deepEqual([json.ok, json.failed, json.tests.length], [false, 1, 5]);
  const { place, ...rest } = json.tests[4] ?? {};
  assert.deepEqual(rest, {
    name: 'wrong',
    ok: false,
    lacks: ['t/prod'],
    gets: ['t/staging', 'an account at t'],
    findings: [],
  });
  assert.deepEqual(place, { file: join(folder.path, 'wrong/r.yaml'), line: 33, column: 5 });
});

test('a test that names what is not there is a mistake with its line: 2', async () => {
  const ran = await run('--rules', 'broken');
  assert.equal(ran.code, 2);
  assert.match(ran.err, /broken\/r\.yaml:32:17: error: no rule gives `t\/stagin`/);
  assert.match(ran.err, /did you mean `t\/staging`\?/);
});

test('no tests at all are nothing to do: 4', async () => {
  const ran = await run('--rules', 'none');
  assert.equal(ran.code, 4);
  assert.match(ran.out, /There are no tests in .*none/);
});

test('check --strict makes mistakes of warnings', async () => {
  const at = (...more: string[]): Promise<Ran> =>
    drawbridge(['check', '--config', 'd.yaml', '--json', ...more], { DRAWBRIDGE_KEY: 'k' }, folder.path);
  const [plain, strict] = [await at(), await at('--strict')];
  assert.deepEqual([plain.code, strict.code], [0, 2]);
  const severities = (ran: Ran): string[] => [
    ...new Set(ran.json<{ problems: Array<{ severity: string }> }>().problems.map((p) => p.severity)),
  ];
  assert.deepEqual([severities(plain), severities(strict)], [['warning'], ['error']]);
});

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { after, test } from 'node:test';
import { openScene, reachedAt, waitFor } from './support/scene.ts';
import { scimClient } from './support/scim.ts';

/** What the page shows is what the commands print in this story. `UPDATE_DOCS=1` writes it anew. */
const PAGE = new URL('../../docs/explain.md', import.meta.url);

const scene = openScene();
after(() => scene.clear());

const RULES = `rules:
  - id: dbas
    when: { group: { source: okta, name: DBA } }
    grant: [ { target: strongdm, role: prod-db } ]
    protected: true
  - id: platform
    if: user.department == "Platform" && user.title in ["Engineer", "Lead"]
    grant: [ { target: strongdm, role: staging } ]
`;
const settings = (target: string): string => `server: { listen: 127.0.0.1:0 }
store: { url: embedded:data }
sources: { okta: { type: scim } }
targets: { strongdm: { type: strongdm, mode: full, createRoles: true, ${target} } }
rules: rules
`;

test('docs/explain.md shows what explain prints', async () => {
  const sim = await scene.sim();
  scene.write('rules/rules.yaml', RULES);
  scene.write('drawbridge.yaml', settings(reachedAt(sim)));
  const bridge = await scene.serve();
  const [token = ''] = /dbr_\S+/.exec(bridge.out()) ?? [];
  const client = scimClient(() => bridge.url, token);
  const ann = await client.createUser('ann@example.com', { givenName: 'Ann', department: 'Platform' });
  const outer = await client.createGroup('DBA');
  const inner = await client.createGroup('Night shift');
  await client.patchMembers(inner, 'add', [ann]);
  await client.send('PATCH', `/Groups/${outer}`, {
    schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'],
    Operations: [{ op: 'add', path: 'members', value: [{ value: inner }] }],
  });
  const run = async (...args: string[]): Promise<string> => (await scene.command(...args)).out;
  const explain = (...more: string[]): Promise<string> => run('explain', 'ann@example.com', ...more);
  const until = async (pattern: RegExp): Promise<string> => {
    let out = '';
    assert.ok(await waitFor(async () => pattern.test((out = await explain())), 30_000, 300), out);
    return out;
  };

  const shown: Record<string, string> = {};
  shown['has'] = await until(/role prod-db: wanted, given .*; the target shows it/s);
  shown['why-not'] = await explain('strongdm/staging', '--why-not');
  await client.patchMembers(inner, 'remove', [ann]);
  shown['held'] = await until(/held, h_/);
  const { holds } = JSON.parse(await run('holds', 'list', '--json')) as { holds: Array<{ id: string }> };
  const approved = await scene.command('approve', holds[0]?.id ?? '', '--reason', 'CHG-1042: Ann moved to Platform');
  assert.equal(approved.code, 0, approved.err);
  shown['after'] = await until(/what the target answered, newest first\s+\S+ \S+ (block|revoke)/);
  const { targets } = JSON.parse(await explain('--json')) as {
    targets: Array<{ answers: Array<{ at: string; detail: { op: string } }> }>;
  };
  const taken = targets[0]?.answers.find((answer) => answer.detail.op === 'revoke')?.at ?? '';
  shown['at'] = await explain('--at', new Date(Date.parse(taken) - 1).toISOString());

  const page = readFileSync(PAGE, 'utf8');
  const steady = steadily();
  const wanted = page.replaceAll(
    /(<!-- (\S+) -->\n```text\n\$ [^\n]*\n)[^]*?(\n```)/g,
    (_, before: string, name: string, end: string) => {
      const text = shown[name];
      assert.ok(text !== undefined, `the page shows ${name}, which the story does not have`);
      return `${before}${steady(text).trimEnd()}${end}`;
    },
  );
  if (process.env['UPDATE_DOCS'] === '1') writeFileSync(PAGE, wanted);
  assert.equal(page, wanted, 'UPDATE_DOCS=1 npm test -- test/e2e/explain-page.test.ts writes it anew');
});

/** The same text in every run: ids are counted, times are one. */
function steadily(): (text: string) => string {
  const known = new Map<string, string>();
  const counted = (found: string, made: (n: number) => string): string => {
    const before = known.get(found) ?? made(known.size + 1);
    known.set(found, before);
    return before;
  };
  const number = (n: number, length: number): string => String(n).padStart(length, '0');
  return (text) =>
    text
      .replaceAll(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, (id) =>
        counted(id, (n) => `7f3c0a1e-52b4-4d09-8e6f-${number(n, 12)}`),
      )
      .replaceAll(/p_[A-Za-z0-9_-]{22}/g, (id) => counted(id, (n) => `p_Qx7vN2mKfR0aLw9Zt3${number(n, 4)}`))
      .replaceAll(/h_[0-9a-f]{16}/g, (id) => counted(id, (n) => `h_4b1d0c9a77e2${number(n, 4)}`))
      .replaceAll(/\b(a|rs|r|aa)-[0-9a-f]{10,}\b/g, (id, kind: string) =>
        counted(id, (n) => `${kind}-${number(n, id.length - kind.length - 1)}`),
      )
      .replaceAll(/local:\w+/g, 'local:eva')
      .replaceAll(/(?<=plan |rules )[0-9a-f]{12}\b/g, (id) => counted(id, (n) => `5e0c81d2${number(n, 4)}`))
      .replaceAll(/\d{4}-\d\d-\d\d \d\d:\d\d/g, '2026-11-20 09:15');
}

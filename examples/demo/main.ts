/**
 * `npm run demo [-- --ldap]`: the main job from end to end, on real processes and recorded traffic. Everything it shows is read
 * back; it ends with 1 and the difference when something is not as it must be.
 */
import {
  appendFileSync,
  chmodSync,
  cpSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Server, run, start } from './processes.ts';
import { type Access, accessAt, converge, reader } from './readback.ts';
import { ldapStory } from './ldap.ts';
import { accessTable, arrived, chapter, line, note, verdict } from './screen.ts';
import { AFTER_JOINERS, CHAPTERS, JOINERS, type Traffic } from './story.ts';
import { idsOf, replay } from './traffic.ts';

const begin = performance.now();
const folder = mkdtempSync(join(tmpdir(), 'drawbridge-demo-'));
// PostgreSQL refuses root, so as root the server runs as somebody else, who has to get into this folder.
chmodSync(folder, 0o711);
const logFile = join(folder, 'service.log');
const config = join(folder, 'drawbridge.yaml');
const servers: Server[] = [];

/** Members of both groups, as the identity providers would look them up again. */
const LOOKUPS: Readonly<Record<string, Readonly<Record<string, string | readonly string[]>>>> = {
  'okta-users': { una: query('Users', 'userName', 'demo.una@okta.example') },
  'entra-users': { alice: query('Users', 'userName', 'demo.alice2@contoso.example') },
  'okta-groups': { grp: query('Groups', 'displayName', 'Pushed demo') },
  'entra-groups': {
    eng: query('Groups', 'displayName', 'Vault Admins demo'),
    m: [1, 2, 3, 4, 5, 6].map((n) => query('Users', 'userName', `demo.m${n}@contoso.example`)),
  },
};

function query(type: string, attribute: string, value: string): string {
  return `/${type}?filter=${encodeURIComponent(`${attribute} eq "${value}"`)}&excludedAttributes=members`;
}

async function story(): Promise<boolean> {
  chapter('Start', 'The StrongDM simulator, and Drawbridge with a PostgreSQL of its own, on free ports.');
  const log = (text: string): void => appendFileSync(logFile, text);
  const sim = await start(['sim', 'strongdm', '--port', '0', '--seed', 'demo'], {}, log);
  servers.push(sim);
  const keys = { accessKey: sim.facts['SDM_API_ACCESS_KEY'] ?? '', secretKey: sim.facts['SDM_API_SECRET_KEY'] ?? '' };
  cpSync(fileURLToPath(new URL('rules', import.meta.url)), join(folder, 'rules'), { recursive: true });
  writeFileSync(config, settings(sim.ready));
  const env = { DEMO_ACCESS_KEY: keys.accessKey, DEMO_SECRET_KEY: keys.secretKey, DRAWBRIDGE_CONFIG: config };
  const service = await start(['serve', '--config', config], { ...env, PORT: undefined, DATABASE_URL: undefined }, log);
  servers.push(service);
  line(`StrongDM simulator  ${sim.ready}`);
  line(`Drawbridge          ${service.ready}`);

  const target = reader(sim.ready, keys.accessKey, keys.secretKey);
  const before = await accessAt(target);
  const tokens: Record<string, string> = {};
  for (const source of ['entra', 'okta']) {
    const made = JSON.parse(await run(['tokens', 'create', '--source', source, '--name', 'demo', '--json'], env)) as {
      token: string;
    };
    tokens[source] = made.token;
  }
  const send = async (traffic: Traffic): Promise<string[]> => {
    const base = `${service.ready}/scim/${traffic.source}/v2`;
    const token = tokens[traffic.source] ?? '';
    const ids = traffic.only ? await idsOf(base, token, LOOKUPS[traffic.fixture] ?? {}) : {};
    return replay(traffic, base, token, ids);
  };

  chapter('What arrives', 'Recorded requests of Entra ID and Okta, each answer checked against what they expect.');
  for (const traffic of JOINERS) arrived(traffic, await send(traffic));

  chapter('The plan', 'drawbridge plan --full: nothing has been written to StrongDM so far.');
  line(await run(['plan', '--full'], env));
  const plan = JSON.parse(await run(['plan', '--full', '--json'], env)) as PlanDocument;
  const untouched = await converge(target, before);

  chapter('What is done', `drawbridge apply ${plan.hash.slice(0, 12)}…: exactly this plan, and from now on by itself.`);
  line(await run(['apply', plan.hash], env));
  let expected: Access = { ...before, ...AFTER_JOINERS };
  const applied = await converge(target, expected);

  chapter('Who has which role, and why', 'Read back from StrongDM; the reasons come from the plan.');
  accessTable(applied.found, reasons(plan), before);
  const ok = [
    verdict(untouched.wrong, 'before apply, StrongDM is as it was'),
    verdict(applied.wrong, `StrongDM is as the rules say, ${Math.round(applied.ms)} ms after apply`),
  ];
  note('drawbridge explain demo.m1@contoso.example');
  line(await run(['explain', 'demo.m1@contoso.example'], env));

  for (const part of CHAPTERS) {
    chapter(part.title, part.about);
    arrived(part.traffic, await send(part.traffic));
    if (part.held !== undefined) {
      const { changes, role } = part.held;
      const waiting = await holds(changes, env);
      const kept = await converge(target, expected);
      line(await run(['holds', 'list'], env));
      ok.push(
        verdict(waiting === changes ? kept.wrong : [`${waiting} changes are held, not ${changes}`], KEPT),
        verdict([], await approved(role, env)),
      );
    }
    expected = { ...expected, ...part.expect };
    const now = await converge(target, expected);
    accessTable(
      Object.fromEntries(
        Object.keys(part.expect).map((login) => [login, now.found[login] ?? { active: false, roles: [] }]),
      ),
      {},
      {},
    );
    ok.push(verdict(now.wrong, `StrongDM is as it must be, ${Math.round(now.ms)} ms after the answer`));
  }
  chapter('Nothing left to do', 'A full plan over everybody, again.');
  const last = JSON.parse(await run(['plan', '--full', '--json'], env, [0, 4])) as PlanDocument;
  ok.push(
    verdict(
      last.steps.map((s) => `still planned: ${s.person} at ${s.target}`),
      'the plan is empty',
    ),
  );
  const access = JSON.parse(await run(['access', 'verify', '--json'], env, [0, 1])) as {
    items: number;
    chains: unknown[];
  };
  ok.push(
    verdict(
      access.chains.map((chain) => `incomplete: ${JSON.stringify(chain)}`),
      `all ${access.items} things that were given lead back to a record, a rule, a plan and an answer`,
    ),
  );
  await target.close();
  for (const server of servers.toReversed()) {
    const code = await server.stop();
    ok.push(verdict(code === 0 ? [] : [`exit code ${code}`], 'a process ended in order'));
  }
  return ok.every(Boolean);
}

const KEPT = 'nobody has lost anything: it waits for somebody';

/** How many changes are held, once it is as many as expected; waits 15 s at most. */
async function holds(expected: number, env: NodeJS.ProcessEnv): Promise<number> {
  const end = performance.now() + 15_000;
  for (;;) {
    const listed = JSON.parse(await run(['holds', 'list', '--json'], env)) as { holds: unknown[] };
    if (listed.holds.length === expected || performance.now() > end) return listed.holds.length;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

async function approved(role: string, env: NodeJS.ProcessEnv): Promise<string> {
  const words = ['--filter', `item:role:${role}`, '--reason', 'the team was dissolved'];
  note(`drawbridge approve ${words.map((word) => (/[ :]/.test(word) ? `"${word}"` : word)).join(' ')}`);
  return (await run(['approve', ...words], env)).trim();
}

interface PlanDocument {
  readonly hash: string;
  readonly steps: ReadonlyArray<{
    readonly person: string;
    readonly target: string;
    readonly changes: ReadonlyArray<{
      op: string;
      item: string;
      after?: { login?: string };
      causes: ReadonlyArray<{ rule: string; path?: ReadonlyArray<{ name: string }> }>;
    }>;
  }>;
}

/** Login → the rules behind the roles, with the group path that made them hold. */
function reasons(plan: PlanDocument): Record<string, string> {
  const why: Record<string, string> = {};
  for (const step of plan.steps) {
    const login = step.changes.find((c) => c.op === 'create')?.after?.login;
    const causes = step.changes.filter((c) => c.op === 'grant').flatMap((c) => c.causes);
    if (login === undefined) continue;
    why[login] = causes
      .map((c) => [`rule ${c.rule}`, ...(c.path ?? []).map((g) => `group ${g.name}`)].join(', '))
      .join('; ');
  }
  return why;
}

const settings = (host: string): string => `server: { listen: 127.0.0.1:0 }
store: { url: embedded:./data }
sources:
  entra: { type: scim }
  okta: { type: scim }
targets:
  strongdm:
    type: strongdm
    mode: full
    host: ${host}
    accessKey: "\${env:DEMO_ACCESS_KEY}"
    secretKey: "\${env:DEMO_SECRET_KEY}"
`;

let good = false;
try {
  good = process.argv.includes('--ldap')
    ? await ldapStory({ folder, config, servers, log: (text) => appendFileSync(logFile, text) })
    : await story();
} catch (error) {
  line(`  ✗ ${error instanceof Error ? error.message : String(error)}`);
} finally {
  for (const server of servers) await server.stop();
  if (!good) line(`\nThe service's last log lines:\n${tail(logFile)}`);
  removeAll();
}
line(
  `\n${good ? 'All as it must be' : 'NOT as it must be'}, in ${((performance.now() - begin) / 1000).toFixed(1)} s. Nothing was left behind.`,
);
process.exitCode = good ? 0 : 1;

/** Where even the temp folder is closed to the server, its database lies elsewhere, and the data folder says where. */
function removeAll(): void {
  const pointer = join(folder, 'data', 'postgres.location');
  if (existsSync(pointer)) rmSync(readFileSync(pointer, 'utf8').trim(), { recursive: true, force: true });
  rmSync(folder, { recursive: true, force: true });
}

function tail(file: string): string {
  try {
    return readFileSync(file, 'utf8').trimEnd().split('\n').slice(-15).join('\n');
  } catch {
    return '(none)';
  }
}

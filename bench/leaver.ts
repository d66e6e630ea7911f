import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Db } from '../src/store/db.ts';
import { storeParts } from '../src/store/parts.ts';
import { fillGroup, fillUsers, idOf, SOURCE, user } from './support/people.ts';
import { type Running, startProcess } from './support/process.ts';
import { clientHeaders } from './support/service.ts';
import { watchSim } from './support/sim-watch.ts';
import { median, quantile } from './support/stats.ts';
import { type Ground, withGround } from './support/store.ts';
import type { Bench, Figure, Scale } from './support/types.ts';

const BIN = fileURLToPath(new URL('../bin/drawbridge.js', import.meta.url));
const TARGET = 'strongdm';
/** Leavers in a second. */
const PACE = 10;
const LIMIT_MS = 1_800_000;

async function run(scale: Scale): Promise<Figure[]> {
  const people = scale.pick(100_000, 500);
  const leavers = scale.pick(200, 10);
  return withGround(async (ground) => {
    const { db } = await ground.open();
    scale.say(`${people} users into the store`);
    await fillUsers(db, people + leavers);
    const [first, all] = [await fillGroup(db, leavers), await fillGroup(db, people + leavers)];
    const journal = join(ground.folder, 'sim.journal');
    const sim = await startProcess(BIN, ['sim', 'strongdm', '--state', journal]);
    const service = await serve(ground, sim, ruleOf('first', first));
    try {
      await until(() => done(db, leavers));
      await storeParts.targets.pauseTarget(db, TARGET, { by: 'operator', message: 'first everything is planned' });
      writeRules(ground, ruleOf('first', first) + ruleOf('all', all));
      const waiting = people + leavers;
      scale.say(`waits until ${waiting} steps are planned`);
      await until(async () => (await pending(db)) >= waiting);
      await storeParts.targets.resumeTarget(db, TARGET);
      const watch = await watchSim(journal, await accountsOf(db, leavers));
      await until(async () => (await pending(db)) < waiting - scale.pick(500, 10));
      const ms = await leave(`${service.url}/scim/${SOURCE}/v2`, await clientHeaders(db), leavers, watch);
      const left = await pending(db);
      scale.say(`${left} steps still wait`);
      return shown(ms, waiting, left);
    } finally {
      await service.stop();
      await sim.stop();
    }
  });
}

/** Every other one is disabled, the others are deleted. Gives how long each kept access after the answer, ms. */
async function leave(
  scim: string,
  headers: Readonly<Record<string, string>>,
  count: number,
  watch: Awaited<ReturnType<typeof watchSim>>,
): Promise<number[]> {
  const body = JSON.stringify({
    schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'],
    Operations: [{ op: 'replace', path: 'active', value: false }],
  });
  const waits: Array<Promise<number>> = [];
  for (let n = 1; n <= count; n++) {
    const request = n % 2 === 0 ? { method: 'DELETE' } : { method: 'PATCH', body };
    const answer = await fetch(`${scim}/Users/${idOf(n)}`, { ...request, headers });
    await answer.arrayBuffer();
    if (!answer.ok) throw new Error(`${request.method} gave ${answer.status}`);
    const at = performance.now();
    waits.push(watch.blocked(loginOf(n), 60_000).then((when) => Math.max(0, when - at)));
    await sleep(1000 / PACE);
  }
  return Promise.all(waits).finally(() => watch.close());
}

function shown(ms: readonly number[], waiting: number, left: number): Figure[] {
  const p99 = quantile(ms, 0.99);
  const about = `${ms.length} leavers, ${waiting} other steps queued (${left} at the end)`;
  return [
    {
      name: `answer → blocked, ${about}`,
      value: median(ms),
      unit: 'ms',
      p99,
      aim: { text: 'p99 < 2 s', reached: p99 < 2_000 },
    },
    { name: 'the same, p95', value: quantile(ms, 0.95), unit: 'ms' },
    { name: 'the same, the slowest', value: Math.max(...ms), unit: 'ms' },
  ];
}

const loginOf = (n: number): string => String(user(n)['userName']);

const ruleOf = (role: string, group: string): string => `  - id: ${role}
    when: { group: { source: ${SOURCE}, name: ${group} } }
    grant: [ { target: ${TARGET}, role: ${role} } ]
`;

const writeRules = (ground: Ground, rules: string): void =>
  writeFileSync(join(ground.folder, 'rules', 'rules.yaml'), `rules:\n${rules}`);

/** `drawbridge serve` as it is shipped, with the simulator as its target. */
function serve(ground: Ground, sim: Running, rules: string): Promise<Running> {
  const said = (name: string): string =>
    sim.lines.find((line) => line.startsWith(`${name}=`))?.slice(name.length + 1) ?? '';
  const keys = `accessKey: "${said('SDM_API_ACCESS_KEY')}", secretKey: "${said('SDM_API_SECRET_KEY')}"`;
  mkdirSync(join(ground.folder, 'rules'));
  writeRules(ground, rules);
  const config = join(ground.folder, 'drawbridge.yaml');
  writeFileSync(
    config,
    `server: { listen: '127.0.0.1:0' }
store: { url: 'embedded:${ground.data}' }
sources: { ${SOURCE}: { type: scim } }
targets: { ${TARGET}: { type: strongdm, mode: full, createRoles: true, baseline: auto, host: "${sim.url}", ${keys} } }
rules: rules
`,
  );
  return startProcess(BIN, ['serve', '--config', config], { PORT: '0', DATABASE_URL: '', LOG_LEVEL: 'error' });
}

async function pending(db: Db): Promise<number> {
  const row = await db.row<{ n: number }>({ text: `select count(*) as n from work where state = 'pending'` });
  return row?.n ?? 0;
}

async function done(db: Db, count: number): Promise<boolean> {
  const row = await db.row<{ n: number }>({ text: `select count(*) as n from work where state = 'done'` });
  return (row?.n ?? 0) >= count;
}

/** Account ids of the leavers at the target, by login. */
async function accountsOf(db: Db, count: number): Promise<Map<string, string>> {
  const logins = Array.from({ length: count }, (_, i) => ({ target: TARGET, key: loginOf(i + 1) }));
  const named = await storeParts.observations.accountsNamed(db, logins);
  if (named.length !== count) throw new Error(`${named.length} of ${count} leavers have an account`);
  return new Map(named.map(({ key, account }) => [key, account.id]));
}

async function until(so: () => Promise<boolean>): Promise<void> {
  const end = performance.now() + LIMIT_MS;
  while (!(await so())) {
    if (performance.now() > end) throw new Error('it took too long');
    await sleep(200);
  }
}

export const bench: Bench = {
  name: 'leaver',
  title: 'Leavers: from the answer to the block',
  about: `The service as it is shipped, with the simulator of StrongDM (without a rate limit) as its target, both in
processes of their own on the same machine. 100 000 steps (an account and a role each) are planned and wait. While they
are worked off, ten people a second leave, by PATCH \`active: false\` and by DELETE in turn. The clock starts when their
request is answered and stops when the simulator's journal shows the account suspended (looked at every 5 ms).`,
  notes: '',
  run,
};

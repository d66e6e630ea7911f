/** Plans and carries out rounds of steps at a target that answers at once, as the service does, and times both. */
import { setTimeout as sleep } from 'node:timers/promises';
import { inspect } from 'node:util';
import { startJobs } from '../../src/jobs/index.ts';
import { openStore } from '../../src/store/open.ts';
import { storeParts } from '../../src/store/parts.ts';
import { answer } from './apart.ts';
import { instantTarget } from './instant-target.ts';
import { embeddedPid } from '../../src/store/embedded/index.ts';
import { cpuMs, familyCpuMs } from './process.ts';
import { viewsOf } from './views.ts';

export interface JobsJob {
  /** Of the embedded store. */
  readonly data: string;
  readonly people: number;
  /** The group that all of them are in. */
  readonly group: string;
  readonly rounds: number;
}

export interface JobsRound {
  readonly what: 'joiner' | 'grant';
  readonly steps: number;
  readonly planMs: number;
  readonly workMs: number;
  /** CPU time of this process for the work. */
  readonly cpuMs: number;
  /** And of the database server. */
  readonly storeCpuMs: number;
}

const TARGET = 'instant';
const complain = (fields: object, message: string): void =>
  void process.stderr.write(`${message} ${inspect(fields)}\n`);
const log = { debug: () => {}, info: () => {}, warn: complain, error: complain };

const rulesOf = (group: string, roles: readonly string[]): string => `rules:
  - id: everybody
    when: { group: { source: okta, name: ${group} } }
    grant: [ ${roles.map((role) => `{ target: ${TARGET}, role: ${role} }`).join(', ')} ]
`;

answer(async (job: JobsJob, say): Promise<JobsRound[]> => {
  const store = await openStore({ kind: 'embedded', folder: job.data });
  const { db } = store;
  const postmaster = embeddedPid(job.data) ?? process.pid;
  const roles = Array.from({ length: job.rounds }, (_, i) => `role-${i}`);
  const target = instantTarget(TARGET, roles);
  let views = viewsOf([TARGET], 'rules: []');
  const jobs = await startJobs({
    db,
    store: storeParts,
    targets: new Map([[TARGET, target]]),
    views: () => views,
    log,
    instance: 'bench',
    postgres: store.config,
    alone: true,
  });
  const rounds: JobsRound[] = [];
  try {
    await jobs.idle();
    for (let round = 0; round < job.rounds; round++) {
      await storeParts.targets.pauseTarget(db, TARGET, { by: 'operator', message: 'first everything is planned' });
      views = viewsOf([TARGET], rulesOf(job.group, roles.slice(0, round + 1)));
      const planned = performance.now();
      await jobs.rulesChanged();
      while (await storeParts.dirty.anyDirty(db)) await sleep(20);
      const planMs = performance.now() - planned;
      say(`round ${round + 1}: ${job.people} steps planned in ${Math.round(planMs)} ms`);
      await db.rows({ text: 'vacuum analyze' });
      const before = target.made();
      const wanted = before + job.people * (round === 0 ? 2 : 1);
      const [begun, cpu, storeCpu] = [performance.now(), cpuMs(process.pid), familyCpuMs(postmaster)];
      await storeParts.targets.resumeTarget(db, TARGET);
      jobs.wake(true);
      while (target.made() < wanted) await sleep(20);
      await jobs.idle();
      const workMs = performance.now() - begun;
      if (target.made() !== wanted)
        throw new Error(`${target.made() - before} changes were made, not ${wanted - before}`);
      rounds.push({
        what: round === 0 ? 'joiner' : 'grant',
        steps: job.people,
        planMs,
        workMs,
        cpuMs: cpuMs(process.pid) - cpu,
        storeCpuMs: familyCpuMs(postmaster) - storeCpu,
      });
      say(`round ${round + 1}: ${Math.round((job.people / workMs) * 1000)} steps/s`);
    }
    return rounds;
  } finally {
    await jobs.close();
    await store.close();
  }
});

/** Plans everybody, then single persons, then evaluates rules alone: as the service does it, and times each. */
import { planFull } from '../../src/jobs/index.ts';
import { readGround, readWanted } from '../../src/jobs/ground.ts';
import { planNext } from '../../src/jobs/planner.ts';
import { inputOf } from '../../src/mapping/input.ts';
import { embeddedPid } from '../../src/store/embedded/index.ts';
import { openStore } from '../../src/store/open.ts';
import { storeParts } from '../../src/store/parts.ts';
import { answer } from './apart.ts';
import { hundredRules, TARGETS } from './company.ts';
import { cpuMs, peakMb, resetPeak, familyCpuMs } from './process.ts';
import { viewsOf } from './views.ts';

export interface PlanJob {
  /** Of the embedded store. */
  readonly data: string;
  /** How many single persons are planned. */
  readonly single: number;
  /** How often everybody is planned. */
  readonly rounds: number;
}

export interface PlanFigures {
  readonly steps: number;
  readonly fullMs: readonly number[];
  readonly fullPeakMb: number;
  /** CPU time of this process for a full plan, and of the database server. */
  readonly fullCpuMs: readonly number[];
  readonly storeCpuMs: readonly number[];
  /** One changed person, from the dirty row to the written plan. */
  readonly singleMs: readonly number[];
  /** In a second of CPU time: a loop of one thread, which a busy machine must not slow down. */
  readonly evaluationsPerSecond: readonly number[];
}

const usedMs = (since: NodeJS.CpuUsage): number => {
  const { user, system } = process.cpuUsage(since);
  return (user + system) / 1000;
};

answer(async (job: PlanJob, say): Promise<PlanFigures> => {
  const store = await openStore({ kind: 'embedded', folder: job.data });
  const { db } = store;
  const views = viewsOf(TARGETS, hundredRules());
  const deps = { db, store: storeParts, views: () => views, now: () => new Date() };
  try {
    const [fullMs, fullCpuMs, storeCpuMs]: [number[], number[], number[]] = [[], [], []];
    const postmaster = embeddedPid(job.data) ?? process.pid;
    resetPeak(process.pid);
    let steps = 0;
    for (let round = 1; round <= job.rounds; round++) {
      const [begun, cpu, storeCpu] = [performance.now(), cpuMs(process.pid), familyCpuMs(postmaster)];
      const plan = await planFull(deps, { actor: 'bench' });
      fullMs.push(performance.now() - begun);
      fullCpuMs.push(cpuMs(process.pid) - cpu);
      storeCpuMs.push(familyCpuMs(postmaster) - storeCpu);
      steps = plan.counts['steps'] ?? 0;
      say(`everybody planned in ${Math.round(fullMs.at(-1) ?? 0)} ms: ${steps} steps`);
    }
    const fullPeakMb = peakMb(process.pid);
    const ids = await storeParts.people.personIdsAfter(db, undefined, job.single + 20);
    const singleMs: number[] = [];
    await db.rows({ text: 'truncate dirty' });
    for (const id of ids) {
      await storeParts.dirty.markDirty(db, [id]);
      const begun = performance.now();
      await planNext(deps, () => undefined);
      singleMs.push(performance.now() - begun);
    }
    const evaluationsPerSecond = await evaluate();
    return {
      steps,
      fullMs,
      fullPeakMb,
      fullCpuMs,
      storeCpuMs,
      singleMs: singleMs.slice(20),
      evaluationsPerSecond,
    };
  } finally {
    await store.close();
  }

  async function evaluate(): Promise<number[]> {
    const some = await storeParts.people.personIdsAfter(db, undefined, 500);
    const ground = await readGround(deps, db);
    const { people } = await readWanted(storeParts, db, ground, some);
    const inputs = people.map(({ person }) => inputOf(person, ground.now));
    const conditions = views.rules.rules.flatMap((rule) => rule.if ?? []);
    const rates: number[] = [];
    for (let round = 0; round <= 5; round++) {
      const begun = process.cpuUsage();
      let count = 0;
      while (usedMs(begun) < 300) {
        for (const input of inputs) for (const condition of conditions) condition.evaluate(input);
        count += inputs.length * conditions.length;
      }
      rates.push((count / usedMs(begun)) * 1000);
    }
    return rates.slice(1);
  }
});

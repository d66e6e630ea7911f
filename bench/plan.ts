import { apart } from './support/apart.ts';
import { fillCompany } from './support/company.ts';
import type { PlanFigures, PlanJob } from './support/plan-worker.ts';
import { median, quantile } from './support/stats.ts';
import { withGround } from './support/store.ts';
import type { Bench, Figure, Scale } from './support/types.ts';

/** Larger sizes by hand: `DRAWBRIDGE_BENCH_PEOPLE=1000000 npm run bench -- plan --quick`. */
const byHand = process.env['DRAWBRIDGE_BENCH_PEOPLE'];

async function run(scale: Scale): Promise<Figure[]> {
  const sizes = byHand === undefined ? [scale.pick(10_000, 200), scale.pick(100_000, 1_000)] : [Number(byHand)];
  const figures: Figure[] = [];
  for (const people of sizes) figures.push(...(await measure(scale, people)));
  return figures;
}

const measure = (scale: Scale, people: number): Promise<Figure[]> =>
  withGround(async (ground) => {
    const { db } = await ground.open();
    scale.say(`${people} people in 60 groups into the store`);
    await fillCompany(db, people);
    const job: PlanJob = { data: ground.data, single: scale.pick(200, 20), rounds: scale.pick(3, 1) };
    const { result } = await apart<PlanJob, PlanFigures>(new URL('support/plan-worker.ts', import.meta.url), job, {
      limitMs: 1_800_000,
      say: scale.say,
    });
    return shown(people, result);
  });

function shown(people: number, result: PlanFigures): Figure[] {
  const { fullMs, fullPeakMb, fullCpuMs, storeCpuMs, singleMs, evaluationsPerSecond, steps } = result;
  const full = fullMs.map((ms) => ms / 1000);
  const at = `${people} people`;
  return [
    {
      name: `full plan, ${at}, saved: ${steps} steps`,
      value: median(full),
      unit: 's',
      rounds: full,
      peakMb: fullPeakMb,
      cpuMs: median(fullCpuMs) / people,
      aim: { text: '100 000 people < 60 s, < 1 000 MB', reached: median(full) < 60 && fullPeakMb < 1_000 },
    },
    { name: `CPU time of the database for one person of it`, value: median(storeCpuMs) / people, unit: 'ms' },
    {
      name: `one changed person among ${at}`,
      value: median(singleMs),
      unit: 'ms',
      p99: quantile(singleMs, 0.99),
      aim: { text: '< 50 ms', reached: median(singleMs) < 50 },
    },
    {
      name: `rule conditions, ${at}`,
      value: median(evaluationsPerSecond),
      unit: 'evaluations/s',
      rounds: evaluationsPerSecond,
      aim: { text: '≥ 1 000 000/s', reached: median(evaluationsPerSecond) >= 1_000_000 },
    },
  ];
}

export const bench: Bench = {
  name: 'plan',
  title: 'Plans: everybody, and one person',
  about: `People in five of 60 groups each, 100 rules (40 for a group, 20 for a group under a condition, 40 under a
condition alone), three targets that were observed and where nobody has anything yet, so that a full plan has a step for
nearly every person and target: the most that it can have. "Saved" includes writing the steps. One changed person is
measured from the dirty row to the plan in the store.`,
  notes: '',
  run,
};

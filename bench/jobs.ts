import { apart } from './support/apart.ts';
import type { JobsJob, JobsRound } from './support/jobs-worker.ts';
import { fillGroup, fillUsers } from './support/people.ts';
import { median } from './support/stats.ts';
import { withGround } from './support/store.ts';
import type { Bench, Figure, Scale } from './support/types.ts';

async function run(scale: Scale): Promise<Figure[]> {
  const people = scale.pick(20_000, 200);
  const rounds = scale.pick(4, 2);
  return withGround(async (ground) => {
    const { db } = await ground.open();
    scale.say(`${people} users into the store`);
    await fillUsers(db, people);
    const group = await fillGroup(db, people);
    const job: JobsJob = { data: ground.data, people, group, rounds };
    const { result, peakMb } = await apart<JobsJob, JobsRound[]>(
      new URL('support/jobs-worker.ts', import.meta.url),
      job,
      {
        limitMs: 900_000,
        say: scale.say,
      },
    );
    const rates = (of: readonly JobsRound[], ms: (round: JobsRound) => number): number[] =>
      of.map((round) => (round.steps / ms(round)) * 1000);
    const figure = (name: string, what: JobsRound['what']): Figure => {
      const of = result.filter((round) => round.what === what);
      const all = rates(of, (round) => round.workMs);
      return {
        name,
        value: median(all),
        unit: 'steps/s',
        rounds: all,
        cpuMs: median(of.map((round) => round.cpuMs / round.steps)),
        peakMb,
        aim: { text: '≥ 1 000/s', reached: median(all) >= 1_000 },
      };
    };
    const planned = rates(result, (round) => round.planMs);
    return [
      figure('a joiner: account and one role', 'joiner'),
      figure('one more role', 'grant'),
      {
        name: 'CPU time of the database for a step',
        value: median(result.map((round) => round.storeCpuMs / round.steps)),
        unit: 'ms',
      },
      { name: 'planning them', value: median(planned), unit: 'persons/s', rounds: planned },
    ];
  });
}

export const bench: Bench = {
  name: 'jobs',
  title: 'Jobs: what a step costs us',
  about: `20 000 people of one group are planned and then worked off, at a target that answers at once, over BullMQ and
the embedded PostgreSQL: all steps are there when the clock starts, and it stops when the last one is settled. A joiner
is two changes (account, role), then each round gives one role more.`,
  notes: '',
  run,
};

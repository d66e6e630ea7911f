import { fillUsers } from './support/people.ts';
import { cpuMs, memoryMb } from './support/process.ts';
import { startServer, untilPlanned } from './support/service.ts';
import { median } from './support/stats.ts';
import { withGround } from './support/store.ts';
import type { Bench, Figure, Scale } from './support/types.ts';

const SETTLE_MS = 5_000;

async function run(scale: Scale): Promise<Figure[]> {
  const people = scale.pick(100_000, 500);
  return withGround(async (ground) => {
    const store = await ground.open();
    scale.say(`${people} users into the store`);
    await fillUsers(store.db, people);
    const target = 'strongdm: { type: strongdm, mode: full, simulator: true, createRoles: true }';
    // The first start plans everybody, which later ones have behind them.
    const first = await startServer(ground, { targets: `{ ${target} }` });
    await untilPlanned(store.db, 300_000);
    await first.stop();
    await store.close();
    const [times, memory, cpu]: [number[], number[], number[]] = [[], [], []];
    for (let round = 1; round <= scale.pick(7, 1); round++) {
      scale.say(`start ${round}`);
      const begun = performance.now();
      const service = await startServer(ground, { targets: `{ ${target} }` });
      times.push((performance.now() - begun) / 1000);
      await new Promise((resolve) => setTimeout(resolve, scale.pick(SETTLE_MS, 200)));
      memory.push(memoryMb(service.pid));
      cpu.push(cpuMs(service.pid));
      await service.stop();
    }
    const start = median(times);
    return [
      {
        name: 'start of `drawbridge serve` until it serves',
        value: start,
        unit: 's',
        rounds: times,
        aim: { text: '< 3 s', reached: start < 3 },
      },
      { name: `memory ${SETTLE_MS / 1000} s later`, value: median(memory), unit: 'MB', rounds: memory },
      { name: 'CPU time until then', value: median(cpu) / 1000, unit: 's', rounds: cpu.map((ms) => ms / 1000) },
    ];
  });
}

export const bench: Bench = {
  name: 'start',
  title: 'Start of the service with 100 000 people stored',
  about: `From the command to the line \`ready\`, with the embedded PostgreSQL stopped before and one target (the StrongDM
simulator, which starts as a child). Everybody was planned at an earlier start.`,
  notes: '',
  run,
};

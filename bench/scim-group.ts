import { measure, rateFigure } from './support/measure.ts';
import { fillGroup, fillUsers } from './support/people.ts';
import { memoryMb } from './support/process.ts';
import { clientHeaders, startServer, untilPlanned } from './support/service.ts';
import { withGround } from './support/store.ts';
import type { Bench, Figure, Scale } from './support/types.ts';

async function run(scale: Scale): Promise<Figure[]> {
  const people = scale.pick(100_000, 1_000);
  return withGround(async (ground) => {
    const { db } = await ground.open();
    scale.say(`a group of ${people} into the store`);
    await fillUsers(db, people);
    const id = await fillGroup(db, people);
    const service = await startServer(ground);
    scale.say('everybody is planned once');
    await untilPlanned(db, 300_000);
    const headers = await clientHeaders(db);
    const before = memoryMb(service.pid);
    const path = `${new URL(service.scim).pathname}/Groups/${id}`;
    const job = { method: 'GET', headers, warmUp: scale.pick(3, 1), count: scale.pick(20, 2), expect: 200 };
    const figures: Figure[] = [];
    for (const clients of [1, 4]) {
      scale.say(`${clients} at a time`);
      const round = await measure(service, { ...job, clients, paths: [path], limitMs: 120_000 });
      const { cpuMs = 0, peakMb = 0 } = rateFigure('', [round]);
      const name = `GET /Groups/:id, 100 000 members, ${clients} at a time`;
      figures.push({ name, value: round.p50, unit: 'ms', p99: round.p99, cpuMs, peakMb });
      if (clients > 1) continue;
      figures.push({ name: 'size of the answer', value: round.bytes / round.count / 1e6, unit: 'MB' });
      figures.push({ name: 'memory before the first', value: before, unit: 'MB' });
    }
    await service.stop();
    return figures;
  });
}

export const bench: Bench = {
  name: 'scim-group',
  title: 'SCIM: reading a group of 100 000 members',
  about: `The group with all its members, as a client gets it that does not say \`excludedAttributes=members\`.`,
  notes: `Not streamed: the answer is held whole, as rows, as objects and as text, which is what the peak shows. Taken
apart on a busy machine, of some 4.7 s 1.5 were PostgreSQL's (100 000 memberships joined with their records, and sorted),
2.0 the way of the rows into objects, 0.6 the links in SCIM's form and 0.6 the JSON of 17 MB; all but the first hold up
other requests of the process. Clients that manage members by PATCH never need it, and
\`excludedAttributes=members\` leaves it out.`,
  run,
};

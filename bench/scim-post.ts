import { fileURLToPath } from 'node:url';
import { measure, rateFigure } from './support/measure.ts';
import { fillUsers, user } from './support/people.ts';
import { peakMb, startProcess } from './support/process.ts';
import { clientHeaders, startServer, untilPlanned } from './support/service.ts';
import { withGround } from './support/store.ts';
import type { Bench, Figure, Scale } from './support/types.ts';

const SCIMMY = fileURLToPath(new URL('peers/scimmy.ts', import.meta.url));
const CLIENTS = 16;

/** `targets` undefined: nobody has an account anywhere. */
async function imported(scale: Scale, name: string, count: number, targets: string | undefined): Promise<Figure[]> {
  return withGround(async (ground) => {
    const { db } = await ground.open();
    await fillUsers(db, 0);
    const service = await startServer(ground, targets === undefined ? {} : { targets });
    scale.say(`${count} POST: ${name}`);
    const round = await measure(
      service,
      {
        method: 'POST',
        paths: [`${new URL(service.scim).pathname}/Users`],
        body: JSON.stringify(user('{n}')),
        headers: await clientHeaders(db),
        clients: CLIENTS,
        warmUp: Math.ceil(count / 50),
        count,
        limitMs: 300_000,
        expect: 201,
      },
      ground.server(),
    );
    const wait = await untilPlanned(db, 120_000);
    const peak = peakMb(service.pid);
    await service.stop();
    const slowest = (Math.min(...round.tenths) / round.seconds) * 10;
    const reached = round.count === count && round.perSecond >= 1_000 && peak < 600;
    return [
      {
        ...rateFigure(name, [{ ...round, peak }]),
        aim: { text: '≥ 1 000/s, < 600 MB', reached },
      },
      { name: `${name}: the slowest tenth of the time`, value: slowest, unit: '/s' },
      { name: `${name}: last answer → all planned`, value: wait / 1000, unit: 's' },
    ];
  });
}

async function run(scale: Scale): Promise<Figure[]> {
  const count = scale.pick(100_000, 300);
  const target = 'strongdm: { type: strongdm, mode: full, simulator: true, createRoles: true }';
  const figures = [
    ...(await imported(scale, 'POST /Users, one target', count, `{ ${target} }`)),
    ...(await imported(scale, 'POST /Users, no target', count, undefined)),
  ];
  const scimmy = await startProcess(SCIMMY, ['0']);
  scale.say('scimmy-routers');
  const few = scale.pick(20_000, 100);
  const theirs = await measure(scimmy, {
    method: 'POST',
    paths: ['/scim/Users'],
    body: JSON.stringify(user('{n}')),
    headers: { 'content-type': 'application/scim+json' },
    clients: CLIENTS,
    warmUp: few / 10,
    count: few,
    limitMs: 60_000,
    expect: 201,
  });
  await scimmy.stop();
  return [...figures, rateFigure('scimmy-routers, users in memory, nothing on disk', [theirs])];
}

export const bench: Bench = {
  name: 'scim-post',
  title: 'SCIM: import of 100 000 users',
  about: `100 000 users by POST on an empty embedded store (with fsync), ${CLIENTS} clients, one request a user. "One target":
the StrongDM simulator is a target and the rules of the example are in force, so that each new person is planned while
the import runs (none of them is in a group yet, so none gets an account). Then the time from the last answer until
everybody is planned. The peak covers both.`,
  notes: `A new user is one statement: record, person, their link, the history's event, the mark for the planner, and by
a trigger the count that lists use. Planning takes place in the same process, in batches, and shares its core.`,
  run,
};

import { fileURLToPath } from 'node:url';
import { measure, rateFigure, ratioTo, type Round } from './support/measure.ts';
import { fillGroup, fillUsers, idOf } from './support/people.ts';
import { startProcess } from './support/process.ts';
import { clientHeaders, startServer, untilPlanned } from './support/service.ts';
import { randoms } from './support/stats.ts';
import { withGround } from './support/store.ts';
import type { Bench, Figure, Scale } from './support/types.ts';

const BARE = fileURLToPath(new URL('peers/bare.ts', import.meta.url));
const SCIMMY = fileURLToPath(new URL('peers/scimmy.ts', import.meta.url));
const CLIENTS = 8;

async function run(scale: Scale): Promise<Figure[]> {
  const people = scale.pick(100_000, 500);
  return withGround(async (ground) => {
    const { db } = await ground.open();
    scale.say(`${people} users into the store`);
    await fillUsers(db, people);
    await fillGroup(db, people / 10);
    const service = await startServer(ground);
    scale.say('everybody is planned once');
    await untilPlanned(db, 300_000);
    const bare = await startProcess(BARE, [ground.data]);
    const scimmy = await startProcess(SCIMMY, [String(people)]);
    const headers = await clientHeaders(db);
    const random = randoms(1);
    const chosen = Array.from({ length: scale.pick(5_000, 50) }, () => 1 + Math.floor(random() * people));
    const base = new URL(service.scim).pathname;
    const filter = (n: number): string => `filter=${encodeURIComponent(`userName eq "person.${n}@example.com"`)}`;
    const kinds = [
      {
        name: 'GET /Users/:id',
        ours: chosen.map((n) => `${base}/Users/${idOf(n)}`),
        bare: chosen.map((n) => `/Users/${idOf(n)}`),
        scimmy: chosen.map((n) => `/scim/Users/${idOf(n)}`),
        scimmyCount: scale.pick(500, 50),
      },
      {
        name: 'GET /Users?filter=userName eq',
        ours: chosen.map((n) => `${base}/Users?${filter(n)}`),
        bare: chosen.map((n) => `/named/person.${n}@example.com`),
        scimmy: chosen.map((n) => `/scim/Users?${filter(n)}`),
        // It reads all users for each filter.
        scimmyCount: 1,
      },
    ];
    const job = { method: 'GET', clients: CLIENTS, expect: 200, limitMs: 60_000 };
    const size = { count: scale.pick(3_000, 100), warmUp: scale.pick(500, 20) };
    const figures: Figure[] = [];
    for (const kind of kinds) {
      const [ours, bares, scimmys]: [Round[], Round[], Round[]] = [[], [], []];
      for (let round = 1; round <= scale.pick(5, 1); round++) {
        scale.say(`${kind.name}, round ${round}`);
        ours.push(await measure(service, { ...job, ...size, paths: kind.ours, headers }, ground.server()));
        bares.push(await measure(bare, { ...job, ...size, paths: kind.bare }, ground.server()));
        if (round > 1) continue;
        const few = { count: kind.scimmyCount, warmUp: Math.floor(kind.scimmyCount / 4) };
        scimmys.push(await measure(scimmy, { ...job, ...few, clients: 1, paths: kind.scimmy }));
      }
      const mine = rateFigure(kind.name, ours);
      const ratio = ratioTo('bare express', ours, bares);
      const reached = ratio.value >= 1 / 3 && (mine.p99 ?? 0) < 10;
      figures.push(
        { ...mine, ratio, aim: { text: '≥ 1/3 of bare express, p99 < 10 ms', reached } },
        rateFigure('bare express, the same read', bares),
        rateFigure('scimmy-routers, users in memory, 1 client', scimmys),
      );
    }
    for (const server of [scimmy, bare, service]) await server.stop();
    return figures;
  });
}

export const bench: Bench = {
  name: 'scim-read',
  title: 'SCIM: reading one of 100 000 users',
  about: `100 000 users are stored, a tenth of them in a group. ${CLIENTS} clients ask for users at random, each waits for
its answer. In turns with a bare express server (\`bench/peers/bare.ts\`) that makes one prepared select by the same
index on the same PostgreSQL and sends the stored JSON, without a token, a filter language or SCIM; and with
scimmy-routers, whose users lie in a map in memory.`,
  notes: `On a machine that others load, requests a second and p99 say more about the others: with two runnable processes for
each core every answer waits for a turn. The ratio to the bare server then comes nearer to 1, because both wait; the CPU
time per request is the figure to compare. Beyond the read itself a SCIM request costs its authentication (a read of the
token from the store, so that a revoked one is refused at once; requests that come at the same time share it), the parsing of
path, filter and projection, the resource as SCIM wants it, an id, a histogram and a log line that is not written at the
level \`info\`. scimmy-routers filters by reading all users, so it is asked few times and by one client.`,
  run,
};

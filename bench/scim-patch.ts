import { fileURLToPath } from 'node:url';
import { measure, rateFigure, rates, type Round } from './support/measure.ts';
import { fillGroup, fillUsers, idOf } from './support/people.ts';
import { startProcess } from './support/process.ts';
import { clientHeaders, startServer, untilPlanned } from './support/service.ts';
import { median } from './support/stats.ts';
import { withGround } from './support/store.ts';
import type { Bench, Figure, Scale } from './support/types.ts';

const SCIMMY = fileURLToPath(new URL('peers/scimmy.ts', import.meta.url));
const CLIENTS = 8;
const sizeText = (size: number): string => size.toString().replace(/\B(?=(\d{3})+$)/g, ' ');

const addMember = (member: string): string =>
  JSON.stringify({
    schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'],
    Operations: [{ op: 'add', path: 'members', value: [{ value: member }] }],
  });

async function run(scale: Scale): Promise<Figure[]> {
  const sizes = [10, 1_000, scale.pick(100_000, 2_000)];
  const largest = Math.max(...sizes);
  const rounds = scale.pick(5, 1);
  const count = scale.pick(1_000, 40);
  const warmUp = scale.pick(200, 10);
  return withGround(async (ground) => {
    const { db } = await ground.open();
    const newcomers = rounds * sizes.length * (count + warmUp);
    scale.say(`${largest + newcomers} users and the groups into the store`);
    await fillUsers(db, largest + newcomers);
    for (const size of sizes) await fillGroup(db, size);
    const service = await startServer(ground);
    scale.say('everybody is planned once');
    await untilPlanned(db, 300_000);
    const headers = await clientHeaders(db);
    const base = new URL(service.scim).pathname;
    const bySize = new Map<number, Round[]>(sizes.map((size) => [size, []]));
    let from = largest + 1;
    for (let round = 1; round <= rounds; round++) {
      for (const size of sizes) {
        scale.say(`group of ${sizeText(size)}, round ${round}`);
        const job = { from, count, warmUp, clients: CLIENTS, expect: 204, limitMs: 60_000, headers };
        const body = addMember(idOf('{n:12}'));
        const paths = [`${base}/Groups/group-${size}`];
        bySize.get(size)?.push(await measure(service, { ...job, method: 'PATCH', paths, body }, ground.server()));
        from += count + warmUp;
      }
    }
    await service.stop();
    const times = sizes.map((size) => median((bySize.get(size) ?? []).map(({ perSecond }) => 1 / perSecond)));
    const spread = Math.max(...times) / Math.min(...times);
    const figures: Figure[] = sizes.map((size) => {
      const figure = rateFigure(`PATCH one member, group of ${sizeText(size)}`, bySize.get(size) ?? []);
      return { ...figure, aim: { text: '≥ 500/s', reached: median(rates(bySize.get(size) ?? [])) >= 500 } };
    });
    figures.push({
      name: 'the slowest size against the fastest',
      value: spread,
      unit: '×',
      aim: { text: '≤ 1.5 ×', reached: spread <= 1.5 },
    });
    return [...figures, ...(await peer(scale, sizes))];
  });
}

/** It reads and writes the whole group for each member, so few requests must do. */
async function peer(scale: Scale, sizes: readonly number[]): Promise<Figure[]> {
  const scimmy = await startProcess(SCIMMY, ['0', sizes.join(',')]);
  const figures: Figure[] = [];
  for (const size of sizes) {
    scale.say(`scimmy-routers, group of ${sizeText(size)}`);
    const count = scale.pick(Math.max(1, Math.min(100, Math.round(5_000 / size))), 5);
    const round = await measure(scimmy, {
      method: 'PATCH',
      paths: [`/scim/Groups/group-${size}`],
      body: addMember('new-{n}'),
      headers: { 'content-type': 'application/scim+json' },
      clients: 1,
      warmUp: Math.floor(count / 5),
      count,
      limitMs: 60_000,
      expect: 200,
    });
    figures.push(rateFigure(`scimmy-routers, in memory, 1 client, group of ${sizeText(size)}`, [round]));
  }
  await scimmy.stop();
  return figures;
}

export const bench: Bench = {
  name: 'scim-patch',
  title: 'SCIM: adding one member to a group',
  about: `PATCH with one \`add\` of one user, by ${CLIENTS} clients to one and the same group at a time, which has 10, 1 000 or
100 000 members at the start. Each request adds another user, and waits for the commit on disk.`,
  notes: `A change of one member is one statement that finds the member and the membership by their indexes and never
reads the rest. Changes of the same group wait for each other until the one before is on disk, so the disk's time for
a sync bounds them: a group can't be changed more often than 1 s / (statement + sync). Groups are independent.`,
  run,
};

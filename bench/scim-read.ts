import { fileURLToPath } from 'node:url';
import { type Load, load, type LoadResult } from './support/load.ts';
import { fillUsers, idOf } from './support/people.ts';
import { cpuMs, peakMb, resetPeak, type Running, startProcess } from './support/process.ts';
import { clientHeaders, startServer } from './support/service.ts';
import { median, medianRatio, randoms } from './support/stats.ts';
import { withGround } from './support/store.ts';
import type { Bench, Figure, Scale } from './support/types.ts';

const BARE = fileURLToPath(new URL('peers/bare.ts', import.meta.url));
const CLIENTS = 8;

interface Round {
  readonly result: LoadResult;
  readonly cpu: number;
  readonly peak: number;
}

/** One load on one server, with what the server used for it. */
async function measure(server: Running, job: Omit<Load, 'url' | 'clients' | 'expect' | 'limitMs'>): Promise<Round> {
  let cpu = 0;
  resetPeak(server.pid);
  const result = await load(
    { ...job, url: server.url, clients: CLIENTS, expect: 200, limitMs: 60_000 },
    { warm: () => (cpu = cpuMs(server.pid)), done: () => (cpu = cpuMs(server.pid) - cpu) },
  );
  return { result, cpu: cpu / result.count, peak: peakMb(server.pid) };
}

async function run(scale: Scale): Promise<Figure[]> {
  const people = scale.pick(100_000, 500);
  const count = scale.pick(20_000, 100);
  const warmUp = scale.pick(4_000, 20);
  return withGround(async (ground) => {
    const { db } = await ground.open();
    scale.say(`${people} users into the store`);
    await fillUsers(db, people);
    const service = await startServer(ground);
    const bare = await startProcess(BARE, [ground.data]);
    const headers = await clientHeaders(db);
    const random = randoms(1);
    const chosen = Array.from({ length: scale.pick(5_000, 50) }, () => 1 + Math.floor(random() * people));
    const base = new URL(service.scim).pathname;
    const find = (n: number): string =>
      `${base}/Users?filter=${encodeURIComponent(`userName eq "person.${n}@example.com"`)}`;
    const kinds = [
      {
        name: 'GET /Users/:id',
        ours: chosen.map((n) => `${base}/Users/${idOf(n)}`),
        theirs: chosen.map((n) => `/Users/${idOf(n)}`),
      },
      {
        name: 'GET /Users?filter=userName eq',
        ours: chosen.map(find),
        theirs: chosen.map((n) => `/named/person.${n}@example.com`),
      },
    ];
    const figures: Figure[] = [];
    for (const kind of kinds) {
      const [ours, theirs]: [Round[], Round[]] = [[], []];
      for (let round = 1; round <= scale.pick(5, 1); round++) {
        scale.say(`${kind.name}, round ${round}`);
        const job = { method: 'GET', count, warmUp };
        ours.push(await measure(service, { ...job, paths: kind.ours, headers }));
        theirs.push(await measure(bare, { ...job, paths: kind.theirs }));
      }
      figures.push(...shown(kind.name, ours, theirs));
    }
    await bare.stop();
    await service.stop();
    return figures;
  });
}

function shown(name: string, ours: readonly Round[], theirs: readonly Round[]): Figure[] {
  const rate = (rounds: readonly Round[]): number[] => rounds.map(({ result }) => result.perSecond);
  const figure = (rounds: readonly Round[]): Omit<Figure, 'name'> => ({
    value: median(rate(rounds)),
    unit: 'requests/s',
    rounds: rate(rounds),
    p99: median(rounds.map(({ result }) => result.p99)),
    peakMb: Math.max(...rounds.map(({ peak }) => peak)),
    cpuMs: median(rounds.map(({ cpu }) => cpu)),
  });
  const mine = figure(ours);
  const ratio = medianRatio(rate(ours), rate(theirs));
  return [
    {
      name,
      ...mine,
      ratio: { to: 'bare express', value: ratio },
      aim: { text: '≥ 1/3 of bare express; p99 < 10 ms', reached: ratio >= 1 / 3 && (mine.p99 ?? 0) < 10 },
    },
    { name: `bare express, the same read`, ...figure(theirs) },
  ];
}

export const bench: Bench = {
  name: 'scim-read',
  title: 'SCIM: reading one of 100 000 users',
  about: `100 000 users are stored. ${CLIENTS} clients ask for users at random, each waits for its answer; in turns with a
bare express server that makes one prepared select by the same index on the same PostgreSQL and sends the stored JSON.`,
  notes: '',
  run,
};

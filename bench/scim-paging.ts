import { measure, type Round } from './support/measure.ts';
import { fillUsers } from './support/people.ts';
import { clientHeaders, startServer, untilPlanned } from './support/service.ts';
import { median } from './support/stats.ts';
import { withGround } from './support/store.ts';
import type { Bench, Figure, Scale } from './support/types.ts';

const COUNT = 100;

async function run(scale: Scale): Promise<Figure[]> {
  const people = scale.pick(250_000, 1_000);
  return withGround(async (ground) => {
    const { db } = await ground.open();
    scale.say(`${people} users into the store`);
    await fillUsers(db, people);
    const service = await startServer(ground);
    scale.say('everybody is planned once');
    await untilPlanned(db, 300_000);
    const headers = await clientHeaders(db);
    const base = new URL(service.scim).pathname;
    const page = (startIndex: number): string => `${base}/Users?startIndex=${startIndex}&count=${COUNT}`;
    const places: ReadonlyArray<readonly [string, number]> = [
      ['first page', 1],
      ['page in the middle', people / 2 + 1],
      ['last page', people - COUNT + 1],
    ];
    const rounds = places.map((): Round[] => []);
    const job = { method: 'GET', clients: 1, warmUp: scale.pick(20, 3), count: scale.pick(100, 5), expect: 200 };
    for (let round = 1; round <= scale.pick(7, 1); round++) {
      scale.say(`round ${round}`);
      for (const [i, [, start]] of places.entries()) {
        rounds[i]?.push(await measure(service, { ...job, limitMs: 60_000, paths: [page(start)], headers }));
      }
    }
    scale.say('all pages, one after the other');
    const all = Array.from({ length: people / COUNT }, (_, i) => page(i * COUNT + 1));
    const walk = await measure(service, {
      ...job,
      paths: all,
      headers,
      warmUp: 0,
      count: all.length,
      limitMs: 600_000,
    });
    await service.stop();
    const [first = [], , last = []] = rounds.map((list) => list.map(({ p50 }) => p50));
    const ratio = median(last.map((ms, i) => ms / (first[i] ?? Number.NaN)));
    return [
      ...places.map(([name], i) => {
        const list = rounds[i] ?? [];
        const value = median(list.map(({ p50 }) => p50));
        const p99 = median(list.map((round) => round.p99));
        const figure = { name, value, unit: 'ms', rounds: list.map(({ p50 }) => p50), p99 };
        if (name !== 'last page') return figure;
        return {
          ...figure,
          ratio: { to: 'first page', value: ratio },
          aim: { text: '≤ 2 × the first page', reached: ratio <= 2 },
        };
      }),
      { name: `all ${all.length} pages`, value: walk.seconds, unit: 's', p99: walk.p99, peakMb: walk.peak },
    ];
  });
}

export const bench: Bench = {
  name: 'scim-paging',
  title: 'SCIM: paging by index through 250 000 users',
  about: `\`GET /Users?startIndex=N&count=${COUNT}\` without a filter, one client, 250 000 users stored.`,
  notes: `Places come from counts by blocks of 8 192 keys (docs/decisions/0007), so a page passes over less than a block
in the index, wherever it lies, and nothing is counted. With a filter that no index answers, or with \`sortBy\`, a page
still costs a scan of the source's records.`,
  run,
};

import type { Log } from '../log.ts';
import type { Planned } from '../jobs/index.ts';

/** A burst that grew no more for this long is over for the log. Milliseconds. */
const OVER = 3_600_000;

/**
 * Says in the log that a burst of leavers is held: at once, and again each time that twice as many are. Two thousand
 * people are a dozen lines, and the last one has nearly all of them.
 */
export function createBurstAlert(log: Log): (planned: Pick<Planned, 'bursts'>, now: Date) => void {
  const known = new Map<string, { people: number; told: number; at: number }>();
  return ({ bursts }, now) => {
    for (const [source, more] of bursts) {
      const before = known.get(source);
      const fresh = before === undefined || now.getTime() - before.at > OVER;
      const burst = fresh ? { people: 0, told: 0, at: 0 } : before;
      burst.people += more;
      burst.at = now.getTime();
      known.set(source, burst);
      if (burst.people < 2 * burst.told) continue;
      burst.told = burst.people;
      const remedy = `Whoever really left keeps access until you approve: drawbridge holds list --filter burst:${source}`;
      log.error({ source, people: burst.people, remedy }, 'a burst of leavers is held for approval');
    }
  };
}

import type { Bell } from './bell.ts';
import type { WorkDeps } from './deps.ts';
import { loop } from './loops.ts';
import { lastVerified, verifyAccess } from './verify.ts';

/** Broken chains that stand in the log one by one; the command shows all of them. */
const MOST_LINES = 20;

/** A service that starts has other things to do first. */
const FIRST_MS = 60_000;

/** Where most people waited to be planned. */
const AGAIN_MS = 600_000;

/** Looks at all access every `timing.verifyEvery`, counted from the last time, over restarts too. */
export function verifyLoop(deps: WorkDeps, signal: AbortSignal, bell: Bell): Promise<void> {
  const begun = performance.now();
  let again = false;
  return loop(deps, signal, bell, 'verify', async () => {
    const last = await lastVerified(deps);
    const every = deps.timing.verifyEvery;
    const rest = Math.max(0, FIRST_MS - (performance.now() - begun));
    const due = last === undefined ? rest : Date.parse(last.at) + every - deps.now().getTime();
    // A clock that was set back must not put it off for longer than one round.
    if (!again && due > 0 && due <= Math.max(every, FIRST_MS)) return due;
    let told = 0;
    const verified = await verifyAccess(
      deps,
      (chain) => {
        told += 1;
        if (told <= MOST_LINES) deps.log.error({ ...chain }, 'access was given of which the chain is not complete');
      },
      { signal, gently: true },
    );
    if (verified.broken > 0) {
      deps.log.error({ ...verified }, 'access without a complete chain: see drawbridge access verify');
    }
    // While everybody is being planned there is nothing to look at.
    again = verified.skipped > verified.persons;
    return again ? AGAIN_MS : every;
  });
}

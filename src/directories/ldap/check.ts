import type { Setup } from './setup.ts';
import { openSession } from './session.ts';
import { Tally, scan } from './scan.ts';

/** Proves that address, credentials and rights work. Throws Failure. */
export async function checkAccess(setup: Setup, signal: AbortSignal): Promise<void> {
  const session = await openSession(setup, signal);
  try {
    const tally = new Tally();
    for (const base of session.userBases) {
      for await (const _ of scan(
        session,
        { base, filter: setup.userFilter, attributes: ['1.1'], what: 'people' },
        tally,
        signal,
      ))
        break;
      break;
    }
  } finally {
    session.connection.destroy();
  }
}

import { existsSync } from 'node:fs';

/**
 * `reason` when a program is missing on this machine, for `{ skip }`; false when it is there. Continuous integration
 * installs them all (.ci/run) and says DRAWBRIDGE_TEST_SERVERS=required: there a test is never left out.
 */
export function missingServer(program: string, reason: string): string | false {
  if (existsSync(program)) return false;
  if (process.env['DRAWBRIDGE_TEST_SERVERS'] === 'required') throw new Error(reason);
  return reason;
}

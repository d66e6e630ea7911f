import { processIo, endWithReader } from './cli/io.ts';
import { run } from './cli/run.ts';

/** How long handles that were left open may keep a finished process. Milliseconds. */
const PATIENCE = 5_000;

/** Runs the command line of this process and sets its exit code. */
export async function main(argv: readonly string[]): Promise<void> {
  endWithReader();
  process.exitCode = await run(argv.slice(2), processIo());
  setTimeout(() => process.exit(), PATIENCE).unref();
}

import { Command, CommanderError } from 'commander';
import { renderProblem } from '../config/render.ts';
import { createSecrets, type Secrets } from '../log.ts';
import type { Program } from './command.ts';
import { CommandError, EXIT } from './exit.ts';
import type { Io } from './io.ts';
import { addCommands } from './index.ts';
import { printable } from './text.ts';
import { version } from './version.ts';

/** Runs one command line (without `node` and the script) and gives its exit code. Never throws. */
export async function run(args: readonly string[], io: Io): Promise<number> {
  const root = new Command('drawbridge');
  const program: Program = { root, io, secrets: createSecrets(), exit: EXIT.done };
  const json = args.includes('--json');
  root
    .description(
      'Gives people their privileged access, and takes it away again, by what the directory says about them.',
    )
    .version(version(), '--version')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => io.out(text),
      writeErr: (text) => io.err(text),
    })
    .showHelpAfterError('(add --help for what there is)')
    .helpCommand(false)
    .addHelpText('after', '\nExample:\n  drawbridge serve --config config/drawbridge.yaml')
    .addHelpText('after', '\nExit codes: 0 done, 1 failed, 2 bad usage or settings, 3 held, 4 nothing to do.');
  addCommands(program);
  try {
    await root.parseAsync([...args], { from: 'user' });
    return program.exit;
  } catch (error) {
    if (error instanceof CommanderError) return usage(error, json, io);
    return tell(error, json, io, program.secrets);
  }
}

function usage(error: CommanderError, json: boolean, io: Io): number {
  if (error.exitCode === 0) return EXIT.done;
  if (json) io.out(`${JSON.stringify({ error: { message: error.message.replace(/^error: /, '') } }, null, 2)}\n`);
  return EXIT.usage;
}

/** Tells an error in its own words: what is wrong, where, what to do. */
function tell(error: unknown, json: boolean, io: Io, secrets: Secrets): number {
  const told = error instanceof Error ? error : new Error(String(error));
  const remedy = 'remedy' in told && typeof told.remedy === 'string' ? told.remedy : undefined;
  const problems = told instanceof CommandError ? told.problems : [];
  const known = remedy !== undefined || told instanceof CommandError;
  const lines = [
    ...problems.map((problem) => renderProblem(problem, io.cwd)),
    `drawbridge: ${told.message}`,
    ...(remedy === undefined ? [] : [`  ${remedy}`]),
    ...(known ? [] : [told.stack ?? '']),
  ];
  io.err(printable(secrets.strip(`${lines.join('\n')}\n`)));
  if (json) {
    const shown = { message: told.message, ...(remedy === undefined ? {} : { remedy }), problems };
    io.out(secrets.strip(`${JSON.stringify({ error: shown }, null, 2)}\n`));
  }
  return told instanceof CommandError ? told.exit : EXIT.failed;
}

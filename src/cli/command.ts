import { Command } from 'commander';
import { createContext, type CommonOptions, type Context } from './context.ts';
import type { Secrets } from '../log.ts';
import { EXIT } from './exit.ts';
import type { Io } from './io.ts';
import { printable } from './text.ts';

/** What a command came to. Exactly one of the two is printed: `json` with --json, else `text`. */
export interface Answer {
  readonly json: unknown;
  readonly text: string;
  /** 0 when not given. */
  readonly exit?: number;
}

export interface Spec<O> {
  /** With its arguments in commander's notation: `show <person>`. */
  readonly usage: string;
  readonly about: string;
  /** Command lines that work, without `drawbridge`. */
  readonly examples: readonly string[];
  options?(command: Command): void;
  run(context: Context, options: O, ...args: ReadonlyArray<string | undefined>): Promise<Answer | undefined>;
}

/** Where commands are added, and what they end with. */
export interface Program {
  readonly root: Command;
  readonly io: Io;
  /** What was read as a secret by whatever command ran; taken out of errors too. */
  readonly secrets: Secrets;
  exit: number;
}

/** Adds a command below `parent`. It prints its own answer; errors are left to the caller of the program. */
export function add<O>(program: Program, parent: Command, spec: Spec<O>): void {
  const command = new Command().copyInheritedSettings(parent);
  const [name = '', ...args] = spec.usage.split(' ');
  command.name(name).description(spec.about);
  for (const argument of args) command.argument(argument);
  spec.options?.(command);
  command
    .option('--config <file>', 'settings file (default: DRAWBRIDGE_CONFIG, else config/drawbridge.yaml)')
    .option('--json', 'print one JSON document')
    .addHelpText('after', `\nExample:\n${spec.examples.map((e) => `  drawbridge ${e}`).join('\n')}`)
    .action(async (...given: unknown[]) => {
      const options = given[args.length] as O & CommonOptions;
      const context = createContext(program.io, options, program.secrets);
      const answer = await spec.run(context, options, ...(given.slice(0, args.length) as Array<string | undefined>));
      if (answer === undefined) return;
      program.io.out(context.json ? `${JSON.stringify(answer.json, null, 2)}\n` : ended(printable(answer.text)));
      program.exit = answer.exit ?? EXIT.done;
    });
  parent.addCommand(command);
}

/** A command that only groups others. `example` is a command line that works, without `drawbridge`. */
export function group(program: Program, name: string, about: string, example: string): Command {
  const command = new Command(name)
    .copyInheritedSettings(program.root)
    .description(about)
    .addHelpText('after', `\nExample:\n  drawbridge ${example}`);
  program.root.addCommand(command);
  return command;
}

const ended = (text: string): string => (text === '' || text.endsWith('\n') ? text : `${text}\n`);

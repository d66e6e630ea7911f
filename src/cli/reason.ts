import type { Command } from 'commander';
import { CommandError, EXIT } from './exit.ts';

/** Of commands that decide something. */
export const reasonOption = (command: Command): Command =>
  command.requiredOption('--reason <text>', 'why; kept in the history');

/** The reason that was given, without blanks around it. Throws a CommandError (exit 2) where there is none. */
export function needed(reason: string | undefined, command?: string): string {
  const text = reason?.trim() ?? '';
  if (text !== '') return text;
  throw new CommandError(EXIT.usage, command === undefined ? '--reason is empty' : `${command} needs --reason`, {
    remedy: 'Say why: it is kept in the history.',
  });
}

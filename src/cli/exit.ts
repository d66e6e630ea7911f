import type { Problem } from '../model/rules.ts';
import { suggest } from '../model/suggest.ts';

/** Exit codes: done, failed, bad usage or settings, held by the guard, nothing to do where something was expected. */
export const EXIT = { done: 0, failed: 1, usage: 2, held: 3, nothing: 4 } as const;

/** Ends a command with a message, and what to do about it. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
  readonly exit: number;
  readonly remedy: string | undefined;
  /** Mistakes of settings or rules, shown below the message. */
  readonly problems: readonly Problem[];
  constructor(exit: number, message: string, more: { remedy?: string; problems?: readonly Problem[] } = {}) {
    super(message);
    this.exit = exit;
    this.remedy = more.remedy;
    this.problems = more.problems ?? [];
  }
}

/** Somebody named a target that the settings don't have. */
export function unknownTarget(target: string, ids: readonly string[]): CommandError {
  const near = suggest(target, ids);
  return new CommandError(EXIT.usage, `there is no target "${target}"`, {
    remedy: `${near === undefined ? '' : `Did you mean ${near}? `}Targets in the settings: ${ids.join(', ') || 'none'}.`,
  });
}

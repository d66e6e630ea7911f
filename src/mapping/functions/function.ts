import type { RuleFunction } from '../../model/rules.ts';

/** A rule function whose pattern is compiled when the rule is loaded: its first argument must be a literal. */
export interface PatternFunction extends RuleFunction {
  readonly name: string;
  /** Throws when the pattern is not valid. The result takes the text; `undefined` is *none*. */
  compile(pattern: string): (text: string) => unknown;
}

/** A rule function on plain values. `undefined` is *none*. */
export interface ValueFunction extends RuleFunction {
  readonly name: string;
  call(text: string, ...args: readonly string[]): unknown;
}

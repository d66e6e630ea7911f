import type { ExpressionInput, RuleFunction } from '../../model/rules.ts';

/** A rule function whose argument is read when the rule is loaded: its first argument must be a literal text. */
export interface PatternFunction extends RuleFunction {
  readonly name: string;
  /** What the literal is, for messages: `pattern`, `DN`. */
  readonly takes: string;
  /** What to do when it is not valid. */
  readonly hint: string;
  /** Throws an Error that says why when the literal is not valid. The result takes the text; `undefined` is *none*. */
  compile(literal: string): (text: string) => unknown;
}

/** A rule function on plain values: texts and times. `undefined` is *none*. */
export interface ValueFunction extends RuleFunction {
  readonly name: string;
  call(receiver: string | Date, ...args: ReadonlyArray<string | Date>): unknown;
}

/** A rule function on the person, called on `user` with literal texts. */
export interface PersonFunction extends RuleFunction {
  readonly name: string;
  of(input: ExpressionInput, ...args: readonly string[]): unknown;
}

export type AnyFunction = ValueFunction | PatternFunction | PersonFunction;

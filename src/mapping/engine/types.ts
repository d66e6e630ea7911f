import type { Expression, Place } from '../../model/rules.ts';

/** What an expression may be asked to give, by its name in the rule language. */
export interface ResultTypes {
  readonly bool: boolean;
  readonly string: string;
  readonly timestamp: Date;
}

/** A mistake within an expression; `start` and `end` count characters of its text from 0. */
export interface Fault {
  readonly message: string;
  readonly remedy?: string;
  readonly start: number;
  readonly end: number;
}

/** `meaning` is the same for two texts that differ in blanks and comments only. */
export type Compiled<T> = { readonly expression: Expression<T>; readonly meaning: string } | { readonly fault: Fault };

/** The rule language, behind an interface: no other file knows which library reads it. */
export interface RuleEngine {
  /** Parses and type-checks; never throws. What it gives never throws either. */
  compile<K extends keyof ResultTypes>(text: string, type: K, place: Place): Compiled<ResultTypes[K]>;
  /** Names that an expression may use after `user.`. */
  readonly attributes: readonly string[];
}

/** Longest expression, in characters. */
export const MAX_EXPRESSION = 4_000;

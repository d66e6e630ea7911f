import type { AttributeDeclaration } from '../../model/attributes.ts';
import type { AttributeRead, Expression, Place } from '../../model/rules.ts';

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

/** What can be told of an expression without a person. */
export interface ExpressionFacts {
  /** Attributes that it reads, each once. */
  readonly reads: readonly AttributeRead[];
  /** E-mail addresses and domains that an e-mail attribute is compared with. */
  readonly emails: readonly string[];
  /** Names that `user.groups` is compared with. */
  readonly groupNames: readonly string[];
  /** `user.groups` is read in another way too, so that any name may matter. */
  readonly anyGroup: boolean;
  /** Groups of `user.inGroup`. */
  readonly groups: ReadonlyArray<{ readonly source: string; readonly id: string }>;
  /** Set where it comes to the same for everybody, with what shows that. */
  readonly always?: { readonly value: boolean; readonly because: string };
  /** Meanings of the parts that `&&` joins; sorted, each once. */
  readonly parts: readonly string[];
  /** The text that it is, where it is nothing but a literal. */
  readonly text?: string;
}

export interface Sound<T> {
  readonly expression: Expression<T>;
  /** The same for two texts that differ in blanks, comments and quotes only. */
  readonly meaning: string;
  readonly facts: ExpressionFacts;
}

export type Compiled<T> = Sound<T> | { readonly fault: Fault };

/** The rule language, behind an interface: no other file knows which library reads it. */
export interface RuleEngine {
  /** Parses and type-checks; never throws. What it gives never throws either. */
  compile<K extends keyof ResultTypes>(text: string, type: K, place: Place): Compiled<ResultTypes[K]>;
  /** What an expression may use after `user.`, by name. */
  readonly attributes: ReadonlyMap<string, AttributeDeclaration>;
}

/** Longest expression, in characters. */
export const MAX_EXPRESSION = 4_000;

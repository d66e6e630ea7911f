import type { GroupId } from './person.ts';

/** Where something stands in a settings or rules file. Lines and columns count from 1. */
export interface Place {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** A mistake in settings or rules: what is wrong, where, and what to do about it. */
export interface Problem {
  readonly severity: 'error' | 'warning';
  readonly place?: Place;
  readonly message: string;
  /** What to do. */
  readonly remedy?: string;
  /** Two lines to show below the message: the source line and a caret under the culprit. */
  readonly excerpt?: string;
}

/** Never throws: an error while evaluating is `indeterminate`, with the reason. */
export type Outcome<T> = { readonly value: T } | { readonly indeterminate: string };

/** A compiled, type-checked expression. `T` is the type it was checked to give. */
export interface Expression<T> {
  readonly text: string;
  readonly place: Place;
  evaluate(input: ExpressionInput): Outcome<T>;
  /** The attributes that it reads, each once. */
  readonly reads?: readonly AttributeRead[];
  /** The conditions that `&&` joins, from left to right; itself where there is one only. Made when asked for. */
  parts?(): ReadonlyArray<Expression<boolean>>;
}

/** What `user.<name>` or `user.from("<source>").<name>` reads. */
export interface AttributeRead {
  readonly name: string;
  /** Only what this source said; without it, what decides by precedence. */
  readonly source?: string;
}

/** What an expression may read. The clock comes in as a value. */
export interface ExpressionInput {
  readonly user: Readonly<Record<string, unknown>>;
  /** Delivered attributes; reading another one makes the outcome indeterminate. */
  readonly covers: ReadonlySet<string>;
  readonly now: Date;
  /** What one source said; `undefined`: it has no record of the person, so all of it is none. */
  readonly from?: (source: string) => Said | undefined;
  /** Every group that holds the person, directly or through others. */
  readonly groups?: { has(id: GroupId): boolean };
}

/** The attributes that one source delivered. Without `covers` it delivered all that it declares. */
export interface Said {
  readonly user: Readonly<Record<string, unknown>>;
  readonly covers?: ReadonlySet<string>;
}

/** Names a group in a rule. `id` decides and `name` is then only checked; a name alone is allowed, with a warning. */
export interface GroupRef {
  readonly place: Place;
  readonly source: string;
  readonly id?: string;
  readonly name?: string;
  readonly nested: boolean;
}

/** When something is given: from the one time up to the other, which is no longer in it. */
export interface Bounds {
  readonly from?: Expression<Date>;
  readonly until?: Expression<Date>;
}

/** A group that a rule names, in `when` or in an expression. */
export interface NamedGroup {
  readonly rule: string;
  readonly place: Place;
  readonly source: string;
  readonly id?: string;
  readonly name?: string;
}

export interface Grant extends Bounds {
  readonly place: Place;
  readonly target: string;
  readonly role: string;
}

/** An account that is wanted for itself, without a role. */
export interface AccountGrant extends Bounds {
  readonly place: Place;
  readonly target: string;
}

export interface AliasGrant {
  readonly place: Place;
  readonly target: string;
  readonly set: string;
  readonly username: Expression<string>;
  /** The alias changes when what the expression gives does; otherwise it keeps its first name. */
  readonly follow: boolean;
}

/** Role names, `*` stands for any run of characters. Deny wins over every grant. */
export interface Deny {
  readonly place: Place;
  readonly target: string;
  readonly role: string;
}

export interface Rule {
  readonly id: string;
  readonly place: Place;
  readonly about?: string;
  readonly when?: { readonly group: GroupRef };
  readonly if?: Expression<boolean>;
  readonly grant: readonly Grant[];
  readonly account: readonly AccountGrant[];
  readonly alias: readonly AliasGrant[];
  readonly deny: readonly Deny[];
  readonly protected: boolean;
  /** Evaluated and reported, not acted upon. */
  readonly shadow: boolean;
}

/** All rules of a folder at one moment. `revision` is a digest of their meaning: file order and comments don't count. */
export interface RuleSet {
  readonly revision: string;
  /** The commit that the files come from, where it is known. Not part of the revision. */
  readonly commit?: string;
  readonly rules: readonly Rule[];
  /** Every group that some rule names. Follows from the rules. */
  readonly groups?: readonly NamedGroup[];
  /** What the files say should come out for example people. Kept, not part of the revision. */
  readonly tests?: readonly RuleTest[];
}

/** One entry of `tests:` in a rules file: an example person, and what is to come out. */
export interface RuleTest {
  readonly name: string;
  readonly place: Place;
  /** Attributes of an example person; `groups` holds names, or ids as `source/id`. What is not named is none. */
  readonly user: Readonly<Record<string, unknown>>;
  /** What single sources say, by source, for `user.from`. Other sources have no record of the person. */
  readonly from: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  /** Attributes that nobody delivered. */
  readonly unknown: readonly string[];
  /** The clock; without it the time of the run. */
  readonly now?: Date;
  /** `target/role` of every role that the rules are to give. */
  readonly expect: readonly string[];
  /** `target/role` of every role that can't be decided; not compared when it is left out. */
  readonly undecided?: readonly string[];
  /** Targets where an account is wanted; not compared when it is left out. */
  readonly accounts?: readonly string[];
  /** `target/set=username` of every alias; not compared when it is left out. */
  readonly aliases?: readonly string[];
}

/** A helper that expressions may call as a method. Pure. The examples are its manual page and its tests. */
export interface RuleFunction {
  /** `string.localPart(): string` */
  readonly signature: string;
  readonly about: string;
  readonly examples: readonly RuleExample[];
}

export interface RuleExample {
  readonly expression: string;
  /** `undefined` is *none*. */
  readonly gives: unknown;
  /** Attributes of the person that it is evaluated for; delivered, all of them. */
  readonly user?: Readonly<Record<string, unknown>>;
  /** Ids of the person's groups. */
  readonly groups?: readonly GroupId[];
}

/** How the account of a person at one target is to look. Values come from templates of the rule language. */
export interface ProfileTemplate {
  readonly login: Expression<string>;
  readonly firstName?: Expression<string>;
  readonly lastName?: Expression<string>;
  readonly displayName: Expression<string>;
  readonly email?: Expression<string>;
}

import type { AttributeDeclaration } from '../model/attributes.ts';
import type { Correlator } from '../model/correlation.ts';
import type { Recovery } from '../model/recovery.ts';
import type { GuardLimits } from '../model/guard.ts';
import type { RuleSet } from '../model/rules.ts';
import type { TargetView } from '../model/planning.ts';
import type { Db } from '../store/db.ts';
import type { StoreParts } from '../store/parts.ts';
import type { Target } from '../targets/target.ts';
import type { Slots } from './slots.ts';
import type { Together } from './together.ts';

/** What is logged with: a static message and fields, as pino takes them. */
export interface Log {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** Settings and rules as they are now. */
export interface Views {
  readonly rules: RuleSet;
  readonly targets: readonly TargetView[];
  /** What rules may use as `user.<name>`, and which source decides it; the standard attributes where it is not said. */
  readonly attributes?: readonly AttributeDeclaration[];
  /** By what records find their persons; without it each is a person of its own. */
  readonly correlator?: Correlator;
  /** Targets that get nothing by themselves before a full plan for them was applied once. */
  readonly needBaseline?: ReadonlySet<string>;
  /** What may be taken or given before somebody is asked; where only rehearsed, any number of accounts may be made. */
  readonly guard: { readonly limits: GuardLimits; readonly rehearsals: ReadonlySet<string> };
  /** No file says which rules there are: the folder is missing or empty. */
  readonly unstated?: boolean;
  /** Besides, rules were in force before: nothing is given, and taken only from those who are suspended or left. */
  readonly withheld?: boolean;
  /** The store may be an old copy: nothing is given, and taken only from those who left explicitly. */
  readonly recovery?: Recovery;
}

/** What planning needs. */
export interface PlanDeps {
  readonly db: Db;
  readonly store: StoreParts;
  readonly views: () => Views;
  readonly now: () => Date;
}

/** What working needs besides. */
export interface WorkDeps extends PlanDeps {
  readonly targets: ReadonlyMap<string, Target>;
  readonly log: Log;
  /** This process; leases are held in its name. */
  readonly instance: string;
  /** In [0, 1): spreads retries. */
  readonly random: () => number;
  readonly timing: Timing;
  /** Through which lanes under work write and read. */
  readonly together: Together;
  /** How many of them call a target at a time. */
  readonly turns: (target: string) => Slots;
}

/** All in milliseconds. */
export interface Timing {
  /** At the latest after this long everything is looked for without being told. */
  readonly poll: number;
  /** Ordinary changes are gathered for this long into one plan. */
  readonly batch: number;
  /** One call of a target. */
  readonly call: number;
  /** A lane is held this long between signs of life; more than one call takes. */
  readonly lease: number;
  /** What was enqueued this long ago and is not done is enqueued again. */
  readonly stale: number;
  /** Between two full observations of a target. */
  readonly observeEvery: number;
  /** Between two looks at all access that was given. */
  readonly verifyEvery: number;
  /** First wait after a failure, doubled each time up to `backoffCap`. */
  readonly backoffBase: number;
  readonly backoffCap: number;
  /** How long closing waits for what is running. */
  readonly drain: number;
}

export const TIMING: Timing = {
  poll: 1_000,
  batch: 200,
  call: 20_000,
  lease: 45_000,
  stale: 15_000,
  observeEvery: 3_600_000,
  verifyEvery: 86_400_000,
  backoffBase: 1_000,
  backoffCap: 300_000,
  drain: 25_000,
};

/** Persons in one plan, and in one chunk of a full plan. */
export const BATCH = 500;

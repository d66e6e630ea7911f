import type { Observed } from '../model/accounts.ts';
import type { Change } from '../model/plan.ts';
import type { TargetSettings } from '../model/settings.ts';
import type { Capabilities, TargetRole } from '../model/target.ts';

/** Names one account: by the target's id once it is known, else by its login. */
export interface AccountRef {
  /** Person id: goes into the ownership mark of an account that we make. */
  readonly person: string;
  readonly accountId?: string;
  readonly login: string;
}

/** What a change came to. */
export interface Applied {
  /** The account as it then is. */
  readonly account: Observed;
  /** For a grant: the role that was used (made, if it had to be), to be pinned. */
  readonly role?: TargetRole;
  /** The target's answer in a few words, for `explain` and the history: status and object id, no secret. */
  readonly answer: string;
  /** False when the target already was so: nothing was changed. */
  readonly changed: boolean;
}

/**
 * A PAM system. Throws nothing but `Failure` (and the abort reason of `signal`).
 * Every kind passes test/contracts/target.ts.
 */
export interface Target {
  readonly id: string;
  readonly can: Capabilities;
  /** Prove that address, credentials, clock and rights work; throw a Failure that says which one does not and what to fix. */
  check(signal: AbortSignal): Promise<void>;
  /** Every account, with what hangs on it, in pages, on schedule. Throws when it can't be read whole. */
  observe(signal: AbortSignal): AsyncIterable<Observed>;
  /** Every role that can be given. */
  roles(signal: AbortSignal): AsyncIterable<TargetRole>;
  /** One account, before a change and after a doubtful one; undefined when it is not there. */
  observeOne(ref: AccountRef, signal: AbortSignal): Promise<Observed | undefined>;
  /**
   * Make one change; making it twice does no harm. An account that exists and does not carry our mark for this person
   * is never taken over by `create`: that is `refused`.
   */
  apply(ref: AccountRef, change: Change, signal: AbortSignal): Promise<Applied>;
  close(): Promise<void>;
}

/** One entry of targets/index.ts: how a kind is opened and what its settings are. */
export interface TargetKind {
  readonly type: string;
  readonly about: string;
  readonly can: Capabilities;
  /** Default profile templates in the rule language, by field. */
  readonly profile: Readonly<Record<string, string>>;
  /** Checks `options`; throws a ZodError with paths below the target's settings. */
  open(settings: TargetSettings, context: TargetContext): Target;
  /** JSON Schema of `options`, for the settings schema. */
  readonly optionsSchema: Readonly<Record<string, unknown>>;
}

export interface TargetContext {
  /** Goes into ownership marks: one bridge's instance id. */
  readonly instance: string;
}

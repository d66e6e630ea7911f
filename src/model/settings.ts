import type { GuardLimits } from './guard.ts';
import type { Mode } from './plan.ts';

/** Settings after loading: secrets resolved, paths absolute, defaults filled in. Kinds check their own `options`. */
export interface Settings {
  /** The file they came from; undefined for settings made in code. */
  readonly file?: string;
  readonly server: { readonly host: string; readonly port: number; readonly publicUrl?: string };
  readonly store: StoreSettings;
  readonly queue: { readonly redis?: string };
  /** Absolute folder of what the service keeps beside the store: journals and keys of the built-in simulators. */
  readonly data: string;
  readonly sources: readonly SourceSettings[];
  readonly targets: readonly TargetSettings[];
  readonly guard: GuardLimits;
  /** Absolute folder of the rules files. */
  readonly rules: string;
  readonly log: { readonly level: string };
}

export type StoreSettings =
  { readonly kind: 'embedded'; readonly folder: string } | { readonly kind: 'postgres'; readonly url: string };

export interface SourceSettings {
  readonly id: string;
  readonly type: string;
  /** What its kind understands, as read from the file. */
  readonly options: Readonly<Record<string, unknown>>;
}

export interface TargetSettings {
  readonly id: string;
  readonly type: string;
  readonly mode: Mode;
  /** The built-in simulator runs as a child of the service. */
  readonly simulator: boolean;
  /** `auto`: no approval of a baseline plan is asked for (rehearsals). A simulator never needs one. */
  readonly baseline: 'approve' | 'auto';
  /** May missing roles be made at the target? */
  readonly createRoles: boolean;
  /** Templates of the account profile, by field, in the rule language; defaults come with the kind. */
  readonly profile: Readonly<Record<string, string>>;
  readonly options: Readonly<Record<string, unknown>>;
}

import type { AdoptionMode } from './adoption.ts';
import type { CorrelationSettings } from './correlation.ts';
import type { ExtensionSchema } from './extensions.ts';
import type { BurstLimit, GuardLimits } from './guard.ts';
import type { Mode } from './plan.ts';
import type { Untouchable } from './untouchable.ts';

/** Settings after loading: secrets resolved, paths absolute, defaults filled in. Kinds check their own `options`. */
export interface Settings {
  /** The file they came from; undefined for settings made in code. */
  readonly file?: string;
  readonly server: ServerSettings;
  readonly store: StoreSettings;
  readonly queue: { readonly redis?: string };
  /** Absolute path of the file outside of the store that knows how far the store had come. */
  readonly witness: string;
  /** Absolute folder of what the service keeps beside the store: journals and keys of the built-in simulators. */
  readonly data: string;
  readonly sources: readonly SourceSettings[];
  /** SCIM schemas beside the standard ones, for every SCIM source. Those of one source are among its options. */
  readonly schemas?: readonly ExtensionSchema[];
  /** How records of several sources, or of a returner, are found to be one person; without it none are. */
  readonly correlation?: CorrelationSettings;
  readonly targets: readonly TargetSettings[];
  readonly guard: GuardLimits;
  /** By attribute: the sources that decide it, strongest first. */
  readonly precedence?: Readonly<Record<string, readonly string[]>>;
  /** E-mail domains where nobody else gives out addresses; lower case. */
  readonly verifiedDomains?: readonly string[];
  /** Absolute folder of the rules files. */
  readonly rules: string;
  /** The commit of the rules, where the environment tells it. */
  readonly rulesCommit?: string;
  readonly log: { readonly level: string };
}

/** PEM files, absolute paths. */
export interface TlsFiles {
  readonly certFile: string;
  readonly keyFile: string;
}

/** An address to listen on. */
export interface ListenSettings {
  readonly host: string;
  readonly port: number;
  /** Address that clients use, without a slash at its end. */
  readonly publicUrl?: string;
  readonly tls?: TlsFiles;
}

export interface ServerSettings extends ListenSettings {
  /** Proxies whose X-Forwarded-For and X-Forwarded-Proto are believed: addresses and ranges. */
  readonly trustProxy?: readonly string[];
  /** SCIM on an address of its own. */
  readonly scim?: ListenSettings & {
    /** Who may connect, addresses and ranges; without it everybody. */
    readonly allow?: readonly string[];
    /** SCIM is also served at the inner address. */
    readonly alsoInside: boolean;
  };
}

export type StoreSettings =
  { readonly kind: 'embedded'; readonly folder: string } | { readonly kind: 'postgres'; readonly url: string };

export interface SourceSettings {
  readonly id: string;
  readonly type: string;
  /** The id that the source had before: its records go on under the new one. */
  readonly was?: string;
  /** Protected rules may go by it; where no source is, by all. */
  readonly trusted?: boolean;
  /** Attributes that people can change there; without it, those usual for the kind. */
  readonly selfEditable?: readonly string[];
  /** How many of its people may leave at a time before the further ones are held. Default: `BURST_LIMIT`. */
  readonly leaverBurst?: BurstLimit;
  /** Whose numbers and names its records bear; without it those of everybody who says nothing else. */
  readonly issuer?: string;
  /** Expressions over one record: is it a human, and is it one more record of somebody who has one? */
  readonly people?: string;
  readonly secondary?: string;
  /** What its kind understands, as read from the file. */
  readonly options: Readonly<Record<string, unknown>>;
}

export interface RoleSettings {
  /** Inference alone takes it from nobody if fewer of those to whom we gave it would be left. */
  readonly minMembers?: number;
  /** On accounts of ours it is had by whom the rules give it, and by nobody else. */
  readonly authoritative?: boolean;
}

export interface TargetSettings {
  readonly id: string;
  readonly type: string;
  readonly mode: Mode;
  /** The built-in simulator runs as a child of the service. */
  readonly simulator: boolean;
  /** `auto`: no approval of a baseline plan is asked for (rehearsals). A simulator never needs one. */
  readonly baseline: 'approve' | 'auto';
  /** What becomes of accounts that were at the target before us. */
  readonly adopt: AdoptionMode;
  /** What no operation may touch there, leavers included. */
  readonly untouchable?: Untouchable;
  /** What is special about single roles, by name. */
  readonly roles?: Readonly<Record<string, RoleSettings>>;
  /** How long an account stays that nothing is left on, ms; without it for good. */
  readonly idleAfter?: number;
  /** Condition of the rule language: who is managed there at all. */
  readonly scope?: string;
  /** May missing roles be made at the target? */
  readonly createRoles: boolean;
  /** Templates of the account profile, by field, in the rule language; defaults come with the kind. */
  readonly profile: Readonly<Record<string, string>>;
  readonly options: Readonly<Record<string, unknown>>;
}

/** How a directory is read. Times in milliseconds. */
export interface ReadingSettings {
  /** After a reading, until the next one. */
  readonly ttl: number;
  /** Between two full readings. */
  readonly fullEvery: number;
  /** 0 to 1: a reading in which a larger part of people or groups is missing is not sealed. */
  readonly shrinkLimit: number;
  /** Ids, user names or group names without which a reading is not sealed. */
  readonly canaries: readonly string[];
  /** Without a sealed reading for this long the people are frozen. */
  readonly maxStale: number;
}

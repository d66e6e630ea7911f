import type { Filter, FilterAttribute } from '../../model/filter.ts';

export type ResourceKind = 'user' | 'group';

/** Who writes: goes into the history. */
export interface Writer {
  readonly source: string;
  /** `scim:<source>/<token name>`. */
  readonly actor: string;
  /** Id of the request, under which the log has it too. */
  readonly request?: string | undefined;
}

/** A record in the form in which it is stored; `resource` is the SCIM resource without id, meta, groups and members. */
export interface RecordFields {
  readonly resource: Readonly<Record<string, unknown>>;
  readonly userName: string | undefined;
  /** `foldCase` of the userName, or of a group's displayName. */
  readonly nameKey: string;
  readonly displayName: string | undefined;
  readonly externalId: string | undefined;
  readonly emails: readonly string[];
  /** `foldCase` of each. */
  readonly emailKeys: readonly string[];
  readonly active: boolean;
  readonly attributes: Readonly<Record<string, unknown>>;
  /** Attributes hang on declarations in the settings: they may differ although the resource does not. */
  readonly declared?: boolean;
}

/** A user's group or a group's member. */
export interface Link {
  readonly id: string;
  readonly kind: ResourceKind;
  readonly display: string | null;
}

export interface StoredResource {
  readonly key: number;
  readonly id: string;
  readonly kind: ResourceKind;
  readonly resource: Readonly<Record<string, unknown>>;
  readonly version: number;
  readonly createdAt: Date;
  readonly changedAt: Date;
  /** A user's groups or a group's members, where they were asked for. */
  readonly links?: readonly Link[];
}

export interface ListQuery {
  readonly filter?: Filter | undefined;
  readonly sortBy?: FilterAttribute | undefined;
  readonly descending?: boolean;
  /** From 0. */
  readonly offset: number;
  readonly limit: number;
  readonly links: boolean;
}

/** A value that users have in a multi-valued attribute, as one of them has it. */
export interface CarriedValue {
  readonly value: string;
  readonly display?: string | null | undefined;
  readonly type?: string | null | undefined;
}

/** Where a walk stands: behind the record of this key, and the value that it was sorted by (null: without one). */
export interface Position {
  readonly key: number;
  readonly value?: string | null;
}

/** A query over one kind of resource or several, each with its own reading of the filter. */
export interface SearchQuery {
  readonly branches: ReadonlyArray<Pick<ListQuery, 'filter' | 'sortBy' | 'links'> & { readonly kind: ResourceKind }>;
  readonly descending?: boolean;
  /** By index, or behind a position; a walk begins without one. */
  readonly from: { readonly offset: number } | { readonly after: Position | undefined };
  readonly limit: number;
  /** Where it is known from an earlier page: matches are then not counted again. */
  readonly total?: number;
}

export interface Found {
  readonly total: number;
  readonly page: StoredResource[];
  /** Where a walk goes on; undefined at its end. */
  readonly next: Position | undefined;
}

export type MemberWrite =
  | { readonly type: 'delta'; readonly add: ReadonlySet<string>; readonly remove: ReadonlySet<string> }
  | { readonly type: 'set'; readonly members: ReadonlySet<string> };

/** What a write came to. Ids that were never a record of the source make `unknown-members`, and nothing is written. */
export type Written =
  | { readonly outcome: 'done'; readonly stored: StoredResource; readonly changed: boolean; readonly urgent: boolean }
  | { readonly outcome: 'missing' }
  /** The userName belongs to another user of the source. */
  | { readonly outcome: 'taken' }
  | { readonly outcome: 'unknown-members'; readonly ids: readonly string[] };

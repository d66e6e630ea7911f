import type { Filter, FilterAttribute } from '../model/filter.ts';
import type { Db } from './db.ts';
import { changeMembers } from './resources/members.ts';
import { listResources, readResource } from './resources/read.ts';
import { createResource } from './resources/create.ts';
import { changeResource } from './resources/change.ts';
import { removeResource } from './resources/remove.ts';
import { createLanes } from './resources/lanes.ts';
import { withRetries } from './resources/retry.ts';

export type ResourceKind = 'user' | 'group';

/** Who writes: goes into the history. */
export interface Writer {
  readonly source: string;
  /** `scim:<source>/<token name>`. */
  readonly actor: string;
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

/**
 * Users and groups of push sources. Each write is one transaction: the record, memberships, history, what has to be
 * planned again, and for a leave the block of the sign-in. A write that changes nothing leaves no trace.
 */
export interface Resources {
  read(source: string, kind: ResourceKind, id: string, links: boolean): Promise<StoredResource | undefined>;
  /** In the order of creation, or sorted; `total` counts all matches. */
  list(source: string, kind: ResourceKind, query: ListQuery): Promise<{ total: number; page: StoredResource[] }>;
  /** A new record with a new random id, and for a user a new person. */
  create(writer: Writer, kind: ResourceKind, fields: RecordFields, members?: readonly string[]): Promise<Written>;
  /** `compute` sees the record as it is, locked; what it throws undoes everything and comes out. */
  change(
    writer: Writer,
    kind: ResourceKind,
    id: string,
    compute: (current: StoredResource) => { readonly fields: RecordFields; readonly members?: MemberWrite | undefined },
  ): Promise<Written>;
  /** Costs the change, whatever the size of the group. Adding a present and removing an absent member is no change. */
  changeMembers(writer: Writer, id: string, change: MemberWrite): Promise<Written>;
  /** A user leaves all groups and their sign-in is blocked; a group's members stay as they are. `check` may throw. */
  remove(writer: Writer, kind: ResourceKind, id: string, check?: (current: StoredResource) => void): Promise<Written>;
}

export function createResources(db: Db): Resources {
  const lane = createLanes();
  const inLane = <T>({ source }: Writer, id: string, work: () => Promise<T>): Promise<T> =>
    lane(`${source}/${id}`, () => withRetries(work));
  return {
    read: (source, kind, id, links) => readResource(db, source, kind, id, links),
    list: (source, kind, query) => listResources(db, source, kind, query),
    create: (writer, kind, fields, members) =>
      withRetries(() => createResource(db, writer, kind, fields, members ?? [])),
    change: (writer, kind, id, compute) => inLane(writer, id, () => changeResource(db, writer, kind, id, compute)),
    changeMembers: (writer, id, change) => inLane(writer, id, () => changeMembers(db, writer, id, change)),
    remove: (writer, kind, id, check) => inLane(writer, id, () => removeResource(db, writer, kind, id, check)),
  };
}

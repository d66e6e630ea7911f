import type { Correlator } from '../model/correlation.ts';
import type { Db } from './db.ts';
import { changeMembers } from './resources/members.ts';
import { listResources, readResource } from './resources/read.ts';
import { searchResources } from './resources/search.ts';
import { carriedValues } from './resources/carried.ts';
import { createResource } from './resources/create.ts';
import { changeResource } from './resources/change.ts';
import { removeResource } from './resources/remove.ts';
import { createLanes } from './resources/lanes.ts';
import { withRetries } from './resources/retry.ts';
import type {
  ResourceKind,
  Writer,
  RecordFields,
  StoredResource,
  ListQuery,
  CarriedValue,
  Found,
  SearchQuery,
  MemberWrite,
  Written,
} from './resources/types.ts';

export type * from './resources/types.ts';

/**
 * Users and groups of push sources. Each write is one transaction: the record, memberships, history, what has to be
 * planned again, and for a leave the block of the sign-in. A write that changes nothing leaves no trace.
 */
export interface Resources {
  read(source: string, kind: ResourceKind, id: string, links: boolean): Promise<StoredResource | undefined>;
  /** In the order of creation, or sorted; `total` counts all matches. */
  list(source: string, kind: ResourceKind, query: ListQuery): Promise<{ total: number; page: StoredResource[] }>;
  /**
   * The same over several kinds, and for walks by position: pages of any size give each record once that is there all
   * the time, whatever is made and deleted meanwhile, as long as the value that it is sorted by stays.
   */
  search(source: string, query: SearchQuery): Promise<Found>;
  /** The different values that the source's users have in the attribute. Costs a look at all of them. */
  carried(source: string, attribute: 'roles' | 'entitlements'): Promise<readonly CarriedValue[]>;
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
  /** Runs several writes as one transaction: when `work` throws, none has happened. For new resources only. */
  together<T>(work: (resources: Resources) => Promise<T>): Promise<T>;
  /** A user leaves all groups and their sign-in is blocked; a group's members stay as they are. `check` may throw. */
  remove(writer: Writer, kind: ResourceKind, id: string, check?: (current: StoredResource) => void): Promise<Written>;
}

/** By what records of users find their persons at the moment; undefined: each is a person of its own. */
export type CorrelatorNow = () => Correlator | undefined;

/** Without `correlator`, or where it gives none, every new user is a new person. */
export const createResources = (db: Db, correlator?: CorrelatorNow): Resources =>
  resourcesOn(db, withRetries, correlator);

/** `retry` begins a transaction again. Inside a larger one there is nothing to retry: it is broken off as a whole. */
function resourcesOn(
  db: Db,
  retry: <T>(work: () => Promise<T>) => Promise<T>,
  correlator: CorrelatorNow | undefined,
): Resources {
  const lane = createLanes();
  const inLane = <T>({ source }: Writer, id: string, work: () => Promise<T>): Promise<T> =>
    lane(`${source}/${id}`, () => retry(work));
  return {
    read: (source, kind, id, links) => readResource(db, source, kind, id, links),
    list: (source, kind, query) => listResources(db, source, kind, query),
    carried: (source, attribute) => carriedValues(db, source, attribute),
    search: (source, query) => searchResources(db, source, query),
    create: (writer, kind, fields, members = []) =>
      retry(() => createResource(db, writer, kind, fields, members, correlator?.())),
    change: (writer, kind, id, compute) =>
      inLane(writer, id, () => changeResource(db, writer, kind, id, compute, correlator?.())),
    changeMembers: (writer, id, change) => inLane(writer, id, () => changeMembers(db, writer, id, change)),
    together: (work) => retry(() => db.tx((tx) => work(resourcesOn(tx, (inner) => inner(), correlator)))),
    remove: (writer, kind, id, check) => inLane(writer, id, () => removeResource(db, writer, kind, id, check)),
  };
}

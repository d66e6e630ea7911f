import type { AttributeValue, Evidence, RecordRef } from './facts.ts';

/** `suspended`: blocked, everything kept, restored on return. `left`: a leaver. */
export type LifeCycle = 'active' | 'suspended' | 'left';

/** A group over all sources: `source/anchor`. */
export type GroupId = `${string}/${string}`;

/** One group on the way from a person to a group that a rule names. */
export interface GroupStep {
  readonly id: GroupId;
  readonly name: string;
}

/** From the group that holds the record directly to the group that is meant; one entry for a direct membership. */
export type GroupPath = readonly GroupStep[];

/** What one linked record contributes to a person, as the store hands it to `mapping`. */
export interface LinkedRecord extends RecordRef {
  readonly userName: string;
  readonly displayName?: string;
  readonly emails: readonly string[];
  readonly active: boolean;
  /** Set when the source no longer has the record, with what it said about that. */
  readonly gone?: Evidence;
  /** A null in the store says: delivered, and empty. */
  /** Set while the entry is missing and its grace has not run out. */
  readonly missing?: Evidence;
  /** The source's word that they left, or are suspended, came in a burst of such words and waits for approval. */
  readonly heldLeave?: true;
  readonly attributes: Readonly<Record<string, AttributeValue>>;
  /** Attributes that the source delivered or would have; `undefined` means all that are declared for it. */
  readonly covers?: readonly string[];
  /** One more record of the same human in its source: it gives groups, and never ends or suspends anything. */
  readonly secondary?: true;
  /** It was disabled when it was first seen. That is no change: it says nothing while other records are active. */
  readonly dormant?: true;
  /** Groups that hold this record directly. */
  readonly memberOf: readonly GroupId[];
  /** Rises with every change of the record. Part of a step's basis. */
  readonly version: number;
}

/** One human, as all sources together know them: what rules see. */
export interface Person {
  /** Random (`p_…`), never derived from attributes. */
  readonly id: string;
  readonly userName: string;
  readonly displayName: string;
  readonly email?: string;
  readonly life: LifeCycle;
  /** Rises with every explicit leave: nothing planned for an older generation may add anything. */
  readonly generation: number;
  /** Why the life cycle is not `active`. */
  readonly evidence?: Evidence;
  /** The source that alone says so, in a burst: more of its people left at a time than may. Waits for approval. */
  readonly burst?: string;
  /** The source that says so had them disabled already when it first told of them: blocked only by somebody's word. */
  readonly dormant?: string;
  /** Why nothing is given and nothing taken for now: a source can't be asked, or an entry of theirs is missing. */
  readonly frozen?: string;
  /**
   * Records of theirs are gone by inference, and say nothing any more: what goes for that goes by this evidence.
   * `wholly`: no other record is left, so nothing is wanted.
   */
  readonly lapsed?: { readonly evidence: Evidence; readonly wholly: boolean };
  readonly records: readonly LinkedRecord[];
  /** Every group, direct or through other groups, by id, with the path that leads there. */
  readonly groups: ReadonlyMap<GroupId, GroupPath>;
  readonly attributes: Readonly<Record<string, AttributeValue>>;
  /** Names of attributes that were delivered (maybe empty). Others are unknown: a rule that needs one is indeterminate. */
  readonly covers: ReadonlySet<string>;
}

/** Facts: what one source says. The words are those of docs/words.md. */

/** A value as rules see it. Dates come from typed attributes, never from guessing at text. */
export type AttributeValue = string | number | boolean | Date | readonly string[];

/** Why something should go. Only what a source itself stated may be acted upon at once. */
export type Evidence =
  /** The person was disabled or deleted: tombstone, disabled bit, SCIM DELETE or active=false. */
  | 'explicit'
  /** A membership that the source took away: SCIM PATCH or PUT, or missing from a member list read whole. */
  | 'removed'
  /** The entry left the source's filter. */
  | 'scoped-out'
  /** The entry itself is missing from a sealed full reading. */
  | 'absent'
  | 'unknown';

/** The lists behind the unions are the single place where their members are named. */
export const EVIDENCE: readonly Evidence[] = ['explicit', 'removed', 'scoped-out', 'absent', 'unknown'];

/** What names a record: the source and the source's own immutable id. */
export interface RecordRef {
  readonly source: string;
  readonly anchor: string;
}

/** A person as one source describes them. `id` is the anchor: the source's own and never changes. */
export interface PersonRecord {
  readonly id: string;
  readonly userName: string;
  readonly active: boolean;
  readonly displayName?: string;
  readonly emails: readonly string[];
  readonly attributes: Readonly<Record<string, AttributeValue>>;
}

export interface GroupRecord {
  readonly id: string;
  readonly displayName: string;
}

/** What a source can say of an entry that went. `absent` is never said: it is concluded from a whole reading. */
export type GoneEvidence = 'explicit' | 'scoped-out' | 'unknown';

/**
 * The smallest thing a source can tell us. A member may itself be a group, and may be told of before its own entry.
 * Of two facts about one thing the later one holds.
 */
export type Fact =
  | { readonly type: 'person'; readonly person: PersonRecord }
  | { readonly type: 'group'; readonly group: GroupRecord }
  | { readonly type: 'member'; readonly group: string; readonly member: string }
  | { readonly type: 'notMember'; readonly group: string; readonly member: string }
  /** The `member` facts of this reading are the whole list of this group, all ranges: who is not among them left it. */
  | { readonly type: 'wholeGroup'; readonly group: string }
  | { readonly type: 'gone'; readonly id: string; readonly evidence: GoneEvidence }
  /**
   * An entry outside of what is read, of which the source says that it is disabled: the record of somebody who was
   * inside becomes disabled, and nobody new comes of it.
   */
  | { readonly type: 'disabled'; readonly id: string }
  /**
   * An entry that is there and can't be understood. With its id the record stays as it is; without one nobody can tell
   * whose it was, and the reading is not sealed.
   */
  | { readonly type: 'unreadable'; readonly id?: string; readonly because: string };

export type ReadingScope = 'full' | 'changes';

/** How much there is by the source's own count, where it has one. */
export interface AnnouncedCounts {
  readonly users?: number;
  readonly groups?: number;
}

/** What a reading came to, by the source's own word. */
export type ReadingEnd =
  | {
      readonly sealed: true;
      /** Where the next reading of changes may start; without one the next is full. */
      readonly cursor?: string;
      readonly counts?: AnnouncedCounts;
      readonly notes?: readonly string[];
    }
  | {
      readonly sealed: false;
      readonly because: string;
      /** What an operator should know besides, sealed or not: what was left out, and how much of it. */
      readonly notes?: readonly string[];
    };

/** One pass over a source. */
export interface Reading {
  /** `full`: what is not in here has left. `changes`: only what moved. */
  readonly scope: ReadingScope;
  /** Attributes that this reading asked for and may see: absent ones among them are empty, others unknown. */
  readonly covers: readonly string[];
  /** Throws a `Failure` when the reading breaks off. */
  readonly facts: AsyncIterable<Fact>;
  /** Known once `facts` has ended: is it provably complete, and where may the next one start? */
  end(): ReadingEnd;
}

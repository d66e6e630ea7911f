import type { ReadingScope } from '../../model/facts.ts';

/** `running`: or its process died. `accepted`: an operator took it as sealed. `failed`: broke off, and left nothing. */
export type ReadingState = 'running' | 'sealed' | 'accepted' | 'unsealed' | 'failed';

/**
 * Why a reading that came to its end is not sealed. `source`: by the source's own word or ours about its answer; this
 * can't be accepted. The others can.
 */
export type KeptBack = 'source' | 'counts' | 'shrink' | 'canary';

/** What a reading delivered. */
export interface Delivered {
  readonly users: number;
  readonly groups: number;
  readonly memberships: number;
  readonly gone: number;
  /** Entries that could not be understood. */
  readonly unreadable: number;
  /** What was left out, and how much of it, in the words of the directory. */
  readonly notes?: readonly string[];
}

/** What an admission really changed. */
export interface Admitted {
  readonly created: number;
  readonly changed: number;
  readonly returned: number;
  /** Explicit leaves: disabled or deleted at the source. */
  readonly left: number;
  /** Records that are missing since this reading, by whatever evidence. */
  readonly missing: number;
  readonly membersAdded: number;
  readonly membersRemoved: number;
  /** Members of which the source has not told yet. */
  readonly waiting: number;
}

/** One reading, as history keeps it. Times in milliseconds. */
export interface StoredReading {
  readonly id: number;
  readonly source: string;
  readonly scope: ReadingScope | null;
  readonly state: ReadingState;
  readonly actor: string;
  readonly keptBack: readonly KeptBack[];
  /** Why it is not sealed, or why it broke off. */
  readonly because: string | null;
  readonly remedy: string | null;
  readonly verdict: string | null;
  readonly staged: boolean;
  readonly facts: Partial<Delivered>;
  readonly changes: Partial<Admitted>;
  readonly startedAt: Date;
  readonly endedAt: Date | null;
  readonly readMs: number | null;
  readonly admitMs: number | null;
}

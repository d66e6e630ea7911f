/** How records are found to belong to one person, as the settings say it. */
export interface CorrelationSettings {
  /** In the order in which they decide. */
  readonly keys: readonly CorrelationKey[];
  /** For so long after a record went, its reusable values by themselves prove nothing. Milliseconds. */
  readonly recycle: number;
}

export interface CorrelationKey {
  readonly name: string;
  /** The same value may be given to somebody else after a while: user names and e-mail addresses. */
  readonly reused: boolean;
  /** Values of different sources can't be compared. */
  readonly perSource: boolean;
  /** Where a source calls it by another name; without it `name` in every source. */
  readonly sources?: Readonly<Record<string, string>>;
}

/**
 * What a record is to its person. `primary`: one per person and source. `secondary`: another record of the same human
 * in the same source, which never ends or suspends anything. `other`: no human at all, and so nobody's. `undecided`:
 * the settings' expression can't be decided for it.
 */
export type RecordRole = 'primary' | 'secondary' | 'other' | 'undecided';

/** One value by which a record may be found; `order` is the place of its key in the settings. */
export interface KeyValue {
  readonly order: number;
  readonly issuer: string;
  readonly name: string;
  readonly value: string;
  readonly reused: boolean;
}

/** What correlation goes by of one record. */
export interface Identity {
  readonly role: RecordRole;
  readonly keys: readonly KeyValue[];
}

/** What a record says, as far as it matters here; without `covers` it says all that its source declares. */
export interface RecordSaid {
  readonly userName?: string | undefined;
  readonly displayName?: string | undefined;
  readonly externalId?: string | undefined;
  readonly emails: readonly string[];
  readonly active: boolean;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly covers?: readonly string[] | undefined;
}

/** How records of the sources are correlated. Pure: the store asks it, and acts on what it says. */
export interface Correlator {
  /** Stands for everything that it goes by; stored keys were made by one of the same signature, or are made anew. */
  readonly signature: string;
  readonly recycle: number;
  /** Undefined for a source that is not in the settings: its records stay as they are. */
  identify(source: string, said: RecordSaid): Identity | undefined;
}

/** A value that more records than this have, such as "n/a", is nobody's mark. */
export const CROWD = 20;

/**
 * Why a record belongs to nobody yet, or what is odd about one that is somebody's.
 * - `ambiguous`: its key finds several persons.
 * - `recycled`: only a reusable value connects it with somebody whose record there is gone.
 * - `second`: its person has a primary record in the same source already.
 * - `contradicted`: a reusable value connects it with somebody, and a better key says they are two.
 * - `undecided`: whether it is a human can't be decided.
 * - `twin`: it is linked, and its keys find another person too.
 * - `dormant`: it is linked, was disabled when it was first seen, and its person is active elsewhere.
 */
export const CASE_KINDS = ['ambiguous', 'recycled', 'second', 'contradicted', 'undecided', 'twin', 'dormant'] as const;
export type CaseKind = (typeof CASE_KINDS)[number];

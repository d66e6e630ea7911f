import type { ReadingEnd, ReadingScope } from '../model/facts.ts';

/** What is known of a reading that came to its end. */
export interface SealInput {
  readonly scope: ReadingScope;
  /** A cursor was given: only then may the answer be `changes`. */
  readonly since: boolean;
  readonly end: ReadingEnd;
  /** Entries without an id that could not be understood. */
  readonly nameless: number;
  readonly users: number;
  readonly groups: number;
  /** Entries with an id that could not be understood. */
  readonly unreadable: number;
  readonly before: { readonly users: number; readonly groups: number };
  readonly lost: { readonly users: number; readonly groups: number };
  readonly missingCanaries: readonly string[];
  readonly shrinkLimit: number;
}

export type Seal =
  | { readonly sealed: true }
  | {
      readonly sealed: false;
      readonly keptBack: ReadonlyArray<'source' | 'counts' | 'shrink' | 'canary'>;
      readonly because: string;
    };

/** One entry that is missing is no shrinking, however few there are. */
const NEVER_TOO_MANY = 1;

/**
 * Is this reading provably whole? The source has to say so, its own counts have to agree, not too many may be missing
 * that were there before, and the canaries have to be in it. All reasons are told at once.
 */
export function sealOf(input: SealInput): Seal {
  const reasons = [...bySource(input), ...byCounts(input), ...byShrinking(input), ...byCanaries(input)];
  if (reasons.length === 0) return { sealed: true };
  return {
    sealed: false,
    keptBack: [...new Set(reasons.map(([why]) => why))],
    because: reasons.map(([, text]) => text).join('; '),
  };
}

type Reason = readonly ['source' | 'counts' | 'shrink' | 'canary', string];

function* bySource({ end, scope, since, nameless }: SealInput): Generator<Reason> {
  if (!end.sealed) yield ['source', end.because];
  if (scope === 'changes' && !since) yield ['source', 'the source gave changes where everything was asked for'];
  if (nameless > 0)
    yield [
      'source',
      `${nameless} ${nameless === 1 ? 'entry' : 'entries'} could not be understood, not even whose they are`,
    ];
}

function* byCounts({ end, scope, unreadable, ...delivered }: SealInput): Generator<Reason> {
  if (!end.sealed || scope !== 'full') return;
  for (const kind of ['users', 'groups'] as const) {
    const announced = end.counts?.[kind];
    const came = delivered[kind];
    if (announced === undefined || (announced >= came && announced <= came + unreadable)) continue;
    yield ['counts', `the source counts ${announced} ${kind}, and ${came} came`];
  }
}

function* byShrinking({ before, lost, shrinkLimit }: SealInput): Generator<Reason> {
  for (const kind of ['users', 'groups'] as const) {
    if (lost[kind] <= Math.max(NEVER_TOO_MANY, shrinkLimit * before[kind])) continue;
    const percent = Math.round((100 * lost[kind]) / before[kind]);
    const limit = Math.round(1000 * shrinkLimit) / 10;
    yield ['shrink', `${lost[kind]} of ${before[kind]} ${kind} are missing (${percent} %, shrinkLimit is ${limit} %)`];
  }
}

function* byCanaries({ missingCanaries }: SealInput): Generator<Reason> {
  if (missingCanaries.length > 0) yield ['canary', `missing: ${missingCanaries.join(', ')}`];
}

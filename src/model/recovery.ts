/**
 * A store that may lack what was done since it was copied: nothing is given, and nothing taken but from people whom a
 * source explicitly disabled or deleted, until an operator confirms.
 */
export interface Recovery {
  /** Why, for people. */
  readonly because: string;
  /** ISO 8601. */
  readonly since: string;
}

/** What ends it, for people. */
export const ENDS_RECOVERY =
  'Have the sources send everything once more, see `drawbridge plan --after-recovery`, then: ' +
  'drawbridge store recovered --reason "…"';

/** What waits in the queue: names only, nothing about a person. */
export type Job =
  | { readonly type: 'read'; readonly source: string }
  | { readonly type: 'plan' }
  | { readonly type: 'work'; readonly target: string; readonly person: string };

/** A lane: never two at once for the same target and person. */
export interface Lane {
  readonly target: string;
  readonly person: string;
}

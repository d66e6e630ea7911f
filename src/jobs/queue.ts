import type { Lane } from '../model/job.ts';

export interface QueuedLane extends Lane {
  /** Ahead of everything that is not. */
  readonly urgent: boolean;
}

/**
 * Where lanes wait to be worked on: names only. It may lose or repeat any of them; the work rows are the truth.
 * Every implementation passes test/contracts/queue.ts.
 */
export interface Queue {
  /**
   * Adds lanes of any targets. One that waits already (as urgently) is not added again; one that is being worked on
   * may be. Never hands out one lane twice at the same time for longer than a failure lasts: leases in the store do
   * the rest.
   */
  enqueue(lanes: readonly QueuedLane[]): Promise<void>;
  /** Starts handing out lanes. Called once. What the handler throws is logged, and the lane is forgotten. */
  onLane(handler: (lane: Lane) => Promise<void>): Promise<void>;
  /** Hands out no lane of this target until `resume`. */
  pause(target: string): Promise<void>;
  resume(target: string): Promise<void>;
  /** Hands out nothing more, and resolves when running handlers have ended, at the latest after `limitMs`. */
  close(limitMs: number): Promise<void>;
}

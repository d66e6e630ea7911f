import type { Lane } from '../model/job.ts';

export interface QueuedLane extends Lane {
  /** Ahead of everything that is not. */
  readonly urgent: boolean;
}

/** Lanes of one target that are worked on at a time, where nothing else is said; as many urgent ones besides. */
export const LANES = 64;

/**
 * Where lanes wait to be worked on: names only. It may lose or repeat any of them; the work rows are the truth.
 * Every implementation passes test/contracts/queue.ts.
 */
export interface Queue {
  /**
   * Adds lanes of any targets. One that was added alone and waits is not added again (as urgently); one that is being
   * worked on may be. Leases in the store see to it that no lane is worked on twice at the same time.
   */
  enqueue(lanes: readonly QueuedLane[]): Promise<void>;
  /**
   * Starts handing out lanes; urgent ones never wait for others. Called once. What the handler throws is logged, and
   * the lane is forgotten.
   */
  onLane(handler: (lane: QueuedLane) => Promise<void>): Promise<void>;
  /** Hands out no lane of this target until `resume`. */
  pause(target: string): Promise<void>;
  resume(target: string): Promise<void>;
  /** Hands out nothing more, and resolves when running handlers have ended, at the latest after `limitMs`. */
  close(limitMs: number): Promise<void>;
}

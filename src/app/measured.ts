import { Failure } from '../model/failure.ts';
import type { Change } from '../model/plan.ts';
import type { Db } from '../store/db.ts';
import type { Target } from '../targets/target.ts';
import type { Metrics } from '../web/metrics.ts';

/**
 * The target with every change counted by its verdict, and the time of a leave from the source's word to the block
 * confirmed.
 */
export function measured(target: Target, db: Db, metrics: Metrics): Target {
  return {
    id: target.id,
    can: target.can,
    check: (signal) => target.check(signal),
    observe: (signal) => target.observe(signal),
    roles: (signal) => target.roles(signal),
    observeOne: (ref, signal) => target.observeOne(ref, signal),
    close: () => target.close(),
    apply: async (ref, change, signal) => {
      try {
        const applied = await target.apply(ref, change, signal);
        metrics.job(target.id, 'done');
        if (applied.changed && isLeave(change)) void noteLeave(db, metrics, target.id, ref.person, new Date());
        return applied;
      } catch (error) {
        metrics.job(target.id, error instanceof Failure ? error.verdict.kind : 'retry');
        throw error;
      }
    },
  };
}

/** What waited for an approval says nothing of our speed. */
const isLeave = ({ op, evidence, burst }: Change): boolean =>
  op === 'block' && evidence === 'explicit' && burst === undefined;

/** Beside the work, which neither waits for it nor fails with it. */
async function noteLeave(db: Db, metrics: Metrics, target: string, person: string, now: Date): Promise<void> {
  try {
    const row = await db.row<{ said: Date | null }>({
      name: 'measured-leave',
      text: `select max(coalesce(r.gone_at, r.changed_at)) as said from person_record pr
        join record r on r.key = pr.record_key where pr.person = $1 and (r.gone_at is not null or not r.active)`,
      values: [person],
    });
    if (row?.said != null) metrics.leaver(target, Math.max(0, now.getTime() - row.said.getTime()) / 1000);
  } catch {
    // A figure less: the store was away for a moment.
  }
}

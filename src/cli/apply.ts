import { parseDuration } from '../config/duration.ts';
import { applyPlan } from '../jobs/index.ts';
import type { Db } from '../store/db.ts';
import { notifyWake } from '../store/lease.ts';
import { planByHash } from '../store/plans.ts';
import { add, type Program } from './command.ts';
import { CommandError, EXIT } from './exit.ts';
import { progress } from './io.ts';
import { planDeps } from './planning.ts';
import { plural } from './text.ts';

/** `apply` */
export function addApply(program: Program): void {
  add<{ wait?: string }>(program, program.root, {
    usage: 'apply <hash>',
    about: 'have a saved plan carried out, as far as it still holds',
    examples: ['apply 3f9a1c27', 'apply 3f9a1c27 --wait 5m'],
    options: (command) => command.option('--wait <duration>', 'wait until it is done, such as 5m'),
    run: async (context, options, hash = '') => {
      const waitMs = options.wait === undefined ? 0 : parseDuration(options.wait);
      if (waitMs === undefined) {
        throw new CommandError(EXIT.usage, `--wait: "${options.wait}" is no duration`, {
          remedy: 'Write it like 30s or 5m.',
        });
      }
      if (!/^[0-9a-f]{8,64}$/.test(hash)) {
        throw new CommandError(EXIT.usage, `"${hash}" is no plan's hash`, {
          remedy: 'Give at least the first 8 characters of what "drawbridge plan" printed.',
        });
      }
      return context.withStore(async (store) => {
        const applied = await applyPlan(await planDeps(context, store), hash, context.actor);
        if (applied === undefined) {
          throw new CommandError(EXIT.failed, `there is no plan ${hash}`, { remedy: 'Make one: drawbridge plan' });
        }
        await notifyWake(store.db, false);
        const shown = progress(context.io, 'waiting for the service to carry it out');
        const states = await settle(store.db, applied.hash, waitMs).finally(() => shown.done());
        const nothing = applied.applied === 0;
        const unfinished = !nothing && waitMs > 0 && (states['pending'] ?? 0) + (states['refused'] ?? 0) > 0;
        const waited = options.wait === undefined ? '' : ` ${describe(states)}`;
        return {
          json: { ...applied, ...(options.wait === undefined ? {} : { states }) },
          text: [
            nothing
              ? `Plan ${applied.hash.slice(0, 12)} has no step left to carry out.`
              : `${plural(applied.applied, 'step')} of plan ${applied.hash.slice(0, 12)} handed to the service.${waited}`,
            ...(applied.moved.length === 0
              ? []
              : [`${plural(applied.moved.length, 'step')} no longer held, and is planned again.`]),
            ...(applied.held === 0
              ? []
              : [`The guard held back ${plural(applied.held, 'change')} of it. See them: drawbridge holds list`]),
            ...(nothing || options.wait !== undefined ? [] : ['See how it goes: drawbridge jobs list']),
          ].join('\n'),
          exit: unfinished ? EXIT.failed : applied.held > 0 ? EXIT.held : nothing ? EXIT.nothing : EXIT.done,
        };
      });
    },
  });
}

const EVERY_MS = 300;

/** Waits until no step of the plan is pending, or the time is over. Gives the number of steps in each state. */
async function settle(db: Db, hash: string, ms: number): Promise<Record<string, number>> {
  const end = performance.now() + ms;
  const plan = await planByHash(db, hash);
  for (;;) {
    const rows = await db.rows<{ state: string; count: number }>({
      text: 'select state, count(*) as count from step where plan_id = $1 group by state',
      values: [plan?.id ?? 0],
    });
    const states = Object.fromEntries(rows.map((row) => [row.state, row.count]));
    if (states['pending'] === undefined || performance.now() > end) return states;
    await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
  }
}

function describe(states: Readonly<Record<string, number>>): string {
  return `${Object.entries(states)
    .map(([state, count]) => `${count} ${state}`)
    .join(', ')}.`;
}

import type { Jobs, Views } from '../jobs/index.ts';
import type { Settings } from '../model/settings.ts';
import type { Db } from '../store/db.ts';
import { countHolds } from '../store/holds.ts';
import { countRecords } from '../store/people-list.ts';
import { targetStates } from '../store/target-state.ts';
import { listTokens } from '../store/tokens.ts';
import type { Figures } from '../web/metrics.ts';
import type { Readiness } from '../web/ready.ts';

/** Counting all records costs a scan: not at every question. Milliseconds. */
const COUNTS_AGE = 10_000;

/** What metrics and readiness ask of store and jobs. */
export function createFigures(
  db: Db,
  settings: () => Settings,
  jobs: () => Jobs | undefined,
  views: () => Views,
): { figures(): Promise<Figures>; readiness(): Promise<Readiness> } {
  let counted: { readonly at: number; readonly rows: ReturnType<typeof countRecords> } | undefined;
  const records = (): ReturnType<typeof countRecords> => {
    if (counted === undefined || performance.now() - counted.at > COUNTS_AGE) {
      const rows = countRecords(db);
      counted = { at: performance.now(), rows };
      rows.catch(() => (counted = undefined));
    }
    return counted.rows;
  };
  const status = async () => {
    const running = jobs();
    if (running === undefined) throw new Error('the service is starting');
    return running.status();
  };
  return {
    figures: async () => {
      const [now, sources, tokens, dirty, holds] = await Promise.all([
        status(),
        records(),
        listTokens(db),
        countDirty(db),
        countHolds(db),
      ]);
      const valid = tokens.filter((t) => t.revokedAt === null && t.expiresAt !== null);
      return {
        dirty,
        jobs: now.targets.map(({ id, pending, parked }) => ({ target: id, pending, parked })),
        paused: now.targets.map(({ id, state }) => ({ target: id, paused: state?.pausedAt != null })),
        sources,
        holds: now.targets.map(({ id }) => ({ target: id, n: holds.find((row) => row.target === id)?.n ?? 0 })),
        tokens: valid.map((t) => ({ id: t.id, source: t.source ?? '', expiresAt: t.expiresAt ?? new Date(0) })),
      };
    },
    readiness: async () => {
      const [now, counts, states] = await Promise.all([status(), records(), targetStates(db)]);
      const { rules, withheld } = views();
      return {
        store: true,
        // The queue lies in the store and answers with it.
        queue: true,
        rules: { count: rules.rules.length, withheld: withheld === true },
        retired: retired(settings(), counts, states),
        sources: settings().sources.map(({ id, type }) => {
          const row = counts.find((r) => r.source === id);
          const age = row?.lastChange == null ? null : Math.round((Date.now() - row.lastChange.getTime()) / 1000);
          return { id, type, users: row?.users ?? 0, groups: row?.groups ?? 0, ageSeconds: age };
        }),
        targets: now.targets.map(({ id, state, pending, parked }) => ({
          id,
          mode: settings().targets.find((t) => t.id === id)?.mode ?? 'observe',
          observedAt: state?.observedAt ?? null,
          paused: state?.pausedAt != null,
          pending,
          parked,
        })),
      };
    },
  };
}

async function countDirty(db: Db): Promise<number> {
  const row = await db.row<{ count: number }>({ name: 'dirty-count', text: 'select count(*) as count from dirty' });
  return row?.count ?? 0;
}

/** What the store knows and the settings don't name any more. */
export function retired(
  settings: Settings,
  counts: ReadonlyArray<{ readonly source: string }>,
  states: ReadonlyMap<string, unknown>,
): Readiness['retired'] {
  const missing = (ids: Iterable<string>, known: ReadonlyArray<{ readonly id: string }>) =>
    [...new Set(ids)].filter((id) => !known.some((one) => one.id === id)).toSorted();
  return {
    sources: missing(
      counts.map((row) => row.source),
      settings.sources,
    ),
    targets: missing(states.keys(), settings.targets),
  };
}

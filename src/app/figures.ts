import { type Jobs, lastVerified, type Views } from '../jobs/index.ts';
import { storeParts } from '../store/parts.ts';
import { ENDS_RECOVERY } from '../model/recovery.ts';
import type { Settings } from '../model/settings.ts';
import type { Db } from '../store/db.ts';
import { countCases } from '../store/correlation/case-list.ts';
import { countHolds } from '../store/holds.ts';
import { type BurstState, burstStates } from '../store/leaver-burst.ts';
import { countRecords } from '../store/people-list.ts';
import { targetStates } from '../store/target-state.ts';
import { listTokens } from '../store/tokens.ts';
import { directoryKinds } from '../directories/index.ts';
import { countMissing, lastFullReadings, lastReadings } from '../store/readings.ts';
import { sourceStates } from '../store/source-state.ts';
import type { Figures } from '../web/metrics.ts';
import type { Readiness } from '../web/ready.ts';
import { ownedCounts } from '../store/guard.ts';
import { roleMembers } from './short-roles.ts';
import { heardOf } from './watch-sources.ts';

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
      const [now, sources, tokens, dirty, holds, bursts, cases] = await Promise.all([
        status(),
        records(),
        listTokens(db),
        countDirty(db),
        countHolds(db),
        burstStates(db),
        countCases(db),
      ]);
      const readings = await readingStates(db, settings());
      const verified = await lastVerified({ db, store: storeParts });
      const valid = tokens.filter((t) => t.revokedAt === null && t.expiresAt !== null);
      const heard = heardOf(settings(), tokens, new Date());
      return {
        dirty,
        cases,
        recovery: views().recovery !== undefined,
        jobs: now.targets.map(({ id, pending, parked }) => ({ target: id, pending, parked })),
        paused: now.targets.map(({ id, state }) => ({ target: id, paused: state?.pausedAt != null })),
        sources,
        holds: now.targets.map(({ id }) => ({ target: id, n: holds.find((row) => row.target === id)?.n ?? 0 })),
        bursts,
        roles: roleMembers(settings(), await ownedCounts(db)),
        heard: heard.map(({ id, lastHeard, silent }) => ({ source: id, lastHeard, silent })),
        tokens: valid.map(({ id, source, name, expiresAt }) => ({
          id,
          name,
          source: source ?? '',
          seconds: ((expiresAt?.getTime() ?? 0) - Date.now()) / 1000,
        })),
        readings: [...readings].map(([source, { sealedAgeSeconds, stale, missing }]) => ({
          source,
          ageSeconds: sealedAgeSeconds,
          stale,
          missing,
        })),
        ...(verified === undefined ? {} : { verified }),
      };
    },
    readiness: async () => {
      const [now, counts, states, tokens, bursts] = await Promise.all([
        status(),
        records(),
        targetStates(db),
        listTokens(db),
        burstStates(db),
      ]);
      const heard = heardOf(settings(), tokens, new Date());
      const { rules, withheld, recovery } = views();
      const readings = await readingStates(db, settings());
      const known = [...(await sourceStates(db)).values()];
      return {
        store: true,
        // The queue lies in the store and answers with it.
        queue: true,
        recovery: recovery === undefined ? null : { ...recovery, ends: ENDS_RECOVERY },
        rules: { count: rules.rules.length, withheld: withheld === true },
        retired: retired(settings(), counts, states, known),
        sources: settings().sources.map(({ id, type }) => {
          const row = counts.find((r) => r.source === id);
          const age =
            row?.lastChange == null ? null : Math.max(0, Math.round((Date.now() - row.lastChange.getTime()) / 1000));
          const { lastHeard = null, silent = false, ending = [] } = heard.find((h) => h.id === id) ?? {};
          const reading = readings.get(id);
          return {
            id,
            type,
            users: row?.users ?? 0,
            groups: row?.groups ?? 0,
            ageSeconds: age,
            lastHeard,
            silent,
            leavers: leaversOf(bursts, id),
            endingTokens: ending.map(({ id: token, name, expiresAt }) => ({ id: token, name, expiresAt })),
            ...(reading !== undefined && { reading }),
          };
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

/** Nobody was counted yet where the store has no row. */
function leaversOf(bursts: readonly BurstState[], id: string): Readiness['sources'][number]['leavers'] {
  const { leaves = 0, allowed = null, held = 0 } = bursts.find((b) => b.source === id) ?? {};
  return { recently: leaves, allowed, held };
}

type ReadingState = NonNullable<Readiness['sources'][number]['reading']>;

/** How the directories of the settings are read, by id. */
async function readingStates(db: Db, settings: Settings): Promise<Map<string, ReadingState>> {
  const ids = settings.sources.filter(({ type }) => directoryKinds.some((k) => k.type === type)).map(({ id }) => id);
  if (ids.length === 0) return new Map();
  const [states, missing] = [await sourceStates(db), await countMissing(db)];
  const [last, full] = [await lastReadings(db), await lastFullReadings(db)];
  return new Map(
    ids.map((id) => {
      const state = states.get(id);
      // What changed may go on being read while the whole is kept back.
      const open = full.find((r) => r.source === id && r.state === 'unsealed');
      const reading = open ?? last.find((r) => r.source === id);
      const sealedAt = state?.sealedAt?.getTime();
      return [
        id,
        {
          sealedAgeSeconds: sealedAt === undefined ? null : Math.round((Date.now() - sealedAt) / 1000),
          last: reading?.state ?? null,
          because: reading?.because ?? null,
          stale: state?.frozenBecause === 'stale',
          missing: missing.get(id) ?? 0,
          nextAt: state?.nextAt ?? null,
        },
      ];
    }),
  );
}

async function countDirty(db: Db): Promise<number> {
  const row = await db.row<{ count: number }>({ name: 'dirty-count', text: 'select count(*) as count from dirty' });
  return row?.count ?? 0;
}

/** What the store knows and the settings don't name any more. */
export function retired(
  settings: Settings,
  counts: ReadonlyArray<{ readonly source: string; readonly users: number; readonly groups: number }>,
  states: ReadonlyMap<string, unknown>,
  noted: ReadonlyArray<{ readonly source: string; readonly frozenBecause: string | null }> = [],
): Readiness['retired'] {
  const missing = (ids: Iterable<string>, known: ReadonlyArray<{ readonly id: string }>) =>
    [...new Set(ids)].filter((id) => !known.some((one) => one.id === id)).toSorted();
  return {
    sources: missing(
      [
        ...counts.filter((row) => row.users + row.groups > 0).map((row) => row.source),
        ...noted.filter((state) => state.frozenBecause === 'retired').map((state) => state.source),
      ],
      settings.sources,
    ),
    targets: missing(states.keys(), settings.targets),
  };
}

import { randomUUID } from 'node:crypto';
import type { Lane } from '../model/job.ts';
import type { Db } from '../store/db.ts';
import type { HeldLane, Kept, Settled, Settling } from '../store/held-lanes.ts';
import { coalesce } from './coalesce.ts';
import { type PlannedLane, computePersons } from './compute.ts';
import type { PlanDeps, Timing } from './deps.ts';
import { laneOf, readGround } from './ground.ts';
import { type Intent, type Made, writeIntents, writeMade } from './record.ts';

/** What a lane wants before a change: to be kept, and its intent written if it is still wanted. */
export interface Beginning {
  readonly held: HeldLane;
  readonly intent: Intent | undefined;
  /** The change adds something: not for a generation that is over. */
  readonly adds: boolean;
}

/** `go`: the intent is written; else nothing was. `lost`: no longer ours; `changed`: something newer is wanted. */
export type Begun = 'go' | 'lost' | 'changed' | 'superseded';

/**
 * What lanes under work ask of the store. Each reads as one lane's affair; lanes that are at the same point at the same
 * time share the statements.
 */
export interface Together {
  /** Takes the lane, if something is due there and nobody holds it. */
  lease(lane: Lane): Promise<HeldLane | undefined>;
  /** What the planner would say now about this lane. */
  compute(lane: Lane): Promise<PlannedLane | undefined>;
  /** Keeps the lane and, if the change is still to be made, writes before it what is about to be given. */
  begin(of: Beginning): Promise<Begun>;
  /** Writes what is about to be given, whatever else is wanted of the lane by now. */
  intend(intent: Intent): Promise<void>;
  /** Writes what came of a change, in one transaction. */
  confirm(made: Made): Promise<void>;
  /** Writes the result and gives the lane back. */
  settle(of: Settling): Promise<Settled>;
}

export type TogetherDeps = PlanDeps & { readonly instance: string; readonly timing: Pick<Timing, 'lease'> };

/** Lanes in one statement. */
const MOST = 200;

export function workTogether(deps: TogetherDeps): Together {
  const { db, store } = deps;
  const { lease: leaseMs } = deps.timing;
  const options = { most: MOST, together: isAway };
  const tx = <I, O>(work: (tx: Db, items: readonly I[]) => Promise<readonly O[]>) =>
    coalesce((items: readonly I[]) => db.tx((inner) => work(inner, items)), options);
  return {
    lease: coalesce((lanes) => lease(deps, lanes), options),
    compute: coalesce((lanes) => compute(deps, lanes), options),
    begin: tx(async (inner, items: readonly Beginning[]) => {
      const kept = await store.held.keepLanes(
        inner,
        items.map(({ held }) => held),
        leaseMs,
      );
      const begun = items.map((item, i) => verdict(item, kept[i]));
      await writeIntents(
        store,
        inner,
        deps.now(),
        items.flatMap(({ intent }, i) => (intent !== undefined && begun[i] === 'go' ? [intent] : [])),
      );
      return begun;
    }),
    intend: tx(async (inner, intents: readonly Intent[]) => {
      await writeIntents(store, inner, deps.now(), intents);
      return intents.map(() => undefined);
    }),
    confirm: tx(async (inner, made: readonly Made[]) => {
      await writeMade(store, inner, made);
      return made.map(() => undefined);
    }),
    settle: coalesce((given) => store.held.settleLanes(db, given), options),
  };
}

function verdict({ held, adds }: Beginning, kept: Kept | undefined): Begun {
  if (kept === undefined) return 'lost';
  if (kept.revision !== held.revision) return 'changed';
  return adds && kept.generation !== held.step?.generation ? 'superseded' : 'go';
}

/** The store is away for everybody: to ask again for each would only wait longer. */
const isAway = (error: unknown): boolean => error instanceof Error && error.name === 'StoreUnavailable';

/** The same lane twice at a time: the second finds it taken. */
async function lease({ db, store, instance, timing }: TogetherDeps, lanes: readonly Lane[]) {
  const once = new Map(lanes.map((lane) => [laneOf(lane), { ...lane, owner: `${instance}/${randomUUID()}` }]));
  const asked = [...once.values()];
  const held = await store.held.leaseLanes(db, asked, timing.lease);
  const found = new Map(asked.map((lane, i) => [laneOf(lane), held[i]]));
  return lanes.map((lane) => {
    const mine = found.get(laneOf(lane));
    found.delete(laneOf(lane));
    return mine;
  });
}

/** Each is planned as if alone: what others in the same call want now is taken from the store, as for anybody else. */
async function compute(deps: PlanDeps, lanes: readonly Lane[]) {
  const found = new Map<string, PlannedLane>();
  for (const [target, some] of Map.groupBy(lanes, (lane) => lane.target)) {
    const ground = await readGround(deps, deps.db, [target]);
    const ids = [...new Set(some.map((lane) => lane.person))];
    const { people } = await computePersons(deps.store, deps.db, ground, ids, 'as stored');
    for (const { person, lanes: planned } of people) {
      const [lane] = planned;
      if (lane !== undefined) found.set(laneOf({ target, person: person.id }), lane);
    }
  }
  return lanes.map((lane) => found.get(laneOf(lane)));
}

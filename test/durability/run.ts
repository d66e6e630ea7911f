import { setTimeout as sleep } from 'node:timers/promises';
import { randomFrom } from '../../src/targets/strongdm/sim/faults.ts';
import type { Scene } from '../e2e/support/scene.ts';
import { lost, scimClient } from '../e2e/support/scim.ts';
import { accessAt, doubled, effectsOf, lifeOf, settled } from '../e2e/support/strongdm.ts';
import { startMachine, type Victim } from './machine.ts';
import { expectedOf, joiners, looseWrong, storm } from './world.ts';

export interface StormOptions {
  /** Another one makes another storm: other requests, in another order, and other moments to kill at. */
  readonly seed: number;
  /** How many are there before, and how many are made in the storm. */
  readonly before: number;
  readonly joining: number;
  /** Requests that are under way at a time. */
  readonly clients: number;
  /** Times at which somebody is killed, apart or together. */
  readonly kills: number;
  /** How long StrongDM may take to become as the rules say, once all is acknowledged. Milliseconds. */
  readonly patience: number;
  /** Told now and then how far it is. */
  readonly progress?: (text: string) => void;
}

export interface StormResult {
  /** How often each set of victims was killed, by their names joined with `+`. */
  readonly kills: ReadonlyMap<string, number>;
  readonly acknowledged: number;
  readonly repeated: number;
  readonly effects: number;
  /** A line for each acknowledged write that is not there. */
  readonly lost: readonly string[];
  /** A line for each thing that took effect at StrongDM more than once. */
  readonly doubled: readonly string[];
  /** A line for each difference between StrongDM, the rules and the ledger. */
  readonly wrong: readonly string[];
  /** Steps that a full plan would still take; -1 when it could not be made. */
  readonly steps: number;
  /** How the service ended at the end: 0. */
  readonly exit: number | null;
  /** The service's last words. */
  readonly log: string;
}

/** Apart and together, in turn: every one comes before one comes again. */
const VICTIMS: ReadonlyArray<readonly Victim[]> = [
  ['bridge'],
  ['postmaster'],
  ['sim'],
  ['bridge', 'postmaster', 'sim'],
  ['bridge', 'sim'],
  ['bridge', 'postmaster'],
  ['postmaster', 'sim'],
];
/** The share of kills that come when all is acknowledged and work still runs. */
const LATE = 0.15;

/** Kills at random moments while users and memberships come in, then looks whether all is as it must be. */
export async function runStorm(scene: Scene, options: StormOptions): Promise<StormResult> {
  const { seed, before, joining, clients, progress = () => undefined } = options;
  const machine = await startMachine(scene, `slow=3ms,lost=0.02,max=${30 + options.kills},seed=${seed}`);
  const client = scimClient(() => machine.bridge.url, machine.token);
  const every = Math.min(1_000, 25 + before + joining);
  const settle = (except: ReadonlySet<string>): Promise<string[]> =>
    settled(scene, machine.sim, expectedOf(world), options.patience, except, every);

  progress(`${before} people come first`);
  const world = await joiners(client, before);
  const early = await settle(new Set());
  if (early.length > 0) progress(`before the storm: ${early.length} differences`);

  const random = randomFrom(seed);
  const { actions, loose } = storm(client, world, joining, random);
  const late = Math.max(1, Math.round(options.kills * LATE));
  const during = options.kills - late;
  const killAt = new Map(
    Array.from({ length: during }, (_, i) => [Math.floor(((i + 0.2 + 0.6 * random()) / during) * actions.length), i]),
  );
  const order = inTurn(options.kills, random);
  const kills = new Map<string, number>();
  // The kills follow each other; the storm waits at the next one until what the last one killed is back.
  let back = Promise.resolve();
  let killing = Promise.resolve();
  // What does not come back ends the run with the reason, before a client has lost its patience.
  const broken = Promise.withResolvers<never>();
  broken.promise.catch(() => undefined);
  const kill = (n: number, longest: number): void => {
    const pause = random() * longest;
    back = killing;
    killing = back.then(async () => {
      await sleep(pause);
      const died = (await machine.kill(order[n] ?? [])).join('+');
      kills.set(died, (kills.get(died) ?? 0) + 1);
      progress(`killed ${died} (${n + 1} of ${options.kills}); ${client.counts.acknowledged} writes acknowledged`);
    });
    killing.catch(broken.reject);
  };
  let next = 0;
  const send = async (): Promise<void> => {
    for (let mine = next++; mine < actions.length; mine = next++) {
      const n = killAt.get(mine);
      if (n !== undefined) kill(n, 60);
      await back;
      await actions[mine]?.();
    }
  };
  await Promise.race([Promise.all(Array.from({ length: clients }, send)), broken.promise]);
  for (let n = during; n < options.kills; n++) {
    kill(n, n === during ? 60 : 2_000);
    await killing;
  }
  progress(`all is acknowledged: ${client.counts.acknowledged} writes; StrongDM is to become as the rules say`);

  const wrong = [...early, ...(await settle(new Set(loose.keys())))];
  wrong.push(...looseWrong(loose, await accessAt(machine.sim)));
  progress('reading back every user and group');
  const missing = await lost(client, world.users, world.groups);
  const effects = effectsOf([...machine.lives, lifeOf(scene.journal)]);
  const left = await scene.command('plan', '--full', '--json');
  const log = machine.bridge.err().slice(-3_000);
  return {
    kills,
    acknowledged: client.counts.acknowledged,
    repeated: client.counts.repeated,
    effects: effects.length,
    lost: missing,
    doubled: doubled(effects),
    wrong,
    steps: left.code === 0 ? (JSON.parse(left.out) as { steps: unknown[] }).steps.length : -1,
    exit: (await machine.bridge.stop()).code,
    log,
  };
}

/** `count` sets of victims, in random order, none a second time before all had their turn. */
function inTurn(count: number, random: () => number): Array<readonly Victim[]> {
  const order: Array<readonly Victim[]> = [];
  while (order.length < count) {
    const turn = VICTIMS.map((victims) => ({ victims, key: random() })).toSorted((a, b) => a.key - b.key);
    order.push(...turn.map(({ victims }) => victims));
  }
  return order.slice(0, count);
}

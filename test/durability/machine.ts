import { lifeOf } from '../e2e/support/strongdm.ts';
import { type Bridge, reachedAt, type Scene, settings, type SimProcess } from '../e2e/support/scene.ts';
import type { JournalOp } from '../../src/targets/strongdm/sim/journal.ts';

/** What can be killed: the service, its PostgreSQL server, and StrongDM. */
export type Victim = 'bridge' | 'postmaster' | 'sim';

/** Bridge, database and simulator as processes, that come back after they were killed. */
export interface Machine {
  readonly token: string;
  readonly bridge: Bridge;
  readonly sim: SimProcess;
  /** Journals of the simulator's earlier lives. */
  readonly lives: Array<readonly JournalOp[]>;
  /** Kills at the same moment, and starts again what nobody else would. Gives who was there to be killed. */
  kill(victims: readonly Victim[]): Promise<readonly Victim[]>;
}

/** `faults` are those of `drawbridge sim strongdm --faults`. */
export async function startMachine(scene: Scene, faults: string): Promise<Machine> {
  let sim = await scene.sim({ faults });
  scene.write('drawbridge.yaml', settings(reachedAt(sim)));
  let bridge = await scene.serve();
  const [token = ''] = /dbr_\S+/.exec(bridge.out()) ?? [];
  const lives: Machine['lives'] = [];
  return {
    token,
    get bridge() {
      return bridge;
    },
    get sim() {
      return sim;
    },
    lives,
    kill: async (victims) => {
      const there = victims.filter((victim) => victim !== 'postmaster' || scene.postmaster() !== undefined);
      if (there.includes('postmaster')) scene.killPostmaster();
      await Promise.all([
        there.includes('bridge') ? bridge.kill() : undefined,
        there.includes('sim') ? sim.kill() : undefined,
      ]);
      scene.startPostmaster();
      if (there.includes('sim')) {
        lives.push(lifeOf(scene.journal));
        sim = await scene.sim({ port: sim.port, faults });
      }
      if (there.includes('bridge')) bridge = await scene.serve();
      return there;
    },
  };
}

import type { Log, Secrets } from '../log.ts';
import type { Settings, TargetSettings } from '../model/settings.ts';
import { targetKinds } from '../targets/index.ts';
import type { Target } from '../targets/target.ts';
import { type RunningSim, runSimulator } from './simulators.ts';

/** The targets' settings, with the addresses and keys of built-in simulators, which run from now on. */
export async function startSimulators(
  settings: Settings,
  { log, secrets }: { readonly log: Log; readonly secrets?: Secrets },
  opened: Array<() => Promise<void>>,
): Promise<TargetSettings[]> {
  return Promise.all(
    settings.targets.map(async (target) => {
      if (!target.simulator) return target;
      const sim: RunningSim = await runSimulator(target, settings.data, log);
      opened.push(() => sim.close());
      for (const secret of sim.secrets) secrets?.add(secret);
      return sim.settings;
    }),
  );
}

/** Opens each target by its kind. Connects to nothing yet. */
export function openTargets(
  settings: readonly TargetSettings[],
  instance: string,
  wrap: (target: Target) => Target = (target) => target,
): Map<string, Target> {
  return new Map(
    settings.map((target) => {
      const kind = targetKinds.find((k) => k.type === target.type);
      if (kind === undefined) throw new Error(`no kind of target ${target.type}`);
      return [target.id, wrap(kind.open(target, { instance }))];
    }),
  );
}

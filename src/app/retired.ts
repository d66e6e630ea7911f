import type { Log } from '../log.ts';
import type { Settings } from '../model/settings.ts';
import { BURST_LIMIT } from '../model/guard.ts';
import type { Db } from '../store/db.ts';
import { setBurstLimits } from '../store/leaver-burst.ts';
import { renameSource } from '../store/retire.ts';
import { noteRetired } from '../store/source-state.ts';

/**
 * Settles what a change of the settings means for sources: `was` renames, what is not there any more is retired (its
 * people are frozen, nobody is removed), what is there again is thawed; the store learns how many people of each may
 * leave at a time. Safe to call again. Gives the retired ones.
 */
export async function settleSources(db: Db, settings: Settings, log: Log, now: Date): Promise<readonly string[]> {
  for (const { id, was } of settings.sources) {
    if (was === undefined || settings.sources.some((source) => source.id === was)) continue;
    if (await renameSource(db, was, id)) log.info({ source: id, was }, 'a source goes on under a new id');
  }
  const ids = settings.sources.map((source) => source.id);
  await setBurstLimits(db, new Map(settings.sources.map(({ id, leaverBurst }) => [id, leaverBurst ?? BURST_LIMIT])));
  const retired = await noteRetired(db, ids, now);
  for (const source of retired) {
    log.warn({ source }, 'a source is not in the settings any more: its people are frozen, nobody is removed');
  }
  return retired;
}

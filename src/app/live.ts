import { isDeepStrictEqual } from 'node:util';
import type { Loaded } from '../config/load.ts';
import type { Views } from '../jobs/deps.ts';
import type { Log } from '../log.ts';
import type { Problem } from '../model/rules.ts';
import type { Settings } from '../model/settings.ts';
import { signatureOf } from './rules-folder.ts';
import { loadViews, lostRules } from './views.ts';

/** Settings and rules as they hold at the moment. */
export interface Live {
  settings(): Settings;
  views(): Views;
  /**
   * Reads settings and rules again. A mistake leaves all as it was, and every problem is logged. Gives whether the
   * new ones hold now.
   */
  reload(): boolean;
  /** Sources that the store knows, which rules may go on naming when they are not in the settings any more. */
  setKnown(sources: readonly string[]): void;
  /** What planning goes by from now on; for what only the store knows. */
  setViews(views: Views): void;
  /** Reloads when a file changes, looking every `everyMs`. Gives how to stop that. */
  watch(everyMs: number, changed: () => void): () => void;
}

/** What can't be changed while the service runs: the set of targets, how each is reached, and all that was opened. */
const fixed = ({ server, store, witness, queue, data, log, targets }: Settings) => ({
  server,
  store,
  witness,
  queue,
  data,
  log,
  targets: targets.map(({ id, type, simulator, options }) => ({ id, type, simulator, options })),
});

/** `read` reads the settings file again; without it only rules are. */
export function createLive(
  start: { readonly settings: Settings; readonly views: Views },
  options: { readonly log: Log; readonly read?: (() => Loaded) | undefined; loaded?(good: boolean): void },
): Live {
  const { log } = options;
  let { settings, views } = start;
  let known: readonly string[] = [];
  // Taken now and not when watching begins: what changes in between must not be missed.
  let settled = signatureOf(settings.file, settings.rules);

  const refuse = (problems: readonly Problem[]): false => {
    for (const problem of problems) tell(log, problem);
    log.error({ problems: problems.length }, 'changed settings or rules were refused; the old ones stay in force');
    options.loaded?.(false);
    return false;
  };

  const reload = (): boolean => {
    const loaded = options.read?.();
    if (loaded !== undefined && loaded.settings === undefined) return refuse(loaded.problems);
    const wanted = loaded?.settings ?? settings;
    const restart = !isDeepStrictEqual(fixed(wanted), fixed(settings));
    const next: Settings = restart ? keepFixed(settings, wanted) : wanted;
    // What is just taken out of the settings is retired from now on.
    const retired = [...known, ...settings.sources.map((source) => source.id)];
    const read = loadViews(next, loaded?.document, retired);
    const fresh = read.views;
    if (fresh === undefined) return refuse(read.problems);
    if (fresh.unstated === true && (views.unstated !== true || views.withheld === true)) {
      const lost = lostRules(next.rules, views.withheld === true ? undefined : '');
      return refuse([...read.problems, lost]);
    }
    for (const problem of read.problems) tell(log, problem);
    if (restart) log.warn({ file: settings.file }, 'some changed settings take effect only after a restart');
    known = retired;
    [settings, views] = [next, fresh];
    const { revision, commit, rules } = views.rules;
    const counted = { revision, ...(commit !== undefined && { commit }), rules: rules.length };
    log.info(counted, 'settings and rules are loaded');
    options.loaded?.(true);
    return true;
  };

  return {
    settings: () => settings,
    views: () => views,
    setViews: (wanted) => void (views = wanted),
    setKnown: (sources) => void (known = sources),
    reload,
    watch: (everyMs, changed) => {
      let seen = settled;
      const timer = setInterval(() => {
        const now = signatureOf(settings.file, settings.rules);
        // A file that is just being written is looked at when it has stood still for one turn.
        if (now !== seen) seen = now;
        else if (now !== settled) {
          settled = now;
          if (reload()) changed();
        }
      }, everyMs);
      timer.unref();
      return () => clearInterval(timer);
    },
  };
}

/** The new settings as far as they can be changed now. */
function keepFixed(old: Settings, wanted: Settings): Settings {
  const targets = old.targets.map((target) => {
    const now = wanted.targets.find((t) => t.id === target.id && t.type === target.type);
    if (now === undefined) return target;
    const { untouchable: _, roles: __, scope: ___, idleAfter: ____, ...rest } = target;
    const { mode, baseline, adopt, createRoles, profile, untouchable, roles, scope, idleAfter } = now;
    const special = {
      ...(idleAfter !== undefined && { idleAfter }),
      ...(scope !== undefined && { scope }),
      ...(untouchable !== undefined && { untouchable }),
      ...(roles !== undefined && { roles }),
    };
    return { ...rest, mode, baseline, adopt, createRoles, profile, ...special };
  });
  const { schemas: _, precedence: __, verifiedDomains: ___, correlation: ____, ...rest } = old;
  const { sources, rules, schemas, precedence, verifiedDomains, correlation } = wanted;
  return {
    ...rest,
    sources,
    rules,
    targets,
    ...(schemas === undefined ? {} : { schemas }),
    ...(precedence === undefined ? {} : { precedence }),
    ...(verifiedDomains === undefined ? {} : { verifiedDomains }),
    ...(correlation === undefined ? {} : { correlation }),
  };
}

/** One line of the log for each mistake, with its place. */
export function tell(log: Log, { severity, place, message, remedy }: Problem): void {
  const at = place === undefined ? {} : { at: `${place.file}:${place.line}:${place.column}` };
  log[severity === 'error' ? 'error' : 'warn']({ ...at, ...(remedy === undefined ? {} : { remedy }) }, message);
}

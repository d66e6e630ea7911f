import { appendEvents } from '../store/events.ts';
import { notifyWake } from '../store/lease.ts';
import { pauseSource, sourceStates } from '../store/source-state.ts';
import { pauseByOperator, resumeTarget, targetStates } from '../store/target-state.ts';
import type { Settings } from '../model/settings.ts';
import { suggest } from '../model/suggest.ts';
import type { Db } from '../store/db.ts';
import { add, type Program } from './command.ts';
import { CommandError, EXIT } from './exit.ts';
import { needed } from './reason.ts';
import { plural } from './text.ts';

/** What `pause` and `resume` are about. */
interface Chosen {
  readonly targets: readonly string[];
  readonly sources: readonly string[];
}

/** `pause` and `resume`: at once, over restarts, and for leavers only when told. */
export function addPause(program: Program): void {
  add<{ reason?: string; leavers?: boolean }>(program, program.root, {
    usage: 'pause <what>',
    about: 'nothing more is done at a target, or for the people of a source; leavers go on being blocked',
    examples: [
      'pause strongdm --reason "maintenance until six"',
      'pause source:okta --reason "something is wrong with the app assignment"',
      'pause all --reason "looking into an incident" --leavers',
    ],
    options: (command) =>
      command
        .option('--reason <text>', 'why; kept in the history')
        .option('--leavers', 'at targets: who leaves waits too'),
    run: async (context, options, what = '') => {
      const reason = needed(options.reason, 'pause');
      return context.withStore(async ({ db }, settings) => {
        const chosen = choose(what, settings);
        const { actor } = context;
        await db.tx(async (tx) => {
          const leavers = options.leavers === true ? { leavers: true } : {};
          await pauseByOperator(tx, chosen.targets, { by: 'operator', message: reason, actor, ...leavers });
          const word = { by: actor, at: new Date().toISOString(), reason };
          for (const source of chosen.sources) await pauseSource(tx, source, word);
          await appendEvents(tx, [
            ...chosen.targets.map((target) => ({
              actor,
              kind: 'target.paused',
              target,
              detail: { reason, ...leavers },
            })),
            ...chosen.sources.map((source) => ({ actor, kind: 'source.paused', source, detail: { reason } })),
          ]);
        });
        await notifyWake(db, false);
        const them = options.leavers === true ? 'leavers wait too' : 'leavers are blocked as ever';
        return {
          json: { paused: chosen },
          text: `${shown(chosen)} paused; ${them}. It ends with: drawbridge resume ${what}`,
        };
      });
    },
  });
  add(program, program.root, {
    usage: 'resume <what>',
    about: 'ends a pause of a target, a source, or all of them',
    examples: ['resume strongdm', 'resume all'],
    run: async (context, _options, what = '') =>
      context.withStore(async ({ db }, settings) => {
        const chosen = await paused(db, choose(what, settings));
        const { actor } = context;
        await db.tx(async (tx) => {
          for (const target of chosen.targets) await resumeTarget(tx, target);
          for (const source of chosen.sources) await pauseSource(tx, source, null);
          await appendEvents(tx, [
            ...chosen.targets.map((target) => ({ actor, kind: 'target.resumed', target })),
            ...chosen.sources.map((source) => ({ actor, kind: 'source.resumed', source })),
          ]);
        });
        await notifyWake(db, true);
        const none = chosen.targets.length + chosen.sources.length === 0;
        return {
          json: { resumed: chosen },
          text: none ? `${what} is not paused.` : `${shown(chosen)} resumed.`,
          exit: none ? EXIT.nothing : EXIT.done,
        };
      }),
  });
}

const shown = ({ targets, sources }: Chosen): string =>
  [
    ...(targets.length === 0 ? [] : [`${plural(targets.length, 'target')} (${targets.join(', ')})`]),
    ...(sources.length === 0 ? [] : [`${plural(sources.length, 'source')} (${sources.join(', ')})`]),
  ].join(' and ');

/** `all` stands for every target; a name that a target and a source have needs `target:` or `source:` in front. */
function choose(what: string, settings: Settings): Chosen {
  const targets = settings.targets.map(({ id }) => id);
  const sources = settings.sources.map(({ id }) => id);
  if (what === 'all') return { targets, sources: [] };
  const [, kind, name = ''] = /^(?:(target|source):)?(.*)$/s.exec(what) ?? [];
  const asTarget = kind !== 'source' && targets.includes(name);
  const asSource = kind !== 'target' && sources.includes(name);
  if (asTarget && asSource) {
    throw new CommandError(EXIT.usage, `${name} is a target and a source`, {
      remedy: `Say which: target:${name} or source:${name}.`,
    });
  }
  if (asTarget) return { targets: [name], sources: [] };
  if (asSource) return { targets: [], sources: [name] };
  const known = [...(kind === 'source' ? [] : targets), ...(kind === 'target' ? [] : sources)];
  const near = suggest(name, known);
  throw new CommandError(EXIT.usage, `there is no target or source "${name}"`, {
    remedy: `${near === undefined ? '' : `Did you mean ${near}? `}There are: ${['all', ...known].join(', ')}.`,
  });
}

/** Of these what an operator or something broken has paused. */
async function paused(db: Db, { targets, sources }: Chosen): Promise<Chosen> {
  const [atTargets, ofSources] = [await targetStates(db), await sourceStates(db)];
  return {
    targets: targets.filter((id) => atTargets.get(id)?.pausedAt != null),
    sources: sources.filter((id) => ofSources.get(id)?.paused != null),
  };
}

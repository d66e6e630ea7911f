import { roleMembers } from '../app/short-roles.ts';
import { ownedCounts } from '../store/guard.ts';
import { targetStates } from '../store/target-state.ts';
import { countWork } from '../store/work-list.ts';
import { add, group, type Program } from './command.ts';
import { clip, indent, table, when } from './text.ts';

/** `targets list` */
export function addTargets(program: Program): void {
  const targets = group(program, 'targets', 'the systems where access is given', 'targets list');
  add(program, targets, {
    usage: 'list',
    about: 'every target: mode, when it was last read, what waits there, whether it is paused',
    examples: ['targets list'],
    run: async (context) =>
      context.withStore(async ({ db }, settings) => {
        const [states, work] = [await targetStates(db), await countWork(db)];
        const roles = roleMembers(settings, await ownedCounts(db));
        const rows = settings.targets.map(({ id, type, mode, simulator, baseline }) => {
          const state = states.get(id);
          const { pending, parked } = work.find((w) => w.target === id) ?? { pending: 0, parked: 0 };
          const needsBaseline = !simulator && baseline === 'approve' && state?.baselineAt == null;
          const { observedAt = null, observeError = null, pausedAt = null, pausedBecause = null } = state ?? {};
          return {
            id,
            type,
            mode,
            simulator,
            needsBaseline,
            observedAt,
            observeError,
            pausedAt,
            pausedBecause,
            pending,
            parked,
            roles: roles.flatMap(({ target, ...role }) => (target === id ? [role] : [])),
          };
        });
        if (rows.length === 0)
          return { json: [], text: 'No targets in the settings: people are recorded, and nobody gets access.' };
        const notes = rows.flatMap((row) => [
          ...(row.pausedBecause === null
            ? []
            : [`${row.id} is paused: ${row.pausedBecause.message}`, ...remedy(row.pausedBecause)]),
          ...(row.observeError === null
            ? []
            : [`${row.id} could not be read: ${row.observeError.message}`, ...remedy(row.observeError)]),
          ...row.roles.flatMap(({ role, members, minMembers }) =>
            members >= minMembers
              ? []
              : [
                  `${row.id}: ${members} have the role ${clip(role, 40)}, and the settings want ${minMembers} (minMembers)`,
                ],
          ),
          ...(row.needsBaseline
            ? [`${row.id} waits for its first plan to be applied: drawbridge plan, then apply HASH`]
            : []),
        ]);
        const cells = rows.map((r) => [
          clip(r.id, 30),
          r.simulator ? `${r.type} (simulator)` : r.type,
          r.needsBaseline ? 'observe' : r.mode,
          when(r.observedAt),
          String(r.pending),
          String(r.parked),
          r.pausedAt === null ? '' : `since ${when(r.pausedAt)}`,
        ]);
        const text = table(['TARGET', 'TYPE', 'MODE', 'LAST READ', 'WAITING', 'PARKED', 'PAUSED'], cells);
        return { json: rows, text: [text, ...notes].join('\n') };
      }),
  });
}

const remedy = (why: { readonly remedy?: string }): string[] =>
  why.remedy === undefined ? [] : [indent(why.remedy, 2)];

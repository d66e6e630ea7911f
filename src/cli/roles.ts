import { appendEvents } from '../store/events.ts';
import { markAll } from '../store/dirty.ts';
import { notifyWake } from '../store/lease.ts';
import { listPins, type PinnedRole, unpin } from '../store/roles.ts';
import { add, group, type Program } from './command.ts';
import { CommandError, EXIT, unknownTarget } from './exit.ts';
import { needed } from './reason.ts';
import { clip, table, when } from './text.ts';

/** `roles list|repin`: which role at a target a name in the rules stands for. */
export function addRoles(program: Program): void {
  const roles = group(program, 'roles', 'which roles the names in the rules stand for', 'roles list');
  add<{ target?: string }>(program, roles, {
    usage: 'list',
    about: 'every name that was resolved, the role that it stands for, and what that is called now',
    examples: ['roles list', 'roles list --target strongdm'],
    options: (command) => command.option('--target <id>', 'of one target'),
    run: async (context, options) =>
      context.withStore(async ({ db }, settings) => {
        const ids = settings.targets.map(({ id }) => id);
        if (options.target !== undefined && !ids.includes(options.target)) throw unknownTarget(options.target, ids);
        const pins = await listPins(db, options.target);
        return { json: pins.map((pin) => ({ ...pin, state: stateOf(pin) })), text: text(pins) };
      }),
  });
  add<{ reason?: string }>(program, roles, {
    usage: 'repin <target> <role>',
    about: 'look a name of the rules up anew: who has the role keeps it, who is to get it gets the one of that name',
    examples: ['roles repin strongdm prod-db --reason "the role was made anew, OPS-12"'],
    options: (command) => command.option('--reason <text>', 'why; kept in the history'),
    run: async (context, options, target = '', name = '') => {
      const reason = needed(options.reason, 'roles repin');
      return context.withStore(async ({ db }, settings) => {
        const ids = settings.targets.map(({ id }) => id);
        if (!ids.includes(target)) throw unknownTarget(target, ids);
        const before = await db.tx(async (tx) => {
          const id = await unpin(tx, target, name);
          if (id === undefined) return undefined;
          const detail = { before: id, reason };
          await appendEvents(tx, [{ actor: context.actor, kind: 'role.unpinned', target, object: name, detail }]);
          await markAll(tx);
          return id;
        });
        if (before === undefined) {
          throw new CommandError(EXIT.nothing, `the name ${name} stands for no role at ${target} so far`, {
            remedy: 'See which do: drawbridge roles list',
          });
        }
        await notifyWake(db, false);
        return {
          json: { target, role: name, before },
          text: `${name} at ${target} is looked up anew with the next plan (it stood for ${before}).`,
        };
      });
    },
  });
}

function stateOf({ name, now }: PinnedRole): 'ok' | 'renamed' | 'gone' {
  if (now === null) return 'gone';
  return now === name ? 'ok' : 'renamed';
}

function text(pins: readonly PinnedRole[]): string {
  if (pins.length === 0) return 'No name was resolved yet: that happens when the first person is given a role.';
  const rows = pins.map((pin) => [
    clip(pin.target, 20),
    clip(pin.name, 28),
    clip(pin.roleId, 24),
    stateOf(pin) === 'renamed' ? `called ${clip(pin.now ?? '', 20)}` : stateOf(pin),
    String(pin.owned),
    when(pin.pinnedAt),
  ]);
  return table(['TARGET', 'ROLE', 'STANDS FOR', 'NOW', 'OURS', 'SINCE'], rows);
}

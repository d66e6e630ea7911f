import type { Settings } from '../model/settings.ts';
import { namesOfPeople } from '../store/people-list.ts';
import {
  listUnmanaged,
  type RoleShare,
  roleShares,
  type Unmanaged,
  UNMANAGED_FIELDS,
  type UnmanagedKey,
  type UnmanagedTerm,
} from '../store/unmanaged.ts';
import { add, group, type Program } from './command.ts';
import { CommandError, EXIT } from './exit.ts';
import { likePattern, parseFilter } from './filter.ts';
import { readLimit } from './paging.ts';
import { clip, table } from './text.ts';

/** `unmanaged list|roles`: what hangs on accounts at the targets and was not given by us. */
export function addUnmanaged(program: Program): void {
  const unmanaged = group(program, 'unmanaged', 'roles that others gave at the targets', 'unmanaged roles');
  add<{ filter?: string; limit: string; after?: string }>(program, unmanaged, {
    usage: 'list',
    about: 'every role on an account that Drawbridge did not give, as the targets were last read',
    examples: ['unmanaged list --filter "target:strongdm role:prod-*"', 'unmanaged list --filter account:foreign'],
    options: (command) =>
      command
        .option(
          '--filter <terms>',
          `field:value, blanks AND, * wildcard; fields: ${UNMANAGED_FIELDS.join(', ')} (account: ours or foreign)`,
        )
        .option('--limit <n>', 'rows on a page', '100')
        .option('--after <row>', 'go on after this one (as the page before ends)'),
    run: async (context, options) => {
      const terms = parseFilter(options.filter, UNMANAGED_FIELDS).map(({ field, value }) => ({
        field: field as UnmanagedTerm['field'],
        like: likePattern(value),
      }));
      const limit = readLimit(options.limit);
      const after = options.after === undefined ? {} : { after: readKey(options.after) };
      return context.withStore(async ({ db }) => {
        const found = await listUnmanaged(db, { terms, limit: limit + 1, ...after });
        const page = found.slice(0, limit);
        const last = page.at(-1);
        const next = found.length > limit && last !== undefined ? keyText(last) : undefined;
        const names = await namesOfPeople(
          db,
          page.flatMap(({ person }) => person ?? []),
        );
        return {
          json: { unmanaged: page, ...(next === undefined ? {} : { next }) },
          text: page.length === 0 ? NOTHING : pageText(page, names, next),
        };
      });
    },
  });
  add<{ all?: boolean }>(program, unmanaged, {
    usage: 'roles',
    about: 'each role: how often it was given by us, by others on accounts of ours, and on accounts that are not ours',
    examples: ['unmanaged roles', 'unmanaged roles --all'],
    options: (command) => command.option('--all', 'also roles that nobody else gave'),
    run: async (context, options) =>
      context.withStore(async ({ db }, settings) => {
        const all = (await roleShares(db)).map((share) => ({
          ...share,
          authoritative: isAuthoritative(settings, share),
        }));
        const shown = options.all === true ? all : all.filter(({ others, foreign }) => others + foreign > 0);
        const rows = shown.map((r) => [
          clip(r.target, 24),
          `${clip(r.role, 40)}${r.authoritative ? ' (authoritative)' : ''}`,
          String(r.ours),
          String(r.others),
          String(r.foreign),
        ]);
        const head = ['TARGET', 'ROLE', 'OURS', 'BY OTHERS', 'FOREIGN ACCOUNTS'];
        return { json: { roles: shown }, text: shown.length === 0 ? NOTHING : table(head, rows) };
      }),
  });
}

const NOTHING = 'Nothing that others gave was seen at the targets.';

const isAuthoritative = ({ targets }: Settings, { target, role }: RoleShare): boolean =>
  targets.find(({ id }) => id === target)?.roles?.[role]?.authoritative === true;

function pageText(page: readonly Unmanaged[], names: ReadonlyMap<string, string>, next: string | undefined): string {
  const rows = page.map(({ target, role, roleId, login, accountId, person, managedBy, privileged }) => [
    clip(target, 16),
    clip(role ?? roleId, 24),
    clip(login === '' ? accountId : login, 30),
    person === null ? 'not ours' : clip(names.get(person) ?? person, 24),
    privileged ? 'administrator' : clip(managedBy ?? '', 16),
  ]);
  const text = table(['TARGET', 'ROLE', 'ACCOUNT', 'PERSON', 'MANAGED BY'], rows);
  return next === undefined ? text : `${text}\n\nMore: --after ${next}`;
}

const keyText = ({ target, accountId, roleId }: UnmanagedKey): string => `${target}/${accountId}/${roleId}`;

function readKey(text: string): UnmanagedKey {
  const [target = '', accountId = '', roleId = '', ...more] = text.split('/');
  if (roleId === '' || more.length > 0) {
    throw new CommandError(EXIT.usage, `--after "${text}" is no row of unmanaged list`, {
      remedy: 'Write what stands in the last line of the page before: TARGET/ACCOUNT/ROLE.',
    });
  }
  return { target, accountId, roleId };
}

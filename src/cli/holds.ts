import type { Db } from '../store/db.ts';
import { HOLD_FIELDS, type HoldTerm, listHolds, type StoredHold } from '../store/holds.ts';
import { namesOfPeople } from '../store/people-list.ts';
import { add, group, type Program } from './command.ts';
import { CommandError, EXIT } from './exit.ts';
import { likePattern, parseFilter } from './filter.ts';
import { readLimit } from './paging.ts';
import { changeText, clip, plural, table, when, wrap } from './text.ts';

/** `holds list|show`: what the guard holds for approval. */
export function addHolds(program: Program): void {
  const holds = group(program, 'holds', 'changes that the guard holds for approval', 'holds list');
  add<{ filter?: string; limit: string; after?: string; all?: boolean }>(program, holds, {
    usage: 'list',
    about: 'what waits for approval, the oldest first',
    examples: ['holds list', 'holds list --filter "target:strongdm item:role:prod-*"'],
    options: (command) =>
      command
        .option('--filter <terms>', `field:value, blanks AND, * wildcard; fields: ${HOLD_FIELDS.join(', ')}`)
        .option('--all', 'also what is approved and not yet done, and what was rejected')
        .option('--limit <n>', 'holds on a page', '100')
        .option('--after <hold>', 'go on after this one'),
    run: async (context, options) => {
      const asked = readTerms(options.filter);
      const any = options.all === true || asked.some((term) => term.field === 'state');
      const terms: HoldTerm[] = any ? asked : [...asked, { field: 'state', like: 'held' }];
      const limit = readLimit(options.limit);
      const after = options.after === undefined ? {} : { after: options.after };
      return context.withStore(async ({ db }) => {
        const found = await listHolds(db, { terms, limit: limit + 1, ...after });
        const page = found.slice(0, limit);
        const next = found.length > limit ? page.at(-1)?.id : undefined;
        return {
          json: { holds: page, ...(next === undefined ? {} : { next }) },
          text: page.length === 0 ? 'Nothing is held.' : await pageText(db, page, next),
        };
      });
    },
  });
  add(program, holds, {
    usage: 'show <hold>',
    about: 'one held change: what it is, why it is held, what was decided',
    examples: ['holds show h_4b1d0c9a77e2f310'],
    run: async (context, _options, id = '') =>
      context.withStore(async ({ db }) => {
        const [hold, more] = await listHolds(db, { terms: [], limit: 2, like: likePattern(`${id}*`) });
        if (hold === undefined || id.length < 8) throw noHold(id);
        if (more !== undefined) throw new CommandError(EXIT.usage, `"${id}" begins several holds`);
        const names = await namesOfPeople(db, [hold.person]);
        return { json: hold, text: oneText(hold, names.get(hold.person)) };
      }),
  });
}

/** The terms of a `--filter` on holds. Throws a CommandError (exit 2). */
export const readTerms = (filter: string | undefined): HoldTerm[] =>
  parseFilter(filter, HOLD_FIELDS).map(({ field, value }) => ({
    field: field as HoldTerm['field'],
    like: likePattern(value),
  }));

export const noHold = (name: string): CommandError =>
  new CommandError(EXIT.failed, `nothing is held under "${name}"`, {
    remedy: 'Give a hold or the hash of a plan, at least 8 characters: drawbridge holds list',
  });

async function pageText(db: Db, page: readonly StoredHold[], next: string | undefined): Promise<string> {
  const names = await namesOfPeople(
    db,
    page.map((hold) => hold.person),
  );
  const rows = page.map(({ id, state, person, target, op, item, since }) => [
    id,
    state,
    clip(names.get(person) ?? person, 32),
    clip(`${op} ${item} at ${target}`, 40),
    when(since),
  ]);
  const reasons = [...Map.groupBy(page, (hold) => hold.because)].map(([because, of]) =>
    wrap(`${plural(of.length, 'change')}: ${because}`, 98),
  );
  return [
    table(['HOLD', 'STATE', 'PERSON', 'CHANGE', 'SINCE'], rows),
    '',
    ...reasons,
    '',
    ...(next === undefined ? [] : [`More: --after ${next}`]),
    'Decide: drawbridge approve HOLD|PLAN --reason …, drawbridge reject HOLD|PLAN --reason …',
  ].join('\n');
}

function oneText(hold: StoredHold, name: string | undefined): string {
  const { id, state, person, target, change, because, plan, since, decidedBy, decidedAt, reason, ticket } = hold;
  return [
    `${id}  ${state}`,
    `  ${name === undefined ? person : `${name} (${person})`} at ${target}`,
    `    ${changeText(change)}`,
    `  held since ${when(since)}: ${because}`,
    `  plan ${plan.slice(0, 12)}`,
    ...(decidedBy === null
      ? []
      : [`  ${state} by ${decidedBy}, ${when(decidedAt)}: ${reason ?? ''}${ticket === null ? '' : ` (${ticket})`}`]),
    ...(state === 'approved' ? [`  holds until ${when(hold.expiresAt)}`] : []),
  ].join('\n');
}

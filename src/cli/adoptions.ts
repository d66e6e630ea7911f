import { type AdoptionEvidence, evidenceIn } from '../model/adoption.ts';
import {
  ADOPTION_FIELDS,
  type AdoptionKey,
  type AdoptionTerm,
  type ListedAdoption,
  listAdoptions,
} from '../store/adoptions.ts';
import { addResolve } from './adoptions-resolve.ts';
import { add, group, type Program } from './command.ts';
import { CommandError, EXIT } from './exit.ts';
import { NONE_WAITS, ofPerson, readAdoptionTerms } from './adoption-queue.ts';
import { readLimit } from './paging.ts';
import { findPerson } from './person.ts';
import { clip, plural, table, when } from './text.ts';

/** `adoptions list|show|resolve`: accounts that were at a target before us, and whose they are. */
export function addAdoptions(program: Program): void {
  const adoptions = group(
    program,
    'adoptions',
    'accounts that were at a target before Drawbridge, and whose they are',
    'adoptions list',
  );
  add<{ filter?: string; limit: string; after?: string; all?: boolean }>(program, adoptions, {
    usage: 'list',
    about: 'accounts that wait for a word whether they are a person’s',
    examples: ['adoptions list', 'adoptions list --filter "target:strongdm evidence:verified*"'],
    options: (command) =>
      command
        .option('--filter <terms>', `field:value, blanks AND, * wildcard; fields: ${ADOPTION_FIELDS.join(', ')}`)
        .option('--all', 'also those that somebody has spoken about')
        .option('--limit <n>', 'accounts on a page', '100')
        .option('--after <row>', 'go on after this one (as the page before ends)'),
    run: async (context, options) => {
      const asked = readAdoptionTerms(options.filter);
      const any = options.all === true || asked.some((term) => term.field === 'state');
      const terms: AdoptionTerm[] = any ? asked : [...asked, { field: 'state', like: 'open' }];
      const limit = readLimit(options.limit);
      const after = options.after === undefined ? {} : { after: readKey(options.after) };
      return context.withStore(async ({ db }) => {
        const found = await listAdoptions(db, { terms, limit: limit + 1, ...after });
        const page = found.slice(0, limit);
        const last = page.at(-1);
        const next = found.length > limit && last !== undefined ? keyText(last) : undefined;
        return {
          json: { adoptions: page.map(asJson), ...(next === undefined ? {} : { next }) },
          text: pageText(page, next),
        };
      });
    },
  });
  add(program, adoptions, {
    usage: 'show <person>',
    about: 'what stands in this person’s way at each target, and what was said about it',
    examples: ['adoptions show ann@example.com'],
    run: async (context, _options, text = '') =>
      context.withStore(async ({ db }) => {
        const { id } = await findPerson(db, text);
        const found = await ofPerson(db, id);
        return { json: found.map(asJson), text: found.length === 0 ? NONE_WAITS : found.map(oneText).join('\n\n') };
      }),
  });
  addResolve(program, adoptions);
}

/** One row of the queue, as `--after` takes it. */
const keyText = ({ target, person, accountId }: AdoptionKey): string => `${target}/${person}/${accountId}`;

function readKey(text: string): AdoptionKey {
  const [target = '', person = '', ...rest] = text.split('/');
  if (rest.length === 0) {
    throw new CommandError(EXIT.usage, `--after "${text}" is no row of adoptions list`, {
      remedy: 'Write what stands in the last line of the page before: TARGET/PERSON/ACCOUNT.',
    });
  }
  return { target, person, accountId: rest.join('/') };
}

const evidenceText: Readonly<Record<AdoptionEvidence, string>> = {
  'verified-email': 'verified e-mail',
  email: 'e-mail',
  login: 'login only',
};

const shownEvidence = (message: string): string => {
  const evidence = evidenceIn(message);
  return evidence === undefined ? '-' : evidenceText[evidence];
};

function pageText(page: readonly ListedAdoption[], next: string | undefined): string {
  if (page.length === 0) return NONE_WAITS;
  const rows = page.map((one) => [
    clip(one.target, 16),
    clip(one.userName ?? one.person, 32),
    clip(one.login, 32),
    shownEvidence(one.message),
    String(one.roles),
    one.word === null ? '' : one.word,
  ]);
  const text = table(['TARGET', 'PERSON', 'ACCOUNT', 'BECAUSE OF', 'ROLES', 'SAID'], rows);
  return next === undefined ? text : `${text}\nMore: --after ${next}`;
}

function oneText(one: ListedAdoption): string {
  const state = one.active ? 'may sign in' : 'blocked';
  const lines = [
    `${one.target}: account ${one.login} (${one.accountId}), ${state}, ${plural(one.roles, 'role')}`,
    `  person ${one.userName ?? '-'} (${one.person}), because of: ${shownEvidence(one.message)}, since ${when(one.since)}`,
  ];
  if (one.word !== null) lines.push(`  ${one.word} ${when(one.saidAt)} by ${one.saidBy ?? '-'}: ${one.reason ?? ''}`);
  return lines.join('\n');
}

const asJson = ({ message, ...one }: ListedAdoption): unknown => ({
  ...one,
  evidence: evidenceIn(message) ?? null,
});

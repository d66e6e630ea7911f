import type { CaseKind } from '../model/correlation.ts';
import { CASE_FIELDS, listCases, type StoredCase } from '../store/correlation/case-list.ts';
import type { Db } from '../store/db.ts';
import { namesOfPeople } from '../store/people-list.ts';
import { oneCase, readCaseTerms } from './case-find.ts';
import { addResolve } from './case-resolve.ts';
import { add, group, type Program } from './command.ts';
import { readLimit } from './paging.ts';
import { clip, table, when, wrap } from './text.ts';

/** `cases list|show|resolve`: records of which somebody has to say whose they are. */
export function addCases(program: Program): void {
  const cases = group(program, 'cases', 'records of which somebody has to say whose they are', 'cases list');
  add<{ filter?: string; limit: string; after?: string; all?: boolean }>(program, cases, {
    usage: 'list',
    about: 'what waits for a decision, the oldest first',
    examples: ['cases list', 'cases list --filter "kind:twin source:corp-ad"', 'cases list --all --json'],
    options: (command) =>
      command
        .option('--filter <terms>', `field:value, blanks AND, * wildcard; fields: ${CASE_FIELDS.join(', ')}`)
        .option('--all', 'also what was decided, ignored, or became clear by itself')
        .option('--limit <n>', 'cases on a page', '100')
        .option('--after <case>', 'go on after this one'),
    run: async (context, options) => {
      const terms = readCaseTerms(options.filter, options.all === true);
      const limit = readLimit(options.limit);
      return context.withStore(async ({ db }) => {
        const found = await listCases(db, { terms, limit: limit + 1, after: options.after });
        const page = found.slice(0, limit);
        const next = found.length > limit ? page.at(-1)?.id : undefined;
        return {
          json: { cases: page, ...(next === undefined ? {} : { next }) },
          text: page.length === 0 ? nothing(options) : await pageText(db, page, next),
        };
      });
    },
  });
  add(program, cases, {
    usage: 'show <case>',
    about: 'one case: the record, whose it may be, what can be decided',
    examples: ['cases show c_8jW1cPq0aZx2'],
    run: async (context, _options, id = '') =>
      context.withStore(async ({ db }) => {
        const found = await oneCase(db, id);
        return { json: found, text: await oneText(db, found) };
      }),
  });
  addResolve(program, cases);
}

const nothing = (options: { filter?: string; after?: string }): string =>
  options.filter === undefined && options.after === undefined ? 'Nothing waits for a decision.' : 'No case matches.';

async function pageText(db: Db, page: readonly StoredCase[], next: string | undefined): Promise<string> {
  const names = await namesOfPeople(
    db,
    page.flatMap((one) => one.persons.slice(0, 1)),
  );
  const rows = page.map(({ id, kind, state, source, userName, persons, since }) => [
    id,
    state === 'open' ? kind : `${kind}, ${state}`,
    clip(`${source}/${userName}`, 34),
    clip(personsText(persons, names), 26),
    when(since),
  ]);
  const kinds = [...new Set(page.map((one) => one.kind))];
  return [
    table(['CASE', 'KIND', 'RECORD', 'MAY BE', 'SINCE'], rows),
    '',
    ...kinds.map((kind) => wrap(`${kind}: ${ABOUT[kind]}`, 98)),
    '',
    ...(next === undefined ? [] : [`More: --after ${next}`]),
    'What each may come to, and how to say so: drawbridge cases show CASE',
  ].join('\n');
}

function personsText(persons: readonly string[], names: ReadonlyMap<string, string>): string {
  const [first, ...others] = persons;
  if (first === undefined) return '-';
  return `${names.get(first) ?? first}${others.length === 0 ? '' : ` +${others.length}`}`;
}

/** What each kind says. */
const ABOUT: Readonly<Record<CaseKind, string>> = {
  ambiguous: 'a key finds several persons',
  recycled: 'only a user name or e-mail address connects it with somebody who is gone, and those are given out again',
  second: 'the person whom it finds has a record in the same source already',
  contradicted: 'a user name or e-mail address finds somebody, and a better key says that they are two',
  undecided: 'whether it is a human (people:, secondary:) could not be decided: an attribute was not delivered',
  twin: 'it is somebody already, and its keys find another person too',
  dormant: 'it was disabled when it was first seen, and its person is active elsewhere: it blocks nobody for now',
};

async function oneText(db: Db, one: StoredCase): Promise<string> {
  const names = await namesOfPeople(db, [...one.persons, ...(one.person === null ? [] : [one.person])]);
  const named = (id: string): string => (names.has(id) ? `${names.get(id)} (${id})` : id);
  const found = one.key === null ? '' : `, by ${one.key}${one.value === null ? '' : ` ${clip(one.value, 60)}`}`;
  return [
    `${one.id}  ${one.kind}, ${one.state}`,
    `  record  ${one.source}/${one.anchor}  ${one.displayName ?? one.userName} (${one.userName})`,
    one.person === null ? '  of nobody' : `  of ${named(one.person)}`,
    ...one.persons.filter((id) => id !== one.person).map((id) => `  may be  ${named(id)}${found}`),
    ...wrap(`since ${when(one.since)}: ${ABOUT[one.kind]}`, 96)
      .split('\n')
      .map((line) => `  ${line}`),
    ...(one.decidedBy === null
      ? []
      : [`  ${one.outcome ?? one.state} by ${one.decidedBy}, ${when(one.decidedAt)}${why(one)}`]),
    ...(one.state === 'resolved' ? [] : ['', ...choices(one)]),
  ].join('\n');
}

const why = ({ reason, ticket }: StoredCase): string =>
  reason === null ? '' : `: ${reason}${ticket === null ? '' : ` (${ticket})`}`;

/** What can be decided, as command lines. */
function choices({ id, kind, person, persons }: StoredCase): string[] {
  const say = (what: string, then: string): string =>
    `  drawbridge cases resolve ${id} ${what} --reason …\n      ${then}`;
  const [first = 'PERSON'] = persons;
  if (kind === 'dormant') {
    return [
      say('--same', 'it counts: the person is suspended'),
      say('--ignore', 'it goes on saying nothing until its source says it again'),
    ];
  }
  if (person !== null) {
    return [
      say(`--person ${first}`, 'the two are one human, and are merged'),
      say('--new', 'they are two, and stay two'),
    ];
  }
  return [
    ...(persons.length === 0 ? [] : [say(`--person ${first}`, 'it is theirs')]),
    say('--new', 'it is somebody of their own'),
    say('--ignore', 'it is to be nobody'),
  ];
}

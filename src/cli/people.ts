import { attributesOf } from '../app/attributes.ts';
import { buildPerson } from '../mapping/people.ts';
import { type CaseTerm, listCases } from '../store/correlation/case-list.ts';
import { groupsAbove } from '../store/groups.ts';
import { loadPeople } from '../store/people.ts';
import { listPeople, PEOPLE_FIELDS, type ListedPerson, type PeopleField } from '../store/people-list.ts';
import { add, group, type Program } from './command.ts';
import { likePattern, parseFilter } from './filter.ts';
import { readLimit } from './paging.ts';
import { addPersonActs } from './person-acts.ts';
import { findPerson } from './person.ts';
import { clip, recordState, table, when } from './text.ts';

const OPEN: CaseTerm = { field: 'state', like: 'open' };

/** `people list|show|merge|split|undo|history` */
export function addPeople(program: Program): void {
  const people = group(program, 'people', 'the persons that sources told of', 'people list');
  add<{ filter?: string; limit: string; after?: string }>(program, people, {
    usage: 'list',
    about: 'people, by user name',
    examples: [
      'people list --filter "life:active email:*@example.com"',
      'people list --filter "source:okta dormant:yes"',
      'people list --limit 50 --after p_8jW1cPq0aZx2',
    ],
    options: (command) =>
      command
        .option('--filter <terms>', `field:value, blanks AND, * wildcard; fields: ${PEOPLE_FIELDS.join(', ')}`)
        .option('--limit <n>', 'people on a page', '100')
        .option('--after <person>', 'go on after this one'),
    run: async (context, options) => {
      const terms = parseFilter(options.filter, PEOPLE_FIELDS).map(({ field, value }) => ({
        field: field as PeopleField,
        like: likePattern(value),
      }));
      const limit = readLimit(options.limit);
      const found = await context.withStore(async ({ db }) => {
        const after = options.after === undefined ? undefined : await findPerson(db, options.after);
        return listPeople(db, { terms, after, limit: limit + 1 });
      });
      const page = found.slice(0, limit);
      const next = found.length > limit ? page.at(-1)?.id : undefined;
      return {
        json: { people: page, ...(next === undefined ? {} : { next }) },
        text: page.length === 0 ? nobody(options) : pageText(page, next),
      };
    },
  });
  add(program, people, {
    usage: 'show <person>',
    about: 'one person: what the sources say, and every group with its path',
    examples: ['people show ann@example.com'],
    run: async (context, _options, text = '') =>
      context.withStore(async ({ db }, settings) => {
        const declared = attributesOf(settings).attributes;
        const { id } = await findPerson(db, text);
        const [stored] = await loadPeople(db, [id]);
        if (stored === undefined) throw new Error(`person ${id} has gone`);
        const person = buildPerson(stored, await groupsAbove(db, [id]), declared);
        const cases = await listCases(db, { terms: [{ field: 'person', like: likePattern(id) }, OPEN], limit: 20 });
        const groups = [...person.groups].map(([group, path]) => ({ id: group, path }));
        const records = person.records.map(
          ({ source, anchor, active, gone, missing, version, secondary, dormant }) => ({
            source,
            anchor,
            active,
            gone,
            missing,
            version,
            secondary,
            dormant,
          }),
        );
        const { userName, displayName, email, life, generation, attributes } = person;
        const lines = [
          `${displayName}  ${id}  ${life}`,
          ...records.map((r) => `  record  ${r.source}/${r.anchor}  ${recordState(r)}`),
          ...(groups.length === 0
            ? ['  in no group']
            : groups.map((g) => `  group   ${g.path.map((s) => s.name).join(' → ')}  ${g.id}`)),
          ...cases.map((one) => `  case    ${one.id}  ${one.kind}: ${clip(`${one.source}/${one.userName}`, 60)}`),
          ...Object.entries(attributes).map(([name, value]) => `  ${name}: ${clip(showValue(value), 90)}`),
        ];
        return {
          json: {
            id,
            userName,
            displayName,
            email: email ?? null,
            life,
            generation,
            attributes,
            groups,
            records,
            cases,
          },
          text: lines.join('\n'),
        };
      }),
  });
  addPersonActs(program, people);
}

function pageText(page: readonly ListedPerson[], next: string | undefined): string {
  const rows = page.map((p) => [
    clip(p.userName, 36),
    clip(p.displayName ?? '-', 24),
    p.dormant ? `${p.life}, dormant` : p.life,
    p.source,
    when(p.changedAt),
  ]);
  const text = table(['USER NAME', 'NAME', 'LIFE', 'SOURCE', 'CHANGED'], rows);
  return next === undefined ? text : `${text}\n\nMore: --after ${next}`;
}

function nobody(options: { filter?: string; after?: string }): string {
  if (options.filter !== undefined || options.after !== undefined) return 'Nobody matches.';
  return 'Nobody yet. Give a SCIM client an address and a token: drawbridge tokens create --source ID';
}

function showValue(value: unknown): string {
  if (Array.isArray(value)) return value.join(', ');
  return value instanceof Date ? value.toISOString() : String(value);
}

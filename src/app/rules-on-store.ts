import type { Views } from '../jobs/deps.ts';
import { candidates } from '../mapping/index-rules.ts';
import { inputOf } from '../mapping/input.ts';
import { buildPerson } from '../mapping/people.ts';
import type { NamedGroup, Problem } from '../model/rules.ts';
import type { Db } from '../store/db.ts';
import { groupsAbove } from '../store/groups.ts';
import { groupsMeant, type StoredGroup } from '../store/named-groups.ts';
import { loadPeople, personIdsAfter } from '../store/people.ts';

const PAGE = 500;

/**
 * What the rules say against what is stored: groups that no source has, that were renamed or deleted, and rules that
 * hold for nobody. Goes through the people in pages, and no further than until every rule has held once. `seen` is
 * told how many people were looked at.
 */
export async function rulesOnStore(
  db: Db,
  views: Views,
  now: Date,
  seen?: (people: number) => void,
): Promise<Problem[]> {
  const told = await groupProblems(db, views.rules.groups ?? []);
  const lost = new Set(told.flatMap((t) => (t.lost ? [t.rule] : [])));
  return [...told.map((t) => t.problem), ...(await neverHeld(db, views, now, lost, seen))];
}

interface Told {
  readonly rule: string;
  /** Nobody can be in it. */
  readonly lost: boolean;
  readonly problem: Problem;
}

async function groupProblems(db: Db, named: readonly NamedGroup[]): Promise<Told[]> {
  const ids = named.flatMap(({ source, id }) => (id === undefined ? [] : [{ source, id }]));
  const names = named.flatMap(({ source, id, name }) =>
    id !== undefined || name === undefined ? [] : [{ source, name }],
  );
  const stored = named.length === 0 ? [] : await groupsMeant(db, ids, names);
  return named.flatMap((group) => {
    const found = stored.filter((s) =>
      group.id === undefined
        ? s.name === group.name && s.id.startsWith(`${group.source}/`)
        : s.id === `${group.source}/${group.id}`,
    );
    const wrong = groupProblem(group, found);
    if (wrong === undefined) return [];
    const [lost, message, remedy] = wrong;
    const problem: Problem = {
      severity: 'warning',
      place: group.place,
      message: `rule ${group.rule}: ${message}`,
      remedy,
    };
    return [{ rule: group.rule, lost, problem }];
  });
}

function groupProblem(
  { source, id, name }: NamedGroup,
  found: readonly StoredGroup[],
): readonly [lost: boolean, message: string, remedy: string] | undefined {
  const what = id === undefined ? `group called ${name}` : `group ${id}${name === undefined ? '' : ` (${name})`}`;
  const there = found.filter((group) => !group.gone);
  const [one] = there;
  if (one === undefined) {
    return found.length > 0
      ? [true, `the ${what} was deleted at ${source}`, 'name the group that took its place, or remove the rule']
      : [true, `${source} has no ${what}`, 'correct the id, or let the source send the group'];
  }
  if (there.length > 1) {
    return [false, `${source} has ${there.length} groups called ${name}`, 'add the `id` of the one that is meant'];
  }
  if (name === undefined || one.name === name) return undefined;
  return [
    false,
    `the ${what} is called ${one.name} at ${source} now; what it gives stays`,
    'write the new name, or check that it is still the group that is meant',
  ];
}

async function neverHeld(
  db: Db,
  { rules, attributes }: Views,
  now: Date,
  known: ReadonlySet<string>,
  seen: ((people: number) => void) | undefined,
): Promise<Problem[]> {
  const open = new Set(rules.rules.map((rule) => rule.id).filter((id) => !known.has(id)));
  const unsure = new Map<string, number>();
  let people = 0;
  let last: string | undefined;
  while (open.size > 0) {
    const ids = await personIdsAfter(db, last, PAGE);
    last = ids.at(-1);
    if (last === undefined) break;
    const graph = await groupsAbove(db, ids);
    for (const stored of await loadPeople(db, ids)) {
      if (stored.records.length === 0) continue;
      const person = buildPerson(stored, graph, attributes);
      if (person.life === 'left') continue;
      people += 1;
      const input = inputOf(person, now);
      for (const { rule } of candidates(person, rules)) {
        if (!open.has(rule.id)) continue;
        const outcome = rule.if?.evaluate(input) ?? { value: true };
        if ('indeterminate' in outcome) unsure.set(rule.id, (unsure.get(rule.id) ?? 0) + 1);
        else if (outcome.value) open.delete(rule.id);
      }
    }
    seen?.(people);
  }
  if (people === 0) return [];
  return rules.rules
    .filter((rule) => open.has(rule.id))
    .map((rule) => {
      const many = unsure.get(rule.id);
      const undecided = many === undefined ? '' : `, and could not be decided for ${many}`;
      return {
        severity: 'warning',
        place: rule.if?.place ?? rule.place,
        message: `rule ${rule.id} holds for none of the ${people} people stored${undecided}`,
        remedy: 'correct it if somebody should be in it; remove it if it is no longer needed',
      };
    });
}

import type { Person } from '../model/person.ts';
import type { ExpressionInput, Said } from '../model/rules.ts';
import { saidBy } from './people.ts';

/** What expressions may read of a person. */
export function inputOf(person: Person, now: Date): ExpressionInput {
  const names = [...new Set([...person.groups.values()].map((path) => path.at(-1)?.name ?? ''))].toSorted();
  const bySource = new Map<string, Said | undefined>();
  return {
    user: { ...person.attributes, groups: names },
    covers: new Set([...person.covers, 'groups']),
    now,
    groups: person.groups,
    from: (source) => {
      if (!bySource.has(source)) bySource.set(source, saidBy(person.records, source));
      return bySource.get(source);
    },
  };
}

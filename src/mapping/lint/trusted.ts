import type { Place, Problem } from '../../model/rules.ts';
import { decidingSources, gives, type LintInput } from './input.ts';

/** Where some sources are marked trusted, protected rules go by those alone. An error: a weak source must not decide. */
export function untrusted(input: LintInput): Problem[] {
  const { rules, trusted } = input;
  if (trusted.size === 0) return [];
  const found: Problem[] = [];
  const refuse = (place: Place, id: string, what: string, sources: readonly string[]): void => {
    const weak = sources.filter((source) => !trusted.has(source));
    if (weak.length === 0) return;
    const message = `protected rule ${id} goes by ${what} of ${weak.join(', ')}, which is not marked trusted`;
    const remedy = `use ${[...trusted].map((s) => `user.from("${s}")`).join(' or ')}, or a group there`;
    found.push({ severity: 'error', place, message, remedy });
  };
  for (const one of rules) {
    const { rule, condition } = one;
    if (!rule.protected || !gives(one)) continue;
    const group = rule.when?.group;
    if (group !== undefined) refuse(group.place, rule.id, 'a group', [group.source]);
    if (condition === undefined) continue;
    const { place } = condition.expression;
    for (const read of condition.facts.reads) {
      const what = read.name === 'groups' ? 'names of groups' : `user.${read.name}`;
      refuse(place, rule.id, what, read.name === 'groups' ? input.sources : decidingSources(input, read));
    }
    for (const { source } of condition.facts.groups) refuse(place, rule.id, 'a group', [source]);
  }
  return found;
}

import type { GroupId, GroupPath, Person } from '../model/person.ts';
import type { Rule, RuleSet } from '../model/rules.ts';

/** A rule whose `when` holds for a person, and the way to the group, if it names one. */
export interface Candidate {
  readonly rule: Rule;
  readonly path?: GroupPath;
}

interface Index {
  readonly byGroup: ReadonlyMap<GroupId, readonly Rule[]>;
  readonly byName: ReadonlyMap<string, readonly Rule[]>;
  readonly everybody: readonly Rule[];
}

const indexes = new WeakMap<RuleSet, Index>();

/**
 * The rules that may concern a person, sorted by id. Costs the person's groups and the rules without `when`, however
 * many rules there are: the index is made once for a rule set.
 */
export function candidates(person: Person, rules: RuleSet): Candidate[] {
  const index = indexOf(rules);
  const found = new Map<string, Candidate>();
  for (const rule of index.everybody) found.set(rule.id, { rule });
  for (const [id, path] of person.groups) {
    const name = path.at(-1)?.name;
    const named = name === undefined ? undefined : index.byName.get(nameKey(sourceOf(id), name));
    for (const rule of [...(index.byGroup.get(id) ?? []), ...(named ?? [])]) {
      if (rule.when?.group.nested === false && path.length > 1) continue;
      const before = found.get(rule.id)?.path;
      if (before === undefined || shorter(path, before)) found.set(rule.id, { rule, path });
    }
  }
  return [...found.values()].toSorted((a, b) => (a.rule.id < b.rule.id ? -1 : 1));
}

function indexOf(rules: RuleSet): Index {
  const known = indexes.get(rules);
  if (known !== undefined) return known;
  const byGroup = new Map<GroupId, Rule[]>();
  const byName = new Map<string, Rule[]>();
  const everybody: Rule[] = [];
  for (const rule of rules.rules) {
    const group = rule.when?.group;
    if (group === undefined) everybody.push(rule);
    else if (group.id !== undefined) push(byGroup, `${group.source}/${group.id}`, rule);
    else push(byName, nameKey(group.source, group.name ?? ''), rule);
  }
  const index = { byGroup, byName, everybody };
  indexes.set(rules, index);
  return index;
}

function push<K>(map: Map<K, Rule[]>, key: K, rule: Rule): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [rule]);
  else list.push(rule);
}

/** Source ids have no slash, so the first one ends them. */
const sourceOf = (id: GroupId): string => id.slice(0, id.indexOf('/'));
const nameKey = (source: string, name: string): string => `${source}/${name}`;

const shorter = (a: GroupPath, b: GroupPath): boolean =>
  a.length === b.length ? (a.at(-1)?.id ?? '') < (b.at(-1)?.id ?? '') : a.length < b.length;

/** Names of the roles at a target that some `protected` rule gives: those a leaver loses first. */
export function protectedRoles(rules: RuleSet, target: string): ReadonlySet<string> {
  const guarded = rules.rules.filter((r) => r.protected && !r.shadow);
  return new Set(guarded.flatMap((r) => r.grant.filter((g) => g.target === target).map((g) => g.role)));
}

import type { LoadedRule } from '../load/rule.ts';

/** What has to be true of a person for a rule to hold, as far as it can be compared. */
export interface Premise {
  readonly group?: { readonly key: string; readonly nested: boolean };
  readonly parts: ReadonlySet<string>;
}

export function premiseOf({ rule, condition }: LoadedRule): Premise {
  const group = rule.when?.group;
  const parts = new Set(condition?.facts.always?.value === true ? [] : (condition?.facts.parts ?? []));
  if (group === undefined) return { parts };
  const key = JSON.stringify([group.source, group.id ?? null, group.id === undefined ? group.name : null]);
  return { group: { key, nested: group.nested }, parts };
}

/** Does everybody who has `narrow` have `wide` too? By what is written alone: `false` may only mean that nobody knows. */
export function implies(narrow: Premise, wide: Premise): boolean {
  if (wide.group !== undefined) {
    if (narrow.group?.key !== wide.group.key) return false;
    if (narrow.group.nested && !wide.group.nested) return false;
  }
  return wide.parts.size <= narrow.parts.size && [...wide.parts].every((part) => narrow.parts.has(part));
}

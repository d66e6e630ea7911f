import type { Problem } from '../../model/rules.ts';
import type { LoadedRule } from '../load/rule.ts';
import { glob } from '../verdicts.ts';
import type { LintInput } from './input.ts';
import { implies, premiseOf } from './premise.ts';

/** More pairs of grant and deny than this are not compared. */
const MOST_PAIRS = 2_000_000;

/** Rules that never hold, conditions that always do, and grants that some `deny` takes away from all who have them. */
export function unreachable({ rules }: LintInput): Problem[] {
  return [...rules.flatMap(constant), ...swallowed(rules)];
}

function constant({ rule, condition }: LoadedRule): Problem[] {
  const always = condition?.facts.always;
  if (condition === undefined || always === undefined) return [];
  const { place } = condition.expression;
  if (!always.value) {
    const remedy = 'correct the condition, or remove the rule';
    return [{ severity: 'warning', place, message: `rule ${rule.id} never holds: ${always.because}`, remedy }];
  }
  const message = `\`if\` of rule ${rule.id} is always true: ${always.because}`;
  return [{ severity: 'warning', place, message, remedy: 'leave it out' }];
}

function swallowed(rules: readonly LoadedRule[]): Problem[] {
  const denials = rules
    .filter((r) => !r.rule.shadow && r.condition?.facts.always?.value !== false)
    .flatMap((r) =>
      r.rule.deny.map((d) => ({ id: r.rule.id, target: d.target, matches: glob(d.role), premise: premiseOf(r) })),
    );
  const grants = rules.reduce((sum, { rule }) => sum + rule.grant.length, 0);
  if (denials.length * grants > MOST_PAIRS) return [];
  return rules.flatMap((one): Problem[] => {
    const premise = premiseOf(one);
    return one.rule.grant.flatMap((grant): Problem[] => {
      const by = denials.find((d) => d.target === grant.target && d.matches(grant.role) && implies(premise, d.premise));
      if (by === undefined) return [];
      return [
        {
          severity: 'warning',
          place: grant.place,
          message: `rule ${one.rule.id} never gives ${grant.target}/${grant.role}: rule ${by.id} denies it to all of them`,
          remedy: 'narrow the deny, or remove the grant',
        },
      ];
    });
  });
}
